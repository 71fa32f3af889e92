"""Settings, Downloads: the models folders that downloads may go to, and the standard one."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

from app.core.errors import AppError
from app.core.library import ModelLibrary
from app.gui.controls.buttons import Button, IconButton
from app.gui.controls.labels import Label
from app.gui.download_folders import FolderChoice, Room, room_of, room_words, short_path
from app.gui.settings_rows import SettingGroup, SettingRow

if TYPE_CHECKING:
    from app.gui.context import AppContext


def _tr(text: str) -> str:
    return QCoreApplication.translate("FoldersGroup", text)


class FoldersGroup(SettingGroup):
    """One row for each folder, and one that adds another."""

    def __init__(self, context: AppContext) -> None:
        self._context = context
        self.folders = context.library.own_folders.all()
        self.folder_rows = {each: self._row(each) for each in self.folders}
        self.add_button = Button(context.icons, _tr("Choose…"), small=True)
        self.add_row = SettingRow(
            _tr("Another folder"),
            _tr("On any disk; what lies in it is Corral’s to replace and delete"),
            self.add_button,
        )
        super().__init__(_tr("Folders"), *self.folder_rows.values(), self.add_row)
        self.choice = FolderChoice(context, self)
        self.add_button.clicked.connect(lambda: self.choice.browse(lambda _: None))

    def _row(self, root: Path) -> SettingRow:
        icons, name = self._context.icons, str(root)
        if root == self.folders[0]:
            return SettingRow(short_path(root), " ", Label(_tr("Standard"), "caption", "text-3"))
        standard = Button(icons, _tr("Use as standard"), small=True)
        standard.setAccessibleName(_tr("Use %1 as standard").replace("%1", name))
        standard.clicked.connect(partial(self._make_standard, root))
        remove = IconButton(icons, "x", _tr("Take %1 off the list").replace("%1", name), small=True)
        remove.clicked.connect(partial(self._remove, root))
        return SettingRow(short_path(root), " ", standard, remove)

    def refresh(self) -> None:
        """Ask the disks for their room, off the GUI thread."""
        self._context.worker.run(
            room_of, self._context.library, done=self.show_rooms, failed=self._refused
        )

    def show_rooms(self, rooms: dict[Path, Room]) -> None:
        """What is free in each folder, or what is against it."""
        for root, room in rooms.items():
            row = self.folder_rows.get(root)
            if row is not None:
                row.say(room_words(room), "danger" if isinstance(room, AppError) else "text-3")

    # What the person does

    def _make_standard(self, root: Path, _checked: bool = False) -> None:
        self._context.library.own_folders.make_standard(root)
        self._look_again()

    def _remove(self, root: Path, _checked: bool = False) -> None:
        self._context.library.own_folders.drop(root)
        self._context.notifier.toast(_tr("The models there stay where they are"))
        self._look_again()

    def _look_again(self) -> None:
        self._context.worker.run(_scan, self._context.library, failed=self._refused)

    def _refused(self, error: AppError) -> None:
        self._context.notifier.error(error)


def _scan(library: ModelLibrary) -> None:
    library.scan()
