"""Settings, General: looks, privacy, models, data."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QWidget

from app.core.checksums import Broken
from app.core.disk_use import size_of_models
from app.core.errors import AppError
from app.gui.controls.buttons import Button
from app.gui.controls.combo import ComboBox
from app.gui.controls.elided import ElidedLabel
from app.gui.controls.labels import Label
from app.gui.controls.slider import ValueSlider
from app.gui.controls.switch import Switch
from app.gui.formatting import file_size, number, percent
from app.gui.library_actions import files_left
from app.gui.library_progress import Progress
from app.gui.settings_memory import MemoryGroup
from app.gui.settings_rows import SettingGroup, SettingRow, SettingSection
from app.gui.settings_theme import ThemeTiles
from app.gui.worker import CancelFlag

if TYPE_CHECKING:
    from app.core.library_types import LocalModel
    from app.core.settings import Settings
    from app.gui.context import AppContext

_SMALLEST, _LARGEST = 12, 22
_STANDARD = 15


class PathField(QWidget):
    """A path that is shown, not typed; it loses its middle where there is no room."""

    def __init__(self, name: str, width: int = 192) -> None:
        super().__init__()
        self.setObjectName("path")
        self.setProperty("path", True)
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedSize(width, 28)
        self.label = ElidedLabel("", "code", mode=Qt.TextElideMode.ElideMiddle)
        self.setAccessibleName(name)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 0, 10, 0)
        row.addWidget(self.label)

    def show_path(self, path: Path) -> None:
        """Another path."""
        self.label.setText(str(path))
        self.setAccessibleDescription(str(path))


class GeneralSection(SettingSection):
    """What most people look for."""

    section_id = "general"
    icon = "sliders-horizontal"

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self._context = context
        self._stop: CancelFlag | None = None
        """Ends the move of the models that is under way."""
        self._progress = Progress(self)
        self._progress.moved.connect(self._folder_moved)
        self.add(self._appearance())
        self.add(self._privacy())
        self.add(self._models())
        self.memory = MemoryGroup(context)
        self.add(self.memory)
        self.add(self._data())
        self.column.addStretch(1)
        context.bridge.on(context.library.changed, self.refresh)
        context.disk_room.seen.connect(self._show_room)

    def title(self) -> str:
        """Its name."""
        return self.tr("General")

    def _appearance(self) -> SettingGroup:
        icons = self._context.icons
        self.theme = ThemeTiles(icons)
        self.theme.chosen.connect(self._choose_theme)
        name = self.tr("Text size")
        self.text_size = ValueSlider(
            icons,
            name,
            minimum=_SMALLEST,
            maximum=_LARGEST,
            default=_STANDARD,
            suffix="px",
            show_label=False,
        )
        self.text_size.setFixedWidth(228)
        self.text_size.value_changed.connect(self._choose_size)
        small = Label("A", "caption")
        self.text_size.add_before_field(Label("A", "reading-h2"))
        self.language = ComboBox(icons, self.tr("Language"))
        self.language.add("English", "en")
        self.language.setFixedWidth(200)
        theme_row = SettingRow(
            self.tr("Theme"),
            self.tr("System follows the desktop, also at night"),
            self.theme,
            tall=True,
        )
        size_row = SettingRow(
            name, self.tr("The reading size in chats; controls follow"), small, self.text_size
        )
        language_row = SettingRow(
            self.tr("Language"), self.tr("French is prepared for, not yet there"), self.language
        )
        return SettingGroup(self.tr("Appearance"), theme_row, size_row, language_row)

    def _privacy(self) -> SettingGroup:
        self.offline = Switch(self._context.icons, self.tr("Offline"))
        self.offline.clicked.connect(self._choose_offline)
        row = SettingRow(
            self.tr("Offline"),
            self.tr(
                "Nothing leaves this computer: no search, no downloads, no remote models, no look "
                "for updates."
            ),
            self.offline,
        )
        return SettingGroup(self.tr("Privacy"), row)

    def _models(self) -> SettingGroup:
        icons = self._context.icons
        self.folder = PathField(self.tr("Models folder"))
        self.change_folder = Button(icons, self.tr("Change…"), small=True)
        self.change_folder.clicked.connect(self._ask_folder)
        self.folder_row = SettingRow(self.tr("Models folder"), " ", self.folder, self.change_folder)
        self.threads = ValueSlider(
            icons,
            self.tr("Processor threads"),
            minimum=1,
            maximum=2,
            show_label=False,
        )
        self.threads.setFixedWidth(256)
        self.threads.value_changed.connect(self._choose_threads)
        self.threads_row = SettingRow(self.tr("Processor threads"), " ", self.threads)
        return SettingGroup(self.tr("Models"), self.folder_row, self.threads_row)

    def _data(self) -> SettingGroup:
        button = Button(self._context.icons, self.tr("Show in folder"), "folder-open", small=True)
        button.clicked.connect(self._show_data)
        self.data_row = SettingRow(
            self.tr("Chats, presets and settings"), str(self._context.paths.data), button
        )
        return SettingGroup(self.tr("Data"), self.data_row)

    # What is in force

    def show_settings(self, settings: Settings) -> None:
        """Take over what is in force."""
        look = settings.appearance
        self.theme.set_current(look.theme)
        self.text_size.set_value(look.font_size)
        self.language.choose(look.language)
        self.offline.setChecked(settings.network.offline)
        self._show_threads(settings.engine.threads)
        self.memory.show_engine(settings.engine)
        self.folder.show_path(self._context.library.folder)

    def _show_threads(self, chosen: int | None) -> None:
        hardware = self._context.hardware
        standard = max(1, hardware.physical_cores - 1)
        self.threads.set_range(1, max(2, hardware.logical_cores))
        self.threads.set_default(standard)
        self.threads.set_value(chosen or standard)
        words = self.tr("This computer has %1 cores; leaving one free keeps it responsive")
        self.threads_row.say(words.replace("%1", number(hardware.physical_cores)))

    def refresh(self) -> None:
        """Count models and free room, off the GUI thread."""
        self._context.disk_room.look()

    def _own_models(self) -> list[LocalModel]:
        """Those in the standard folder."""
        library = self._context.library
        return [
            each
            for each in library.models()
            if each.source == "corral"
            and each.present
            and library.own_folders.of(each.path) == library.folder
        ]

    def _show_room(self, free: int | None, error: AppError | None) -> None:
        if error is not None:
            self.folder_row.say(str(error), "danger")
            return
        size = size_of_models(self._own_models())
        words = self.tr("%1 of models, %2 free")
        self.folder_row.say(words.replace("%1", file_size(size)).replace("%2", file_size(free)))

    # Choices

    def _choose_theme(self, choice: str) -> None:
        settings = self._context.settings
        settings.update(appearance=replace(settings.current.appearance, theme=choice))

    def _choose_size(self, size: float | None) -> None:
        settings = self._context.settings
        look = replace(settings.current.appearance, font_size=int(size or _STANDARD))
        settings.update(appearance=look)

    def _choose_offline(self, on: bool) -> None:
        settings = self._context.settings
        try:
            settings.update(network=replace(settings.current.network, offline=on))
        except AppError:
            self.offline.setChecked(settings.current.network.offline)  # never a promise not kept
            raise

    def _choose_threads(self, threads: float | None) -> None:
        settings = self._context.settings
        standard = not self.threads.is_changed()
        chosen = None if standard or threads is None else int(threads)
        settings.update(engine=replace(settings.current.engine, threads=chosen))

    def _show_data(self) -> None:
        data = self._context.paths.data
        data.mkdir(parents=True, exist_ok=True)
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(data)))

    def _ask_folder(self) -> None:
        if self._stop is not None:  # the button says Cancel
            self._stop.set()
            self.change_folder.setEnabled(False)
            return
        dialog = QFileDialog(self, self.tr("Models folder"), str(self._context.library.folder))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.choose_folder)
        dialog.open()

    def choose_folder(self, text: str) -> None:
        """Use another folder; models in the old one can come along."""
        path = Path(text)
        own = self._own_models()
        if path == self._context.library.folder:
            return
        if not own:
            self._use_folder(path, move=False)
            return
        size = file_size(size_of_models(own))
        answers = {"move": self.tr("Move them"), "leave": self.tr("Leave them there")}
        self._context.notifier.choose(
            self.tr("Take the models along?"),
            self.tr("%1 of models are in the folder used so far.").replace("%1", size),
            answers,
            partial(self._folder_answer, path),
        )

    def _folder_answer(self, path: Path, answer: str | None) -> None:
        if answer is not None:
            self._use_folder(path, move=answer == "move")

    def _use_folder(self, path: Path, *, move: bool) -> None:
        self.change_folder.setEnabled(move)
        self.folder_row.say(self.tr("Moving…") if move else self.tr("Changing…"), "accent")
        closed, report = self._progress.begin(), self._progress.report
        stop = CancelFlag()
        if move:
            self._stop = stop
            self.change_folder.setText(self.tr("Cancel"))
        change = self._context.library.change_folder
        self._context.worker.run(
            lambda: change(path, move, report, lambda: stop.is_set() or closed.is_set()),
            done=self._folder_changed,
            failed=self._folder_refused,
            cancel=closed,
        )

    def _folder_moved(self, fraction: float) -> None:
        if fraction:
            text = self.tr("Moving, %1").replace("%1", percent(fraction))
            self.folder_row.say(text, "accent")

    def _folder_changed(self, left: Sequence[Path]) -> None:
        self._folder_over()
        if left:
            self._context.notifier.error(files_left(left))
        self.folder.show_path(self._context.library.folder)
        self.refresh()

    def _folder_refused(self, error: Exception) -> None:
        self._folder_over()
        if isinstance(error, Broken):
            self.refresh()
        else:
            self.folder_row.say(str(error), "danger")

    def _folder_over(self) -> None:
        self._progress.end()
        self._stop = None
        self.change_folder.setText(self.tr("Change…"))
        self.change_folder.setEnabled(True)
