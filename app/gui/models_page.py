"""My models: what is on this computer, what it needs, what can be done with it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, QPoint, Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QHideEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from app.core.disk_use import disk_uses, size_of_models
from app.core.errors import AppError
from app.core.library import LocalModel
from app.core.runtime import NotEnoughMemory
from app.gui import formatting, library_menus, library_rows
from app.gui.chat_models import ChatModels
from app.gui.controls.buttons import Button, IconButton
from app.gui.controls.card import Line, Region
from app.gui.controls.empty_state import EmptyState
from app.gui.controls.fields import SearchField
from app.gui.controls.focus import release_focus
from app.gui.controls.labels import Label
from app.gui.controls.strip import Strip
from app.gui.library_actions import LibraryActions
from app.gui.library_disk import DiskPicture
from app.gui.library_drawer import LibraryDrawer
from app.gui.library_engine_note import EngineNote
from app.gui.library_header import HeaderReader
from app.gui.library_keeper import ModelKeeper
from app.gui.library_look import FolderLooks
from app.gui.library_menus import RowAction
from app.gui.library_model import CONTEXT, PARAMETERS, QUANTIZATION, SIZE
from app.gui.library_rows import LibraryRow
from app.gui.library_table import LibraryTable
from app.gui.library_updates import LibraryUpdates, update_words
from app.gui.library_upkeep import LibraryUpkeep
from app.gui.page import Page

if TYPE_CHECKING:
    from app.gui.context import AppContext

_OTHER_FILE = re.compile(r"\.(?!gguf$)[a-z]\w{0,6}", re.IGNORECASE)
"""What files end in that are no models; names of folders have dots too, as in "Qwen2.5-7B"."""
_VERY_NARROW = 640
_LEAST_ROOM = {CONTEXT: 760, PARAMETERS: 760, SIZE: 520, QUANTIZATION: 400}
"""Pixels below which a column gives way; the quantization tells two files of a model apart."""


class ModelsPage(Page):
    """Table, disk picture, and a drawer for the chosen model."""

    page_id = "models"

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAcceptDrops(True)
        self._context = context
        self._models = ChatModels(context, self)
        self.library_actions = LibraryActions(context, self)
        self.upkeep = LibraryUpkeep(context, self)
        self.updates = LibraryUpdates(context, self)
        self._chosen = ""
        self._lay_out()
        self.keeper = ModelKeeper(context, self.drawer, self)
        self.header_reader = HeaderReader(context, self.drawer, self)
        self.engine_note = EngineNote(context, self.drawer.engine_note, self)
        self.looks = FolderLooks(context, self)
        self._connect()
        self.refresh()

    def _lay_out(self) -> None:
        icons = self._context.icons
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        left = Region("canvas")
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._make_header())
        column.addWidget(Line())
        self.strip = Strip(icons, tone="info")
        self.strip.hide()
        column.addWidget(self.strip)
        self.work_strip = Strip(icons, tone="info", action=self.tr("Cancel"))
        self.work_strip.hide()
        self.work_strip.action_chosen.connect(self.upkeep.cancel)
        column.addWidget(self.work_strip)
        self._stack = QStackedWidget()
        column.addWidget(self._stack, 1)
        self.table = LibraryTable(icons)
        self._stack.addWidget(self.table)
        self._empty = EmptyState(
            icons,
            "box",
            self.tr("No models yet"),
            self.tr("Models on this computer appear here, with what they need to run."),
            action=self.tr("Find a model"),
            action_icon="compass",
        )
        self._empty.button.clicked.connect(self._empty_pressed)
        self._stack.addWidget(self._empty)
        column.addWidget(Line())
        self.disk = DiskPicture(icons)
        column.addWidget(self.disk)
        row.addWidget(left, 1)
        self._drawer_line = Line(vertical=True)
        row.addWidget(self._drawer_line)
        self.drawer = LibraryDrawer(icons)
        row.addWidget(self.drawer)
        self._show_drawer(visible=False)

    def _make_header(self) -> QWidget:
        icons = self._context.icons
        header = QWidget()
        header.setFixedHeight(icons.theme.metric("header") - 1)  # the line below counts
        row = QHBoxLayout(header)
        row.setContentsMargins(24, 1, 12, 0)
        row.setSpacing(8)
        row.addWidget(Label(self.tr("My models"), "page-title"))
        row.addSpacing(8)
        self.count = Label("", "body", "text-3")
        row.addWidget(self.count)
        row.addStretch(1)
        self.search = SearchField(icons, self.tr("Find in my models"))
        self.search.setMaximumWidth(208)
        self.search.setMinimumWidth(120)
        row.addWidget(self.search, 1)
        self.add_button = Button(icons, self.tr("Add…"), "plus")
        self.add_button.clicked.connect(self._open_add_menu)
        row.addWidget(self.add_button)
        self.folder_button = IconButton(icons, "folder-cog", self.tr("Models folder"))
        self.folder_button.clicked.connect(self._open_folder_menu)
        row.addWidget(self.folder_button)
        return header

    def _connect(self) -> None:
        context, table, drawer = self._context, self.table, self.drawer
        self.search.textChanged.connect(self._filter)
        table.row_chosen.connect(self._row_chosen)
        table.clicked.connect(lambda _: self._open_drawer())
        table.chat_asked.connect(self._chat)
        table.folder_asked.connect(lambda row: self.library_actions.reveal(row.model))
        table.menu_asked.connect(self._open_row_menu)
        table.delete_asked.connect(lambda row: self.library_actions.ask_delete(row.model))
        drawer.closed.connect(lambda: self._show_drawer(visible=False))
        drawer.chat.connect(lambda: self._with_row(self._chat))
        drawer.load.connect(lambda: self._with_row(self._load))
        drawer.eject.connect(lambda: self._with_row(self._eject))
        drawer.folder.connect(
            lambda: self._with_row(lambda row: self.library_actions.reveal(row.model))
        )
        drawer.delete.connect(
            lambda: self._with_row(lambda row: self.library_actions.ask_delete(row.model))
        )
        drawer.update_wanted.connect(
            lambda: self._with_row(lambda row: self.updates.start_for(row.model))
        )
        self.updates.changed.connect(self.refresh)
        self.disk.show_folder.connect(self.library_actions.show_folder)
        self.library_actions.working.connect(self.strip.say)
        self.library_actions.adopted.connect(self._adopted)
        self.library_actions.changed.connect(self._library_changed)
        self.upkeep.working.connect(self.work_strip.say)
        self.upkeep.imported.connect(self._adopted)
        self.upkeep.changed.connect(self._library_changed)
        self._models.changed.connect(lambda _: self.refresh())
        self._models.failed.connect(self._load_failed)
        context.bridge.on(context.library.changed, self._library_changed)

    # The page protocol

    def activated(self) -> None:
        """Look at the folders and the disk again."""
        context = self._context
        context.worker.run(context.library.scan, failed=context.notifier.error)
        self.updates.look()
        self.refresh()
        self._look_at_disk()

    def leaving(self) -> None:
        """Keep what was typed a moment ago."""
        self.keeper.flush()

    def hideEvent(self, event: QHideEvent) -> None:
        """Another page is shown: keep what was typed."""
        super().hideEvent(event)
        self.keeper.flush()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Model files and folders may be dropped."""
        if _dropped(event.mimeData()):
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()

    def dropEvent(self, event: QDropEvent) -> None:
        """Show what importing them would do."""
        event.accept()
        self.upkeep.ask_import(_dropped(event.mimeData()))

    def open_with(self, argument: object) -> None:
        """{"model_id": id} chooses a model."""
        if isinstance(argument, dict) and (model_id := argument.get("model_id")):
            self.search.clear()
            if self.table.choose(str(model_id)):
                self._open_drawer()

    def find_in_page(self) -> None:
        """Ctrl+F goes to the search field."""
        self.search.setFocus()
        self.search.selectAll()

    def escape(self) -> bool:
        """Esc closes the drawer."""
        if self.drawer.isHidden():
            return False
        self._show_drawer(visible=False)
        self.table.setFocus()
        return True

    def regions(self) -> Sequence[QWidget]:
        """Search, table, drawer."""
        return (self.search, self.table, self.drawer.chat_button)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The least important columns give way."""
        super().resizeEvent(event)
        self._fit_columns()

    # Showing

    def refresh(self) -> None:
        """Show all models as they are now."""
        runtime, library = self._context.runtime, self._context.library
        models = library.models()
        entries = [entry for model in models if (entry := runtime.get(model.id)) is not None]
        self.table.table_model().set_rows(library_rows.rows_of(models, entries, self.updates.ids()))
        if self._chosen:
            blocked = self.table.blockSignals(True)
            self.table.choose(self._chosen)
            self.table.blockSignals(blocked)
        count, size = len(models), formatting.file_size(size_of_models(models))
        words = self.tr("1 model, %1") if count == 1 else self.tr("%n models, %1", "", count)
        self.count.setText(words.replace("%1", size) if count else "")
        self._say_empty()
        row = self._row_of(self._chosen)
        if row is None:
            self._show_drawer(visible=False)
        else:
            self._show_in_drawer(row)

    def _show_in_drawer(self, row: LibraryRow) -> None:
        self.drawer.show_row(row)
        self.engine_note.show_model(row.model)
        update = self.updates.of(row.model) if row.newer else None
        self.drawer.newer.say(update_words(update) if update else "")

    def _say_empty(self) -> None:
        shown = bool(self.table.table_model().rows())
        self._stack.setCurrentIndex(0 if shown else 1)
        if shown:
            return
        if self.search.text():
            title = self.tr("No model is called “%1”").replace("%1", self.search.text())
            self._empty.say(title, self.tr("The hub may have it."))
        else:
            self._empty.say(
                self.tr("No models yet"),
                self.tr("Models on this computer appear here, with what they need to run."),
            )

    def _empty_pressed(self) -> None:
        text = self.search.text()
        self.open_page.emit("discover", {"query": text} if text else None)

    def _filter(self, text: str) -> None:
        self.table.table_model().set_filter(text)
        self._say_empty()

    def _row_of(self, model_id: str) -> LibraryRow | None:
        model = self.table.table_model()
        return model.row(model.find(model_id)) if model_id else None

    def _row_chosen(self, row: LibraryRow | None) -> None:
        if row is None or row.model.id == self._chosen:
            return
        self._chosen = row.model.id
        self._show_in_drawer(row)
        self.header_reader.show_model(row.model)
        self.keeper.show_model(row.model)

    def _open_drawer(self) -> None:
        if self._row_of(self._chosen) is not None:
            self._show_drawer(visible=True)

    def _show_drawer(self, *, visible: bool) -> None:
        if not visible:
            release_focus(self.drawer, self.table)
        self.drawer.setVisible(visible)
        self._drawer_line.setVisible(visible)
        self._fit_columns()

    def _fit_columns(self) -> None:
        room = self.width() - (self.drawer.width() if not self.drawer.isHidden() else 0)
        self.table.hide_columns([column for column, least in _LEAST_ROOM.items() if room < least])
        self.count.setVisible(room >= _VERY_NARROW)

    # What the person does

    def _with_row(self, action: RowAction) -> None:
        row = self._row_of(self._chosen)
        if row is not None:
            action(row)

    def _chat(self, row: LibraryRow) -> None:
        if row.usable:
            self.open_page.emit("chat", {"model_id": row.model.id})

    def _load(self, row: LibraryRow) -> None:
        self._models.load(row.model)

    def _eject(self, row: LibraryRow) -> None:
        self._models.eject(row.model.id)

    def _load_failed(self, model_id: str, error: AppError) -> None:
        self.refresh()
        row = self._row_of(model_id)
        if isinstance(error, NotEnoughMemory) and row is not None:
            self._context.notifier.confirm(
                error.title,
                f"{error.message} {error.hint}".strip(),
                self.tr("Load anyway"),
                lambda yes: self._models.load(row.model, force=True) if yes else None,
            )
        else:
            self._context.notifier.error(error)

    def _open_row_menu(self, row: LibraryRow, at: QPoint) -> None:
        menu = library_menus.row_menu(
            self._context.icons,
            self,
            row,
            self.library_actions,
            chat=self._chat,
            load=self._load,
            eject=self._eject,
            variant=lambda row: self.keeper.ask_variant(row.model),
            update=lambda row: self.updates.start_for(row.model),
        )
        menu.popup(at)

    def _open_add_menu(self) -> None:
        menu = library_menus.add_menu(
            self._context.icons, self, self.library_actions, self.upkeep, self._browse
        )
        menu.popup_under(self.add_button, right=True)

    def _open_folder_menu(self) -> None:
        menu = library_menus.folder_menu(
            self._context.icons, self, self.library_actions, self.upkeep
        )
        menu.popup_under(self.folder_button, right=True)

    def _browse(self) -> None:
        self.open_page.emit("discover", None)

    def _adopted(self, model: LocalModel) -> None:
        self.refresh()
        if self.table.choose(model.id):
            self._open_drawer()

    # The world around

    def _look_at_disk(self) -> None:
        context = self._context
        folder = (self.tr("Models folder"), context.library.folder)
        if folder[1] in context.library.silent_folders():
            self.disk.show_uses(())
            return
        context.worker.run(
            lambda: disk_uses(folder, context.library.roots(), context.library.models()),
            done=self.disk.show_uses,
            failed=self._no_disk,
        )

    def _no_disk(self, error: AppError) -> None:
        self.disk.show_uses(())

    def _library_changed(self) -> None:
        self.refresh()
        self._look_at_disk()


def _dropped(data: QMimeData) -> list[Path]:
    """The files and folders in what is dragged that could be models. Looks at no disk."""
    paths = [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
    return [path for path in paths if not _OTHER_FILE.fullmatch(path.suffix)]
