"""What can be done with a picture of a message: look at it, copy it, save it."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QPoint, QStandardPaths
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QFileDialog, QWidget

from app.core.conversations import Picture
from app.core.files import storage_error
from app.gui.controls.menu import Menu
from app.gui.icons import Icons
from app.gui.picture_images import PictureImages, decoded

_SUFFIXES = {b"\x89PN": ".png", b"\xff\xd8\xff": ".jpg", b"GIF": ".gif"}


def open_menu(
    icons: Icons, images: PictureImages, picture: Picture, at: QPoint, on: QWidget
) -> Menu:
    """A menu with the actions, at a place of the screen."""
    menu = Menu(icons, on)
    menu.add(_tr("Copy picture"), partial(copy_picture, images, picture), icon="copy")
    menu.add(_tr("Save picture…"), partial(save_picture, images, picture, on), icon="save")
    menu.aboutToHide.connect(menu.deleteLater)
    menu.popup(at)
    return menu


def copy_picture(images: PictureImages, picture: Picture) -> None:
    """Put the whole picture into the clipboard."""

    def work() -> QImage:
        return decoded(images.read(picture.id))

    images.worker.run(work, done=lambda image: QGuiApplication.clipboard().setImage(image))


def save_picture(images: PictureImages, picture: Picture, window: QWidget) -> None:
    """Ask where to, then write the file as it was attached."""
    images.worker.run(
        images.read, picture.id, done=lambda data: _ask_where(images, data, window.window())
    )


def _ask_where(images: PictureImages, data: bytes, window: QWidget) -> None:
    folder = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.PicturesLocation)
    suffix = _SUFFIXES.get(data[:3], ".bmp")
    dialog = QFileDialog(window, _tr("Save picture"), folder)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setDefaultSuffix(suffix)
    dialog.selectFile(_tr("picture") + suffix)

    def save(name: str) -> None:
        images.worker.run(write_file, Path(name), data)

    chosen: Callable[[str], None] = save
    dialog.fileSelected.connect(chosen)
    dialog.finished.connect(dialog.deleteLater)
    dialog.open()


def write_file(path: Path, data: bytes) -> None:
    """Write a file. Raises `StorageError`."""
    try:
        path.write_bytes(data)
    except OSError as error:
        raise storage_error(_tr("The picture was not saved"), path, error) from error


def _tr(text: str) -> str:
    return QCoreApplication.translate("PictureActions", text)
