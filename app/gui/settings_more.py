"""The further sections of the settings: chat, folders, shortcuts, about."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QShowEvent
from PySide6.QtWidgets import QFileDialog, QVBoxLayout

from app import __version__
from app.gui.controls.buttons import Button, IconButton
from app.gui.controls.card import Card
from app.gui.controls.combo import ComboBox
from app.gui.controls.fields import TextField
from app.gui.controls.switch import Switch
from app.gui.licences_panel import LicencesPanel
from app.gui.settings_rows import SettingGroup, SettingRow, SettingSection
from app.gui.shortcuts_sheet import ShortcutList

if TYPE_CHECKING:
    from app.core.engine_shelf import EngineChoice
    from app.core.settings import Settings
    from app.gui.context import AppContext
    from app.gui.worker import Task


class ChatSection(SettingSection):
    """How chats begin and behave."""

    section_id = "chat"
    icon = "message-square"

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self._context = context
        icons = context.icons
        self.preset = ComboBox(icons, self.tr("Preset of a new chat"))
        self.preset.setFixedWidth(200)
        self.preset.activated.connect(self._choose_preset)
        self.name = TextField(icons, self.tr("Your name"), self.tr("Nothing"))
        self.name.setMaxLength(80)
        self.name.setFixedWidth(200)
        self.name.editingFinished.connect(self._choose_name)
        self.enter = Switch(icons, self.tr("Enter sends"))
        self.enter.clicked.connect(self._choose_enter)
        self.add(
            SettingGroup(
                self.tr("New chats"),
                SettingRow(self.tr("Preset"), self.tr("What a new chat starts with"), self.preset),
                SettingRow(
                    self.tr("Your name"),
                    self.tr("Stands for {{user}} in system prompts; the model reads it"),
                    self.name,
                ),
            )
        )
        self.outgrown = ComboBox(icons, self.tr("When a chat outgrows the context"))
        self.outgrown.setFixedWidth(240)
        self.outgrown.add(self.tr("Leave out the oldest"), "drop_oldest")
        self.outgrown.add(self.tr("Leave out the middle"), "truncate_middle")
        self.outgrown.add(self.tr("Stop"), "stop")
        self.outgrown.activated.connect(self._choose_outgrown)
        self.add(
            SettingGroup(
                self.tr("Long chats"),
                SettingRow(
                    self.tr("When a chat outgrows the context"),
                    self.tr("What the model no longer reads; the chat itself stays whole"),
                    self.outgrown,
                ),
            )
        )
        self.add(
            SettingGroup(
                self.tr("Writing"),
                SettingRow(
                    self.tr("Enter sends"),
                    self.tr("Shift+Enter breaks the line. Off: Ctrl+Enter sends."),
                    self.enter,
                ),
            )
        )
        self.column.addStretch(1)
        context.bridge.on(context.presets.changed, self._fill_presets)
        self._fill_presets()

    def title(self) -> str:
        """Its name."""
        return self.tr("Chat")

    def _fill_presets(self) -> None:
        self.preset.clear()
        for preset in self._context.presets.list():
            self.preset.add(preset.name, preset.id, preset.icon)
        self.preset.choose(self._context.settings.current.chat.default_preset)

    def show_settings(self, settings: Settings) -> None:
        """Take over what is in force."""
        self.preset.choose(settings.chat.default_preset)
        if not self.name.hasFocus():
            self.name.setText(settings.chat.user_name)
        self.enter.setChecked(settings.chat.enter_sends)
        self.outgrown.choose(settings.chat.context_policy)

    def _choose_preset(self) -> None:
        settings = self._context.settings
        chosen = self.preset.currentData()
        settings.update(chat=replace(settings.current.chat, default_preset=chosen))

    def _choose_name(self) -> None:
        settings = self._context.settings
        name = self.name.text().strip()
        settings.update(chat=replace(settings.current.chat, user_name=name))

    def _choose_outgrown(self) -> None:
        settings = self._context.settings
        policy = self.outgrown.currentData()
        settings.update(chat=replace(settings.current.chat, context_policy=policy))

    def _choose_enter(self, on: bool) -> None:
        settings = self._context.settings
        settings.update(chat=replace(settings.current.chat, enter_sends=on))


class FoldersSection(SettingSection):
    """Folders of other programs whose models are used in place."""

    section_id = "models"
    icon = "hard-drive"

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self._context = context
        self._group: SettingGroup | None = None
        self._folders: tuple[str, ...] | None = None
        self.add_button = Button(context.icons, self.tr("Add folder…"), "plus", small=True)
        self.add_button.clicked.connect(self._ask_folder)
        self.column.addStretch(1)

    def title(self) -> str:
        """Its name."""
        return self.tr("Models and disks")

    def show_settings(self, settings: Settings) -> None:
        """Take over what is in force."""
        folders = settings.models.extra_folders
        if folders == self._folders:
            return
        self._folders = folders
        self.add_button.setParent(self)
        if self._group is not None:
            self.groups.remove(self._group)
            self._group.deleteLater()
        names = {str(path): name for name, path in self._context.library.roots()}
        rows = [self._folder_row(folder, names) for folder in folders]
        add = SettingRow(
            self.tr("Use models from another program"),
            self.tr("They stay where they are; Corral never changes or deletes them."),
            self.add_button,
        )
        self._group = SettingGroup(self.tr("Folders used in place"), *rows, add)
        self.groups.append(self._group)
        self.column.insertWidget(0, self._group)

    def _folder_row(self, folder: str, names: Mapping[str, str]) -> SettingRow:
        name = self.tr("Forget %1").replace("%1", folder)
        button = IconButton(self._context.icons, "x", name, small=True)
        button.clicked.connect(partial(self._forget, folder))
        title = names.get(str(Path(folder).expanduser())) or Path(folder).name or folder
        return SettingRow(title, folder, button)

    def _ask_folder(self) -> None:
        dialog = QFileDialog(self, self.tr("Folder with models"))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.use_folder)
        dialog.open()

    def use_folder(self, folder: str) -> None:
        """One more folder to look into."""
        models = self._context.settings.current.models
        if folder not in models.extra_folders:
            self._set_folders((*models.extra_folders, folder))

    def _forget(self, folder: str, _checked: bool = False) -> None:
        folders = self._context.settings.current.models.extra_folders
        self._set_folders(tuple(each for each in folders if each != folder))

    def _set_folders(self, folders: tuple[str, ...]) -> None:
        settings = self._context.settings
        settings.update(models=replace(settings.current.models, extra_folders=folders))
        self._context.worker.run(self._context.library.scan)


class ShortcutsSection(SettingSection):
    """All keys."""

    section_id = "shortcuts"
    icon = "keyboard"

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        card = Card()
        inside = QVBoxLayout(card)
        inside.setContentsMargins(20, 16, 20, 4)
        inside.addWidget(ShortcutList(context.icons))
        self.column.addWidget(card)
        self.column.addStretch(1)

    def title(self) -> str:
        """Its name."""
        return self.tr("Shortcuts")

    def filter(self, words: list[str]) -> bool:
        """Found by its name."""
        return all(word in self.title().casefold() for word in words)

    def show_settings(self, settings: Settings) -> None:
        """Nothing to take over."""


class AboutSection(SettingSection):
    """Version, log and licences."""

    section_id = "about"
    icon = "info"

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self._context = context
        self._chosen = ""
        self._looking: Task | None = None
        self.engine_row = SettingRow(self.tr("Engine"), " ")
        self.licences_button = Button(context.icons, self.tr("Read…"), small=True)
        self.licences_button.clicked.connect(self._open_licences)
        self.add(
            SettingGroup(
                self.tr("Corral"),
                SettingRow(
                    self.tr("Version %1").replace("%1", __version__),
                    self.tr("Apache License 2.0"),
                ),
                self.engine_row,
                self._folder_row(context, self.tr("Log"), context.paths.logs),
                SettingRow(
                    self.tr("Licences of all parts"),
                    self.tr("Qt, the engine, libraries, fonts and icons"),
                    self.licences_button,
                ),
            )
        )
        self.column.addStretch(1)

    def _folder_row(self, context: AppContext, title: str, folder: Path) -> SettingRow:
        button = Button(context.icons, self.tr("Show in folder"), "folder-open", small=True)
        url = QUrl.fromLocalFile(str(folder))
        button.clicked.connect(lambda: QDesktopServices.openUrl(url))
        return SettingRow(title, str(folder), button)

    def _open_licences(self) -> None:
        panel = LicencesPanel(self._context, self.window())
        panel.open(panel.list)

    def title(self) -> str:
        """Its name."""
        return self.tr("About")

    def show_settings(self, settings: Settings) -> None:
        """Name the engine that runs models."""
        chosen = settings.engine.engine
        if chosen != self._chosen:
            self._chosen = chosen
            self.refresh()

    def refresh(self) -> None:
        """Engines may have come or gone, or another one was chosen."""
        if self._looking is not None:
            self._looking.cancel()
        choose = self._context.runtime.engines.choose
        self._looking = self._context.worker.run(
            partial(choose, "", wanted=self._chosen), done=self._found
        )

    def showEvent(self, event: QShowEvent) -> None:
        """The section came into view."""
        super().showEvent(event)
        self.refresh()

    def _found(self, choice: EngineChoice | None) -> None:
        self.engine_row.say(choice.engine.name if choice else "–")
