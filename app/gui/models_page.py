"""My models: what is on this computer, what it needs, what can be done with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import structs
from PySide6.QtCore import QPoint, QUrl
from PySide6.QtGui import QDesktopServices, QResizeEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from app.core.errors import AppError
from app.core.gguf_types import GgufHeader
from app.core.hardware import memory_snapshot
from app.core.library import LocalModel
from app.core.runtime import NotEnoughMemory
from app.gui import formatting, library_rows, library_table
from app.gui.chat_models import ChatModels
from app.gui.controls.buttons import Button, IconButton
from app.gui.controls.card import Line, Region
from app.gui.controls.empty_state import EmptyState
from app.gui.controls.fields import SearchField
from app.gui.controls.labels import Label
from app.gui.controls.menu import Menu
from app.gui.controls.strip import Strip
from app.gui.library_disk import DiskPicture, DiskUse, disk_use
from app.gui.library_drawer import LibraryDrawer
from app.gui.library_rows import LibraryRow
from app.gui.library_table import LibraryTable
from app.gui.page import Page
from app.gui.worker import Task
from backends.types import LoadConfig

if TYPE_CHECKING:
    from app.gui.context import AppContext

RowAction = Callable[[LibraryRow], object]
PathAction = Callable[[Path], object]

_NARROW = 760
_VERY_NARROW = 640


class ModelsPage(Page):
    """Table, disk picture, and a drawer for the chosen model."""

    page_id = "models"

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._models = ChatModels(context, self)
        self._shown: LocalModel | None = None
        self._header: GgufHeader | None = None
        self._header_task: Task | None = None
        self._chosen = ""
        self._lay_out()
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
        header.setFixedHeight(icons.theme.metric("header"))
        row = QHBoxLayout(header)
        row.setContentsMargins(24, 0, 12, 0)
        row.setSpacing(8)
        row.addWidget(Label(self.tr("My models"), "page-title"))
        row.addSpacing(8)
        self.count = Label("", "body", "text-3")
        row.addWidget(self.count)
        row.addStretch(1)
        self.search = SearchField(icons, self.tr("Find in my models"))
        self.search.setMaximumWidth(208)
        self.search.setMinimumWidth(120)
        row.addWidget(self.search)
        self.add_button = Button(icons, self.tr("Add…"), "plus")
        self.add_button.clicked.connect(self._open_add)
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
        table.folder_asked.connect(lambda row: self._reveal(row.model))
        table.menu_asked.connect(self._open_row_menu)
        table.delete_asked.connect(self._ask_delete)
        drawer.closed.connect(lambda: self._show_drawer(visible=False))
        drawer.chat.connect(lambda: self._with_row(self._chat))
        drawer.load.connect(lambda: self._with_row(self._load))
        drawer.eject.connect(lambda: self._with_row(self._eject))
        drawer.folder.connect(lambda: self._with_row(lambda row: self._reveal(row.model)))
        drawer.delete.connect(lambda: self._with_row(self._ask_delete))
        drawer.config_changed.connect(self._config_changed)
        self.disk.show_folder.connect(self._show_folder)
        self._models.changed.connect(lambda _: self.refresh())
        self._models.failed.connect(self._load_failed)
        context.bridge.on(context.library.changed, self._library_changed)
        context.bridge.on(context.settings.changed, self._settings_changed)

    # The page protocol

    def activated(self) -> None:
        """Look at the folders and the disk again."""
        self._context.worker.run(self._context.library.scan, failed=self._failed)
        self.refresh()
        self._look_at_disk()

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
        self.table.table_model().set_rows(library_rows.rows_of(models, entries))
        if self._chosen:
            blocked = self.table.blockSignals(True)
            self.table.choose(self._chosen)
            self.table.blockSignals(blocked)
        count, size = len(models), formatting.file_size(sum(model.size for model in models))
        words = self.tr("1 model, %1") if count == 1 else self.tr("%n models, %1", "", count)
        self.count.setText(words.replace("%1", size) if count else "")
        self._say_empty()
        row = self._row_of(self._chosen)
        if row is None:
            self._show_drawer(visible=False)
        else:
            self.drawer.show_row(row)

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
        self.drawer.show_row(row)
        self._read_header(row.model)

    def _open_drawer(self) -> None:
        if self._row_of(self._chosen) is not None:
            self._show_drawer(visible=True)

    def _show_drawer(self, *, visible: bool) -> None:
        self.drawer.setVisible(visible)
        self._drawer_line.setVisible(visible)
        self._fit_columns()

    def _fit_columns(self) -> None:
        room = self.width() - (self.drawer.width() if not self.drawer.isHidden() else 0)
        hidden: list[int] = []
        if room < _NARROW:
            hidden = [library_table.PARAMETERS, library_table.CONTEXT]
        if room < _VERY_NARROW:
            hidden.append(library_table.QUANTIZATION)
        self.table.hide_columns(hidden)
        self.count.setVisible(room >= _VERY_NARROW)

    # The header of the chosen model

    def _read_header(self, model: LocalModel) -> None:
        if self._header_task is not None:
            self._header_task.cancel()
        self._shown, self._header = model, None
        self._show_header()
        if model.present and not model.problem and model.format == "gguf":
            self._header_task = self._context.worker.run(
                self._context.library.header,
                model.id,
                done=self._header_read,
                failed=self._header_failed,
            )

    def _header_read(self, header: GgufHeader) -> None:
        self._header = header
        self._show_header()

    def _header_failed(self, error: AppError) -> None:
        self.drawer.problem.say(f"{error.title}. {error.message}")

    def _show_header(self) -> None:
        if self._shown is not None:
            config = self._config_of(self._shown.id)
            free = memory_snapshot().available
            self.drawer.show_header(self._shown, self._header, config, free)

    def _config_of(self, model_id: str) -> LoadConfig:
        return self._context.settings.current.models.load.get(model_id, LoadConfig())

    def _config_changed(self, config: LoadConfig) -> None:
        if self._shown is None:
            return
        models = self._context.settings.current.models
        load = {key: value for key, value in models.load.items() if key != self._shown.id}
        if config != LoadConfig():
            load[self._shown.id] = config
        try:
            self._context.settings.update(models=structs.replace(models, load=load))
        except AppError as error:
            self._context.notifier.error(error)
        self._show_header()

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
        elif self.isVisible():
            self._context.notifier.error(error)

    def _reveal(self, model: LocalModel) -> None:
        folder = model.path if model.path.is_dir() else model.path.parent
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))

    def _open_row_menu(self, row: LibraryRow, at: QPoint) -> None:
        menu = Menu(self._context.icons, self)
        menu.add(
            self.tr("Chat"), partial(self._chat, row), icon="message-square", enabled=row.usable
        )
        if row.state == "ready":
            menu.add(self.tr("Eject"), partial(self._eject, row), icon="eject")
        else:
            can_load = row.usable and row.state != "loading"
            menu.add(self.tr("Load"), partial(self._load, row), icon="play", enabled=can_load)
        menu.add(
            self.tr("Show in the file manager"),
            partial(self._reveal, row.model),
            icon="folder-open",
            enabled=row.model.present,
        )
        menu.addSeparator()
        forget = row.model.read_only or not row.model.present
        menu.add(
            self.tr("Take off the list…") if forget else self.tr("Delete…"),
            partial(self._ask_delete, row),
            icon="x" if forget else "trash-2",
            shortcut="Del",
            danger=not forget,
        )
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(at)

    def _ask_delete(self, row: LibraryRow) -> None:
        model = row.model
        if model.read_only or not model.present:
            title = self.tr("Take “%1” off the list?")
            text = self.tr(
                "Its files do not belong to Corral and stay where they are. Adding its folder or "
                "file again brings it back."
            )
            confirm = self.tr("Take off the list")
        else:
            title = self.tr("Delete “%1”?")
            text = self.tr("%1 go to the trash of this computer. Chats with it are kept.")
            text = text.replace("%1", formatting.file_size(model.size))
            confirm = self.tr("Delete")
        self._context.notifier.confirm(
            title.replace("%1", model.name),
            text,
            confirm,
            lambda yes: self._delete(model) if yes else None,
            danger=not model.read_only,
        )

    def _delete(self, model: LocalModel) -> None:
        context = self._context

        def work() -> str:
            context.runtime.eject(model.id)
            context.library.delete(model.id)
            return model.name

        context.worker.run(work, done=self._deleted, failed=self._failed)

    def _deleted(self, name: str) -> None:
        self._context.notifier.toast(self.tr("“%1” is off the list").replace("%1", name))
        self._look_at_disk()

    def _failed(self, error: AppError) -> None:
        self.strip.hide()
        self._context.notifier.error(error)

    # Folders

    def _folder(self) -> Path:
        return self._context.library.folder

    def _show_folder(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._folder())))

    def _open_add(self) -> None:
        menu = Menu(self._context.icons, self)
        menu.add(self.tr("Use a model file…"), self.choose_file, icon="file-input")
        menu.add(self.tr("Use a folder of models…"), self.choose_folder, icon="folder-search")
        menu.addSeparator()
        menu.add(
            self.tr("Download one"),
            lambda: self.open_page.emit("discover", None),
            icon="compass",
        )
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup_under(self.add_button, right=True)

    def _open_folder_menu(self) -> None:
        menu = Menu(self._context.icons, self)
        menu.add(self.tr("Show the models folder"), self._show_folder, icon="folder-open")
        menu.add(
            self.tr("Move the models to another folder…"),
            partial(self._choose_models_folder, move=True),
            icon="folder-cog",
        )
        menu.add(
            self.tr("Use another folder, leave the models…"),
            partial(self._choose_models_folder, move=False),
            icon="folder",
        )
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup_under(self.folder_button, right=True)

    def choose_file(self) -> None:
        """Ask for a GGUF file and use it where it lies."""
        dialog = QFileDialog(self, self.tr("Use a model file"), str(Path.home()))
        dialog.setNameFilter(self.tr("Models (*.gguf)"))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        self._open_dialog(dialog, self.adopt)

    def choose_folder(self) -> None:
        """Ask for a folder and use the models in it where they lie."""
        dialog = QFileDialog(self, self.tr("Use a folder of models"), str(Path.home()))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        self._open_dialog(dialog, self.adopt)

    def _choose_models_folder(self, *, move: bool) -> None:
        dialog = QFileDialog(self, self.tr("Models folder"), str(self._folder()))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        self._open_dialog(dialog, partial(self.change_folder, move=move))

    def _open_dialog(self, dialog: QFileDialog, chosen: PathAction) -> None:
        dialog.fileSelected.connect(lambda text: chosen(Path(text)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def adopt(self, path: Path) -> None:
        """Use a file or folder of models in place."""
        self.strip.say(self.tr("Looking at %1").replace("%1", str(path)))
        self._context.worker.run(
            self._context.library.adopt, path, done=self._adopted, failed=self._failed
        )

    def _adopted(self, model: LocalModel) -> None:
        self.strip.hide()
        self.refresh()
        if self.table.choose(model.id):
            self._open_drawer()

    def change_folder(self, path: Path, *, move: bool) -> None:
        """Use another models folder."""
        text = self.tr("Moving the models to %1") if move else self.tr("Looking at %1")
        self.strip.say(text.replace("%1", str(path)))
        self._context.worker.run(
            self._context.library.change_folder,
            path,
            move,
            done=self._folder_changed,
            failed=self._failed,
        )

    def _folder_changed(self, _: None) -> None:
        self.strip.hide()
        self.refresh()
        self._look_at_disk()

    # The world around

    def _look_at_disk(self) -> None:
        models = self._context.library.models()
        self._context.worker.run(
            disk_use, self._folder(), models, done=self._disk_seen, failed=self._no_disk
        )

    def _disk_seen(self, use: DiskUse | None) -> None:
        self.disk.show_use(use)

    def _no_disk(self, error: AppError) -> None:
        self.disk.show_use(None)

    def _library_changed(self) -> None:
        self.refresh()
        self._look_at_disk()

    def _settings_changed(self, _: object) -> None:
        self._show_header()
