"""Models that other programs on this computer have: found, and used where they lie."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec import structs

from app.core.library_read import is_for_others
from app.core.library_scan import find_models
from app.core.other_programs import ProgramFolder
from app.core.settings import SettingsStore


@dataclass(frozen=True)
class FoundProgram:
    """A folder of another program with models in it."""

    program: str
    """For people: "Ollama"."""
    path: Path
    count: int
    """Models in it."""
    size: int
    """Bytes of them."""


def find_programs(
    folders: Iterable[ProgramFolder], known: Sequence[Path]
) -> tuple[FoundProgram, ...]:
    """Those of `folders` that hold models and lie in none of the `known` folders.

    Touches the disk, but opens no model.
    """
    taken = [_real(path) for path in known]
    found = []
    for folder in folders:
        real = _real(folder.path)
        if not os.path.isdir(real) or any(real.is_relative_to(each) for each in taken):
            continue
        taken.append(real)
        count, size = _measure(folder)
        if count:
            found.append(FoundProgram(folder.program, folder.path, count, size))
    return tuple(found)


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _measure(folder: ProgramFolder) -> tuple[int, int]:
    """Models and bytes; two names of one file are one."""
    seen: dict[tuple[int, int], int] = {}
    count = 0
    try:
        for found in find_models(folder.path, "folder", folder.program):
            if is_for_others(found):
                continue
            stats = [path.stat() for path in found.files]
            new = {(stat.st_dev, stat.st_ino): stat.st_size for stat in stats}
            count += not new.keys() <= seen.keys()
            seen |= new
    except OSError:  # it may not be read, or is being changed: nothing to offer
        return 0, 0
    return count, sum(seen.values())


def use_programs(settings: SettingsStore, found: Iterable[FoundProgram]) -> None:
    """List their models from now on, where they lie; the next scan finds them.

    Nothing of them is ever moved or deleted. Raises what `SettingsStore.update` does.
    """
    models = settings.current.models
    new = (str(each.path) for each in found)
    folders = tuple(dict.fromkeys((*models.extra_folders, *new)))
    settings.update(models=structs.replace(models, extra_folders=folders, programs_asked=True))
