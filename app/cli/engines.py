"""`corral engine`: what runs models: listed, added, chosen, removed."""

import sys
from argparse import Namespace
from pathlib import Path

from app.cli.parts import Parts
from app.cli.rendering import ProgressLine, human_size, print_json, remark, table
from app.core.engine_adding import add_engine, folders_in_use, remove_engine, takes_choice
from app.core.engine_list import EngineEntry, Origin, engine_entries, entry_named
from app.core.engine_packs import EnginePack, read_pack
from app.core.engine_shelf import gone
from app.core.errors import AppError, NotFoundError
from app.core.installed_engines import AUTOMATIC, InstalledEngine, engine_places
from app.core.setting_names import change_setting
from app.core.update_source import load_source

SETTING = "engine.engine"
_FROM: dict[Origin, str] = {
    "program": "Corral",
    "person": "you",
    "kept": "an earlier Corral",
    "package": "Python package",
}
_RUNS_ON = {"": "processor", "cuda": "CUDA", "vulkan": "Vulkan", "metal": "Metal"}
_WARNING = """\
Corral's makers have not signed this engine. An engine is program code that runs as you: it can read
and change all that you can. Add it only if you trust whoever gave it to you.
"""


def ls(arguments: Namespace) -> int:
    """List the engines, those that cannot be used last; a star marks the one that runs models."""
    with Parts() as parts:
        entries, used = _entries(parts), _used(parts)
        chosen = parts.settings.current.engine.engine
        missing = ""
        choice = parts.engines.choose("", wanted=chosen)
        if choice is not None and chosen not in (AUTOMATIC, choice.engine.key):
            missing = gone(chosen, choice.engine)
    busy = folders_in_use()
    if arguments.json:
        print_json(
            [_row(each, used, running=each.folder is not None and each.folder.resolve() in busy)
             for each in entries]
        )  # fmt: skip
        return 0
    if missing:
        remark(missing)
    if not entries:
        sys.stdout.write("There is no engine. Add one with: corral engine add FILE\n")
        return 0
    head = ["", "NAME", "RUNS ON", "SIZE", "FROM", "ID"]
    rows: list[tuple[str, ...]] = [
        (
            "*" if each.key == used and not each.problem else "",
            each.name,
            "" if each.problem else _RUNS_ON.get(each.accelerator, each.accelerator),
            human_size(each.size) if each.size else "",
            _FROM[each.origin] + (", signed" if each.signed else ""),
            each.key,
        )
        for each in entries
    ]
    if any(each.problem for each in entries):
        head.append("PROBLEM")
        rows = [(*row, each.problem) for row, each in zip(rows, entries, strict=True)]
    sys.stdout.write(table(head, rows, right=(3,)) + "\n")
    return 0


def _row(entry: EngineEntry, used: str, *, running: bool) -> dict[str, object]:
    """What a script may rely on; sizes in bytes."""
    return {
        "id": entry.key,
        "name": entry.name,
        "version": entry.version,
        "accelerator": entry.accelerator,
        "from": entry.origin,
        "folder": None if entry.folder is None else str(entry.folder),
        "size": entry.size,
        "signed": entry.signed,
        "used": entry.key == used and not entry.problem,
        "running": running,
        "problem": entry.problem,
    }


def add(arguments: Namespace) -> int:
    """Add an engine; one that nobody vouches for only after a question."""
    path = Path(arguments.file)
    if not path.exists():
        raise NotFoundError(f"There is no file {path}")
    with Parts() as parts:
        pack = read_pack(path.absolute(), load_source().by_id())
        if not pack.signed and not arguments.yes and not _confirmed(pack):
            return 1
        line = ProgressLine(quiet=arguments.quiet)
        try:
            engine = add_engine(
                pack,
                engine_places(parts.paths),
                lambda done, of: line.show(f"{done / of:.0%} of {human_size(of)}"),
                lambda: False,
            )
        finally:
            line.clear()
        parts.engines.forget(engine.id)
        used = _used(parts)
    sys.stdout.write(f"{engine.key}\n")
    if engine.key == used:
        remark(_runs(engine))
    else:
        remark(f"Another one is used. To use this: corral engine use {engine.key}")
    return 0


def _confirmed(pack: EnginePack) -> bool:
    if not sys.stdin.isatty():
        raise AppError(
            f"{pack.path.name} was not added",
            "Corral's makers have not signed it, so somebody has to say that it may run.",
            "Without a terminal to ask in, add --yes.",
        )
    sys.stderr.write(_WARNING)
    try:
        answer = input(f"Add {pack.manifest.id} ({human_size(pack.size)})? [y/N] ")
    except EOFError:
        return False
    return answer.strip().lower() in ("y", "yes")


def use(arguments: Namespace) -> int:
    """Choose the engine for every load to come, in the running Corral too."""
    with Parts() as parts:
        key: str = arguments.engine
        if key != AUTOMATIC:
            usable = [each for each in _entries(parts) if not each.problem]
            entry_named(usable, key)
        _choose(parts, key)
        used = parts.engines.choose("", wanted=key)
    if used is not None:
        remark(_runs(used.engine))
    return 0


def rm(arguments: Namespace) -> int:
    """Delete an engine that was added; if it was the chosen one, the choice is automatic again."""
    with Parts() as parts:
        entries = _entries(parts)
        key: str = arguments.engine
        own = [each for each in entries if each.key == key and each.removable]
        entry = own[0] if own else entry_named(entries, key)
        remove_engine(entry, engine_places(parts.paths))
        parts.engines.forget(entry.key)
        chosen = parts.settings.current.engine.engine
        if takes_choice(entry, chosen, engine_places(parts.paths)):
            _choose(parts, AUTOMATIC)
    sys.stdout.write(f"Deleted: {entry.key}\n")
    return 0


def _runs(engine: InstalledEngine) -> str:
    return f"{engine.name} ({engine.key}) runs models from their next load on."


def _choose(parts: Parts, key: str) -> None:
    if parts.running is not None:
        parts.running.change_setting(SETTING, key)
    else:
        change_setting(parts.settings, SETTING, key)


def _entries(parts: Parts) -> tuple[EngineEntry, ...]:
    return engine_entries(engine_places(parts.paths), load_source().by_id())


def _used(parts: Parts) -> str:
    """The key of the engine that a load would take; "" where there is none."""
    choice = parts.engines.choose("", wanted=parts.settings.current.engine.engine)
    return choice.engine.key if choice else ""
