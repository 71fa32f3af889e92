"""What the list of My models shows of each model."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from PySide6.QtCore import QCoreApplication

from app.core.library import LocalModel
from app.core.ollama_name import ollama_name_of
from app.core.runtime import LoadedModel
from app.gui import formatting
from app.gui.model_origin import origins_of_namesakes

RowState = Literal["", "loading", "ready", "stopped"]
DOTS: dict[RowState, str] = {"": "", "loading": "accent", "ready": "success-mark",
                             "stopped": "danger-mark"}  # fmt: skip
REMOTE = "radio-tower"
"""The icon of models on servers."""


@dataclass(frozen=True)
class LibraryRow:
    """One model with what is going on."""

    model: LocalModel
    state: RowState = ""
    fraction: float = 0.0
    stopped_by: str = ""
    need: int = 0
    """Bytes it takes while it is loaded; 0 where nobody knows."""
    newer: bool = False
    """The hub has a newer version."""
    engine: str = ""
    """Name of the engine that runs it, where that is not the usual one."""
    origin: str = ""
    """Where it comes from, if another model has its name."""

    @property
    def usable(self) -> bool:
        """Whether it can be loaded."""
        return self.model.present and not self.model.problem


@dataclass(frozen=True)
class SecondLine:
    """The line under a model's name."""

    text: str
    icon: str = ""
    role: str = "text-3"


def _tr(text: str) -> str:
    return QCoreApplication.translate("library", text)


def rows_of(
    models: Sequence[LocalModel],
    loaded: Sequence[LoadedModel],
    newer: Collection[str] = (),
) -> list[LibraryRow]:
    """Every model of the library as a row; `newer` are ids of those the hub has newer."""
    by_id = {each.model.id: each for each in loaded}
    origins = origins_of_namesakes(models)
    rows = []
    for model in models:
        entry, origin = by_id.get(model.id), origins.get(model.id, "")
        row = LibraryRow(model, newer=model.id in newer, origin=origin)
        if entry is not None:
            row = replace(
                row,
                state=entry.state,
                fraction=entry.fraction,
                stopped_by=entry.error.title if entry.error else "",
                need=entry.need.total if entry.need else 0,
                engine=_unusual_engine(entry),
            )
        rows.append(row)
    return rows


def _unusual_engine(entry: LoadedModel) -> str:
    choice = entry.choice
    return choice.engine.name if choice is not None and choice.note else ""


def second_line(row: LibraryRow, now: datetime | None = None) -> SecondLine:
    """What is going on with a model, or what is against it, or what it is."""
    model = row.model
    if not model.present:
        return SecondLine(model.problem or _tr("not connected"), "unplug")
    if model.problem:
        return SecondLine(model.problem, "triangle-alert")
    if row.state == "loading":
        percent = formatting.percent(row.fraction)
        return SecondLine(_tr("Loading, %1").replace("%1", percent), "", "accent")
    if row.state == "stopped":
        why = row.stopped_by or _tr("the engine ended by itself")
        return SecondLine(_tr("Stopped: %1").replace("%1", why), "", "danger")
    if model.is_remote:
        on = _tr("on %1").replace("%1", model.publisher)
        return SecondLine(_joined(on, _tr("connected") if row.state == "ready" else ""), REMOTE)
    return _calm_line(row, now)


def _calm_line(row: LibraryRow, now: datetime | None) -> SecondLine:
    """Of a model that nothing is going on with."""
    model = row.model
    kind, memory = model.architecture or model.format.upper(), _memory(row)
    if model.source == "starter":
        return SecondLine(_joined(kind, _tr("starter model, read-only"), memory))
    if row.state == "ready":
        return SecondLine(_joined(kind, row.origin, memory))
    if model.variant_of:
        return SecondLine(_joined(kind, _tr("variant"), row.origin, *model.tags), "copy")
    if model.same_file_as:
        words = _tr("same file as %1").replace("%1", model.same_file_as)
        return SecondLine(_joined(kind, words, *model.tags), "link")
    if model.source == "folder":
        words = _tr("used in place, belongs to another app or folder")
        if model.program:
            words = _tr("used in place, belongs to %1").replace("%1", model.program)
        return SecondLine(_joined(kind, words, *model.tags), "link")
    source = row.origin or (model.repo or "" if ollama_name_of(model.repo or "") else "")
    added = _added(model, now or datetime.now())
    return SecondLine(_joined(kind, source, added, *model.tags))


def newer_word() -> str:
    """What the badge of a model says that the hub has newer."""
    return _tr("Update")


def _joined(*parts: str) -> str:
    return " · ".join(part for part in parts if part)


def _memory(row: LibraryRow) -> str:
    """ "183 MB in memory" of a model that is loaded."""
    if row.state != "ready":
        return ""
    memory = _tr("loaded")
    if row.need:
        memory = _tr("%1 in memory").replace("%1", formatting.memory_size(row.need))
    return _joined(memory, row.engine)


def _added(model: LocalModel, now: datetime) -> str:
    when = datetime.fromtimestamp(model.added)
    if when.date() == now.date():
        return _tr("added today")
    return _tr("added %1").replace("%1", formatting.short_date(model.added, now))


def matches(row: LibraryRow, text: str) -> bool:
    """Whether every word of a search is in what is known of a model."""
    model = row.model
    known = " ".join(
        (
            *(model.name, model.architecture, model.quantization, model.publisher),
            *(model.repo or "", model.program, model.notes, *model.tags),
        )
    ).lower()
    return all(word in known for word in text.lower().split())
