"""What floats above the transcript: the way back to the end, and the fade at the lower edge."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QLinearGradient, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from app.gui.controls.buttons import IconButton
from app.gui.controls.painting import box, dpr_of, painter_for, pixmap_in
from app.gui.icons import Icons
from app.gui.theme import Theme

FADE_HEIGHT = 24


class JumpButton(IconButton):
    """A round button that leads to the end; shown while the end is out of view."""

    def __init__(self, icons: Icons, name: str, parent: QWidget) -> None:
        super().__init__(icons, "arrow-down", name, shortcut="End", parent=parent)
        self.ring_radius = 16
        self.hide()

    def paintEvent(self, event: QPaintEvent) -> None:
        """A raised disc with an arrow."""
        theme = self._icons.theme
        painter = painter_for(QPainter(self))
        ground = theme.color(self.ground() or "raised")
        border = theme.color("border-strong")
        box(painter, self.rect(), self.height() / 2, fill=ground, border=border)
        pixmap = self._icons.pixmap("arrow-down", 18, "text-2", dpr_of(painter))
        pixmap_in(painter, self.rect(), pixmap)


class Fade(QWidget):
    """Lets text run out into the ground above the composer."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def paintEvent(self, event: QPaintEvent) -> None:
        """From clear to the ground of the page."""
        ground = self._theme.color("canvas")
        clear = QColor(ground)
        clear.setAlpha(0)
        gradient = QLinearGradient(0, 0, 0, self.height())
        gradient.setColorAt(0, clear)
        gradient.setColorAt(1, ground)
        QPainter(self).fillRect(self.rect(), gradient)
