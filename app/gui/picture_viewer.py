"""A picture as large as the window. Esc, Enter or a click closes it."""

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtGui import (
    QContextMenuEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QWidget

from app.core.conversations import Picture
from app.gui.controls.overlay import Overlay
from app.gui.icons import Icons
from app.gui.picture_actions import open_menu
from app.gui.picture_images import PictureImages, decoded

MARGIN = 32


class PictureViewer(Overlay):
    """Covers the window it is given; deletes itself when it is closed."""

    def __init__(
        self, icons: Icons, images: PictureImages, picture: Picture, host: QWidget
    ) -> None:
        super().__init__(icons, "", host, width=0)
        self.panel.setAccessibleName(self.tr("Picture"))
        self._icons = icons
        self._images = images
        self._picture = picture
        self.canvas = _Canvas()
        self.body.addWidget(self.canvas)
        self.panel.setProperty("card", "")
        self.panel.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.closed.connect(self.deleteLater)
        images.worker.run(self._read, done=self._take)

    def _read(self) -> QImage:
        return decoded(self._images.read(self._picture.id))

    def _take(self, image: QImage) -> None:
        self.canvas.show_image(image)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """As large as there is room, never larger than it is."""
        super().resizeEvent(event)
        room = self.size() - QSize(2 * MARGIN, 2 * MARGIN)
        ratio = self.devicePixelRatioF()
        size = QSize(self._picture.width, self._picture.height) / ratio
        if size.width() > room.width() or size.height() > room.height():
            size = size.scaled(room, Qt.AspectRatioMode.KeepAspectRatio)
        self.canvas.setFixedSize(size.expandedTo(QSize(1, 1)))
        self.panel.setFixedSize(self.canvas.size())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc, Enter and Space close."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.dismiss()
        super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click closes, wherever it is; the right button asks for the menu."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.dismiss()
        event.accept()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Copy and save."""
        open_menu(self._icons, self._images, self._picture, event.globalPos(), self)


class _Canvas(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self.image = QImage()

    def show_image(self, image: QImage) -> None:
        self.image = image
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self.image.isNull():
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(QRect(QPoint(0, 0), self.size()), self.image)
