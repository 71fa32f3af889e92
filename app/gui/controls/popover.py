"""A panel that opens beside what it belongs to; Esc or a click elsewhere closes it."""

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QHideEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.gui.controls.painting import painter_for
from app.gui.controls.popup_shape import paint_popup, prepare_popup, shape_popup
from app.gui.icons import Icons


class Popover(QWidget):
    """`overlay` ground, radius 12. Fill `body`, then `open_under` a widget."""

    closed = Signal()

    def __init__(self, icons: Icons, name: str, parent: QWidget) -> None:
        super().__init__(
            parent,
            Qt.WindowType.Popup
            | Qt.WindowType.FramelessWindowHint
            | Qt.WindowType.NoDropShadowWindowHint,
        )
        self._theme = icons.theme
        self.setAccessibleName(name)
        prepare_popup(self)
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(1, 1, 1, 1)
        self.body.setSpacing(0)

    def open_under(self, widget: QWidget, *, gap: int = 6, right: bool = False) -> None:
        """Open under a widget, at its left or right edge, inside the screen."""
        self.adjustSize()
        x = widget.width() - self.width() if right else 0
        at = widget.mapToGlobal(QPoint(x, widget.height() + gap))
        screen = widget.screen().availableGeometry()
        at.setX(max(screen.left() + 4, min(at.x(), screen.right() - self.width() - 4)))
        at.setY(max(screen.top() + 4, min(at.y(), screen.bottom() - self.height() - 4)))
        self.move(at)
        self.show()
        self.setFocus(Qt.FocusReason.PopupFocusReason)

    def hideEvent(self, event: QHideEvent) -> None:
        """Tell that it is closed."""
        super().hideEvent(event)
        self.closed.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Round at the new size."""
        super().resizeEvent(event)
        shape_popup(self, self._theme)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The frame."""
        paint_popup(self, painter_for(QPainter(self)), self._theme)
