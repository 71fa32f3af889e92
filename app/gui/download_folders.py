"""Choosing the models folder that a download or an import goes to, and making more of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QObject
from PySide6.QtWidgets import QFileDialog, QWidget

from app.core.download_space import free_space
from app.core.errors import AppError
from app.core.library import ModelLibrary
from app.gui import formatting
from app.gui.controls.menu import Menu

if TYPE_CHECKING:
    from app.gui.context import AppContext

LONGEST = 64
"""Characters of a path that are shown."""

Room = int | AppError
"""Bytes free at a folder, or why nothing can go there."""


def room_of(library: ModelLibrary) -> dict[Path, Room]:
    """Every models folder that downloads may go to, with its room. Touches the disks."""
    return {root: _room(library, root) for root in library.own_folders.all()}


def _room(library: ModelLibrary, root: Path) -> Room:
    try:
        library.own_folders.check(root, library.silent_folders())
        return free_space(root)
    except AppError as error:
        return error


def add_folder(library: ModelLibrary, path: Path) -> Path:
    """One more models folder; what lies in it is listed. Raises `StorageError`."""
    added = library.own_folders.add(path)
    library.scan()
    return added


class FolderChoice(QObject):
    """Asks where something is to go: a menu of the models folders, and one for another folder."""

    def __init__(self, context: AppContext, window: QWidget) -> None:
        super().__init__(window)
        self._context = context
        self._window = window
        self.menu: Menu | None = None
        """The menu that was opened last."""

    def ask(self, anchor: QWidget, chosen: Callable[[Path], object]) -> None:
        """Open the menu under `anchor`, as soon as the disks have told their room."""
        self._context.worker.run(
            room_of,
            self._context.library,
            done=partial(self._open, anchor, chosen),
            failed=self._context.notifier.error,
        )

    def _open(
        self, anchor: QWidget, chosen: Callable[[Path], object], rooms: dict[Path, Room]
    ) -> None:
        if not anchor.isVisible():
            return
        self.menu = menu = Menu(self._context.icons, anchor)
        for root, room in rooms.items():
            usable = not isinstance(room, AppError)
            menu.add(
                f"{short_path(root)}  ·  {room_words(room)}",
                partial(chosen, root),
                icon="folder",
                enabled=usable,
                tip="" if usable else str(room),
            )
        menu.addSeparator()
        menu.add(self.tr("Another folder…"), partial(self.browse, chosen), icon="folder-open")
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup_under(anchor, right=True)

    def browse(self, chosen: Callable[[Path], object]) -> None:
        """Ask for a folder that is none yet, make it one, then go on with it."""
        dialog = QFileDialog(self._window, self.tr("Models folder"))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(lambda text: self.add(Path(text), chosen))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def add(self, path: Path, chosen: Callable[[Path], object]) -> None:
        """Make a folder a models folder, then go on with it."""
        self._context.worker.run(
            add_folder,
            self._context.library,
            path,
            done=chosen,
            failed=self._context.notifier.error,
        )


def short_path(path: Path) -> str:
    """A path as a row has room for it: without its middle where it is long."""
    text = str(path)
    return text if len(text) <= LONGEST else f"{text[:16]}…{text[16 - LONGEST + 1 :]}"


def room_words(room: Room) -> str:
    """ "12 GB free", or what is against the folder."""
    if isinstance(room, AppError):
        return room.title
    return QCoreApplication.translate("FolderChoice", "%1 free").replace(
        "%1", formatting.file_size(room)
    )
