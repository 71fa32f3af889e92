"""A panel that opens beside what it belongs to; Esc or a click elsewhere closes it."""

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QHideEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.gui.controls.painting import box, painter_for
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
        self.setAttribute(Qt.WidgetAttribute.WA_TranslucentBackground)
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

    def paintEvent(self, event: QPaintEvent) -> None:
        """The frame."""
        theme = self._theme
        box(
            painter_for(QPainter(self)),
            self.rect(),
            theme.radius("surface"),
            fill=theme.color("overlay"),
            border=theme.color("border-strong"),
        )
