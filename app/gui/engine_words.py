"""What the window says of engines."""

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QCoreApplication

from app.core.engine_list import EngineEntry
from app.core.engine_packs import EnginePack
from app.core.installed_engines import InstalledEngine
from app.gui.formatting import file_size


def _tr(text: str) -> str:
    return QCoreApplication.translate("Engines", text)


def runs_on(accelerator: str) -> str:
    """What an engine computes on; its name says by which means."""
    return _tr("Graphics card and processor") if accelerator else _tr("Processor")


def origin_words(entry: EngineEntry) -> str:
    """Where an engine is from, and whether anybody vouches for it."""
    words = {
        "program": _tr("comes with Corral"),
        "person": _tr("added by you, not signed"),
        "kept": _tr("kept from the version before"),
        "package": _tr("of the Python package"),
    }
    return _tr("added by you, signed by Corral’s makers") if entry.signed else words[entry.origin]


def entry_sentence(entry: EngineEntry, models: Sequence[str]) -> str:
    """What it computes on, how large it is, where it is from, and which models it runs now."""
    parts = [runs_on(entry.accelerator)]
    if entry.size:
        parts.append(file_size(entry.size))
    parts.append(origin_words(entry))
    if models:
        parts.append(_tr("runs %1").replace("%1", ", ".join(models)))
    return " · ".join(parts)


def passed_words(models: Mapping[str, str]) -> str:
    """The models that an engine could not load, by name, and why."""
    named = []
    for name, why in models.items():
        words = f"{name} ({why.rstrip('.')})" if why else name
        named.append(words)
    words = _tr("Could not load %1, which an earlier engine runs")
    if len(named) > 1:
        words = _tr("Could not load %1, which earlier engines run")
    return words.replace("%1", ", ".join(named)) if named else ""


def choice_names(entries: Sequence[EngineEntry]) -> list[str]:
    """Names to choose among; where two are alike, with where they are from."""
    names = [each.name for each in entries]
    short = {
        "program": _tr("Corral"),
        "person": _tr("added"),
        "kept": _tr("kept"),
        "package": _tr("package"),
    }
    return [
        f"{each.name} · {short[each.origin]}" if names.count(each.name) > 1 else each.name
        for each in entries
    ]


def question_title(pack: EnginePack) -> str:
    """Asked before it is added."""
    if pack.signed:
        return _tr("Add this engine?")
    return _tr("Add an engine that is not signed?")


def question_text(pack: EnginePack) -> str:
    """What it is, and what adding it means."""
    manifest = pack.manifest
    named = InstalledEngine(manifest.id, manifest.version, accelerator=manifest.accelerator)
    facts = [named.name, runs_on(manifest.accelerator), file_size(pack.size)]
    if pack.signed:
        words = _tr("It is signed by Corral’s makers.")
    else:
        words = _tr(
            "Corral’s makers have not signed it. An engine is program code that runs as you: it "
            "can read and change everything that you can. Add it only if you trust whoever gave "
            "it to you."
        )
    return f"{words}\n\n{' · '.join(facts)}\n{pack.path.name}"


def removal_text(models: Sequence[str]) -> str:
    """What removing means, for the models that run with it."""
    text = _tr("Its files are deleted. Models, chats and other engines stay.")
    if models:
        ejected = _tr("%1 runs with it and is ejected first.")
        if len(models) > 1:
            ejected = _tr("%1 run with it and are ejected first.")
        text = f"{ejected.replace('%1', ', '.join(models))} {text}"
    return text
