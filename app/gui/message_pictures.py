"""The pictures of a message, above its text."""

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QWidget

from app.core.conversations import Picture
from app.gui.controls.focus import take_away
from app.gui.icons import Icons
from app.gui.picture_actions import open_menu
from app.gui.picture_images import PictureImages
from app.gui.picture_layout import place_pictures
from app.gui.picture_tile import PictureTile, tile_name
from app.gui.picture_viewer import PictureViewer


class MessagePictures(QWidget):
    """Tiles that wrap. A click shows the picture large; the right button copies and saves it."""

    def __init__(self, icons: Icons, images: PictureImages, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icons = icons
        self._images = images
        self.tiles: list[PictureTile] = []

    def show_pictures(self, pictures: Sequence[Picture]) -> None:
        """Show these; the same ones keep their tiles."""
        if [tile.picture for tile in self.tiles] == list(pictures):
            return
        for tile in self.tiles:
            take_away(tile)
        self.tiles = []
        words = self.tr("Picture %1 of %2, %3 × %4 pixels")
        for number, picture in enumerate(pictures, 1):
            tile = PictureTile(self._icons, self._images, picture, self)
            tile.setAccessibleName(tile_name(number, len(pictures), picture, words))
            tile.clicked.connect(partial(self._open, picture))
            tile.menu_asked.connect(partial(self._open_menu, picture))
            tile.show()
            self.tiles.append(tile)

    def fit(self, width: int) -> tuple[int, int]:
        """Lay out for a width; returns the width and height taken."""
        pictures = [tile.picture for tile in self.tiles]
        places, widest, height = place_pictures(pictures, width)
        for tile, place in zip(self.tiles, places, strict=True):
            tile.setGeometry(*place)
        return widest, height

    def _open(self, picture: Picture) -> None:
        PictureViewer(self._icons, self._images, picture, self.window()).open()

    def _open_menu(self, picture: Picture, at: QPoint) -> None:
        open_menu(self._icons, self._images, picture, at, self)
