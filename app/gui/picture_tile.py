"""A small picture with round corners that can be pressed."""

import math

from PySide6.QtCore import QRect, QRectF, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QHideEvent,
    QImage,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QAbstractButton, QWidget

from app.core.conversations import Picture
from app.gui.controls.focus import RingFocus, RingShape
from app.gui.controls.painting import box, clip_round, dpr_of, painter_for, pixmap_in
from app.gui.icons import Icons
from app.gui.picture_images import Key, PictureImages


class PictureTile(RingFocus, QAbstractButton):
    """Covers its place with the picture, cut at the edges where the shapes differ."""

    menu_asked = Signal(object)
    """Where a menu is wanted, as a `QPoint` of the screen."""

    ring_shape: RingShape = "edge"

    def __init__(
        self, icons: Icons, images: PictureImages, picture: Picture, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.picture = picture
        self._icons = icons
        self._images = images
        self._key: Key | None = None
        self._image: QImage | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        images.ready.connect(self._take)
        icons.theme.changed.connect(self.update)

    @property
    def image(self) -> QImage | None:
        """What is shown; None until it is decoded, null where the picture is gone."""
        return self._image

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Another size wants another image."""
        super().resizeEvent(event)
        if self.isVisible():
            self._ask()

    def showEvent(self, event: QShowEvent) -> None:
        """From now on somebody waits for it."""
        super().showEvent(event)
        self._ask()

    def hideEvent(self, event: QHideEvent) -> None:
        """Scrolled away before it was decoded: nobody waits any more."""
        super().hideEvent(event)
        if self._key is not None and self._image is None:
            self._images.forget(self._key)
            self._key = None

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """The right button, or the menu key."""
        self.menu_asked.emit(event.globalPos())

    def paintEvent(self, event: QPaintEvent) -> None:
        """The picture; an icon while it is not there."""
        theme = self._icons.theme
        painter = painter_for(QPainter(self))
        radius = theme.radius("control")
        box(painter, self.rect(), radius, fill=theme.color("inset"))
        if self._image is None or self._image.isNull():
            gone = self._image is not None
            icon = "triangle-alert" if gone else "image"
            pixmap_in(painter, self.rect(), self._icons.pixmap(icon, 18, "text-3", dpr_of(painter)))
        else:
            painter.save()
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            clip_round(painter, QRectF(self.rect()), radius)
            painter.drawImage(QRectF(self.rect()), self._image, self._middle(self._image))
            painter.restore()
        box(painter, self.rect(), radius, border=theme.color("border-strong"))

    def _middle(self, image: QImage) -> QRectF:
        """The part of the image that has the shape of the tile."""
        scale = min(image.width() / self.width(), image.height() / self.height())
        wide, high = self.width() * scale, self.height() * scale
        return QRectF((image.width() - wide) / 2, (image.height() - high) / 2, wide, high)

    def _ask(self) -> None:
        ratio = self.devicePixelRatioF()
        width, height = (math.ceil(side * ratio) for side in (self.width(), self.height()))
        if self._key is not None:
            if self._key[1:] == (width, height):
                return
            self._images.forget(self._key)
        self._key, image = self._images.image(self.picture, width, height)
        if image is not None:
            self._image = image

    def _take(self, key: Key, image: QImage) -> None:
        if key == self._key:
            self._image = image
            self.update()


def tile_name(number: int, of: int, picture: Picture, words: str) -> str:
    """ "Picture 1 of 3, 800 × 600 pixels"; `words` holds %1 to %4."""
    for place, value in enumerate((number, of, picture.width, picture.height), 1):
        words = words.replace(f"%{place}", str(value))
    return words


def corner(area: QRect, side: int, inset: int) -> QRect:
    """A square in the upper right corner of `area`."""
    return QRect(area.right() + 1 - side - inset, area.top() + inset, side, side)
