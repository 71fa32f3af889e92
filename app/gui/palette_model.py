"""What the palette offers for what was typed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from app.core.ollama_name import parse_ollama
from app.gui.controls.list_view import RowRole
from app.gui.formatting import file_size
from app.gui.model_origin import origins_of_namesakes

if TYPE_CHECKING:
    from app.core.conversations import SearchHit
    from app.gui.context import AppContext

_MODELS_SHOWN = 6


class PaletteRole(IntEnum):
    """Beyond `RowRole`."""

    COMMAND = Qt.ItemDataRole.UserRole + 50
    TYPED = Qt.ItemDataRole.UserRole + 51


@dataclass(frozen=True)
class Command:
    """One row: what it says and where it leads."""

    text: str
    page: str
    """A page id, "eject" or "shortcuts"."""
    argument: object = None
    detail: str = ""
    side: str = ""
    hint: str = ""
    """Said instead of `side` while the row is chosen."""
    icon: str = ""
    """None of it: a dot, filled when `ready`."""
    ready: bool = False
    shortcut: str = ""


class PaletteModel(QAbstractListModel):
    """Group titles and commands."""

    def __init__(self, context: AppContext, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._typed = ""
        self._hits: tuple[SearchHit, ...] = ()
        self._rows: list[Command | str] = []

    def show(self, typed: str) -> None:
        """Offer what fits; chats come later by `show_chats`."""
        self._hits = ()
        self._typed = typed
        self._fill()

    def show_chats(self, hits: tuple[SearchHit, ...]) -> None:
        """Chats that hold what was typed."""
        self._hits = hits
        self._fill()

    def row_of(self, command: Command | None) -> int:
        """Where a command is now; -1 when it is not offered."""
        return self._rows.index(command) if command is not None and command in self._rows else -1

    def _fill(self) -> None:
        self.beginResetModel()
        self._rows = []
        for title, commands in (
            (self.tr("Switch model"), self._models()),
            (self.tr("Chats"), self._chats()),
            (self.tr("Actions"), self._actions()),
        ):
            if commands:
                self._rows += [title, *commands]
        self.endResetModel()

    def _fits(self, text: str) -> bool:
        return all(word in text.casefold() for word in self._typed.casefold().split())

    def _models(self) -> list[Command]:
        recent = {name: place for place, name in enumerate(self._recent())}
        library = self._context.library.models()
        origins = origins_of_namesakes(library)
        models = [
            model
            for model in library
            if model.present and model.problem is None and self._fits(model.name)
        ]
        models.sort(key=lambda model: (recent.get(model.id, len(recent)), model.name))
        loaded = {each.model.id for each in self._context.runtime.loaded() if each.state == "ready"}
        return [
            Command(
                text=model.name,
                page="chat",
                argument={"switch_model": model.id},
                detail=" · ".join(
                    part
                    for part in (
                        model.quantization,
                        model.publisher if model.is_remote else file_size(model.disk_size),
                        "" if model.is_remote else origins.get(model.id, ""),
                    )
                    if part
                ),
                side=self.tr("Loaded") if model.id in loaded else "",
                hint=self.tr("Switch") if model.id in loaded else self.tr("Load and switch"),
                ready=model.id in loaded,
            )
            for model in models[:_MODELS_SHOWN]
        ]

    def _recent(self) -> tuple[str, ...]:
        return self._context.settings.current.models.recent

    def _chats(self) -> list[Command]:
        commands = []
        for hit in self._hits:
            title = self._context.store.get(hit.conversation_id).title
            argument = {"conversation_id": hit.conversation_id, "message_id": hit.message_id}
            text = title or self.tr("New chat")
            detail = hit.snippet if hit.message_id is not None else ""
            commands.append(Command(text, "chat", argument, detail=detail, icon="message-square"))
        if self._typed:
            text = self.tr("Search all chats for “%1”").replace("%1", self._typed)
            commands.append(
                Command(
                    text,
                    "chat",
                    {"search": self._typed},
                    icon="text-search",
                    shortcut="Ctrl+Shift+F",
                )
            )
        return commands

    def _actions(self) -> list[Command]:
        commands = []
        if self._typed:
            text = self.tr("Find “%1” in Discover").replace("%1", self._typed)
            if name := parse_ollama(self._typed):
                text = self.tr("Show %1 of Ollama’s registry").replace("%1", name.short)
            argument = {"query": self._typed}
            commands.append(Command(text, "discover", argument, icon="compass", shortcut="Ctrl+2"))
        fixed = [
            Command(
                self.tr("New chat"), "chat", {"new": True}, icon="square-pen", shortcut="Ctrl+N"
            ),
            Command(self.tr("Discover models"), "discover", icon="compass", shortcut="Ctrl+2"),
            Command(self.tr("My models"), "models", icon="box", shortcut="Ctrl+3"),
            Command(self.tr("Downloads"), "downloads", icon="download", shortcut="Ctrl+4"),
            Command(self.tr("Settings"), "settings", icon="settings", shortcut="Ctrl+5"),
            Command(self.tr("Shortcuts"), "shortcuts", icon="keyboard", shortcut="F1"),
        ]
        for loaded in self._context.runtime.loaded():
            text = self.tr("Eject %1").replace("%1", loaded.model.name)
            fixed.insert(0, Command(text, "eject", loaded.model.id, icon="eject"))
        return commands + [command for command in fixed if self._fits(command.text)]

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:
        """Titles and commands."""
        return 0 if parent.isValid() else len(self._rows)

    def flags(self, index: QModelIndex | QPersistentModelIndex) -> Qt.ItemFlag:
        """Titles cannot be chosen."""
        if isinstance(self._rows[index.row()], str):
            return Qt.ItemFlag.NoItemFlags
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = 0) -> object:
        """What the delegate asks for."""
        row = self._rows[index.row()]
        if isinstance(row, str):
            titles: dict[int, object] = {Qt.ItemDataRole.DisplayRole: row, RowRole.KIND: "group"}
            return titles.get(role)
        values: dict[int, object] = {
            Qt.ItemDataRole.DisplayRole: row.text,
            PaletteRole.COMMAND: row,
            PaletteRole.TYPED: self._typed,
        }
        return values.get(role)
