"""The pictures of the message that is being written, and why they cannot be sent if so."""

from functools import partial

from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QWidget

from app.core.conversations import Picture
from app.gui.controls.focus import RingFocus, RingShape, take_away
from app.gui.controls.painting import box, dpr_of, painter_for, pixmap_in
from app.gui.icons import Icons
from app.gui.picture_images import PictureImages
from app.gui.picture_tile import PictureTile, corner, tile_name
from app.gui.picture_viewer import PictureViewer

TILE = 64
_GAP = 8
_LINE = 20
_BELOW = 12
_REMOVE, _INSET = 20, 4
_ICON = 16


class ComposerPictures(QWidget):
    """Tiles with a button to remove each, below a line of warning where there is one."""

    changed = Signal()
    """A picture was removed here."""

    def __init__(self, icons: Icons, images: PictureImages, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icons = icons
        self._images = images
        self._warning = ""
        self.tiles: list[_ComposerTile] = []
        icons.theme.changed.connect(self.update)
        self.hide()

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """What is attached."""
        return tuple(tile.picture for tile in self.tiles)

    def set_pictures(self, pictures: tuple[Picture, ...]) -> None:
        """Show others; those that stay keep their tiles."""
        kept = {tile.picture: tile for tile in self.tiles}
        for picture, tile in kept.items():
            if picture not in pictures:
                take_away(tile)
        self.tiles = [kept.get(each) or self._new_tile(each) for each in dict.fromkeys(pictures)]
        words = self.tr("Picture %1 of %2, %3 × %4 pixels")
        for number, tile in enumerate(self.tiles, 1):
            tile.setAccessibleName(tile_name(number, len(self.tiles), tile.picture, words))
        self.setVisible(bool(self.tiles))

    def set_warning(self, sentence: str) -> None:
        """Why they cannot be sent; "" when they can."""
        self._warning = sentence
        self.setAccessibleName(self.tr("Attached pictures"))
        self.setAccessibleDescription(sentence)
        self.update()

    def fit(self, width: int) -> int:
        """Lay out for a width; returns the height with the room below, 0 without pictures."""
        if not self.tiles:
            return 0
        top = self._warning_height(width)
        columns = max(1, (width + _GAP) // (TILE + _GAP))
        for number, tile in enumerate(self.tiles):
            line, column = divmod(number, columns)
            tile.move(column * (TILE + _GAP), top + line * (TILE + _GAP))
        lines = -(-len(self.tiles) // columns)
        return top + lines * (TILE + _GAP) - _GAP + _BELOW

    def paintEvent(self, event: QPaintEvent) -> None:
        """The warning."""
        if not self._warning:
            return
        theme = self._icons.theme
        painter = painter_for(QPainter(self))
        icon = self._icons.pixmap("triangle-alert", _ICON, "warning", dpr_of(painter))
        pixmap_in(painter, QRect(0, 0, _ICON, _LINE), icon)
        painter.setFont(theme.font("body"))
        painter.setPen(theme.color("warning"))
        painter.drawText(self._warning_rect(self.width()), _WRAPPED, self._warning)

    def _warning_rect(self, width: int) -> QRect:
        area = QRect(_ICON + 8, 0, width - _ICON - 8, 10_000)
        metrics = QFontMetrics(self._icons.theme.font("body"))
        needed = metrics.boundingRect(area, _WRAPPED, self._warning).height()
        lines = max(1, round(needed / metrics.lineSpacing()))
        area.setHeight(max(needed, lines * _LINE))
        if lines == 1:
            area.translate(0, (_LINE - needed) // 2)
        return area

    def _warning_height(self, width: int) -> int:
        return self._warning_rect(width).height() + _GAP if self._warning else 0

    def _new_tile(self, picture: Picture) -> "_ComposerTile":
        tile = _ComposerTile(self._icons, self._images, picture, self)
        tile.setFixedSize(TILE, TILE)
        tile.clicked.connect(partial(self._open, picture))
        tile.removed.connect(partial(self._remove, picture))
        tile.show()
        return tile

    def _open(self, picture: Picture) -> None:
        PictureViewer(self._icons, self._images, picture, self.window()).open()

    def _remove(self, picture: Picture) -> None:
        self.set_pictures(tuple(each for each in self.pictures if each != picture))
        self.changed.emit()


_WRAPPED = int(Qt.TextFlag.TextWordWrap)


class _ComposerTile(PictureTile):
    removed = Signal()

    def __init__(
        self, icons: Icons, images: PictureImages, picture: Picture, parent: QWidget
    ) -> None:
        super().__init__(icons, images, picture, parent)
        self.setToolTip(self.tr("Look at it; Delete removes it"))
        self.remove = _RemoveButton(icons, self)
        self.remove.clicked.connect(self.removed)
        self.remove.setGeometry(corner(QRect(0, 0, TILE, TILE), _REMOVE, _INSET))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Delete and Backspace remove it."""
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.removed.emit()
        else:
            super().keyPressEvent(event)


class _RemoveButton(RingFocus, QAbstractButton):
    ring_shape: RingShape = "edge"

    def __init__(self, icons: Icons, parent: QWidget) -> None:
        super().__init__(parent)
        self._icons = icons
        self.setFixedSize(_REMOVE, _REMOVE)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setAccessibleName(self.tr("Remove the picture"))
        self.setToolTip(self.tr("Remove the picture"))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._icons.theme
        painter = painter_for(QPainter(self))
        ground = "control-hover" if self.underMouse() else "overlay"
        box(
            painter,
            self.rect(),
            _REMOVE / 2,
            fill=theme.color(ground),
            border=theme.color("border-strong"),
        )
        pixmap_in(painter, self.rect(), self._icons.pixmap("x", 14, "text", dpr_of(painter)))
