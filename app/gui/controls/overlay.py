"""A panel in the window above a scrim: palette, questions, shortcut sheet."""

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from app.gui.controls.tab_order import tab_stops
from app.gui.icons import Icons

_QUIT = QKeySequence("Ctrl+Q")


class Overlay(QWidget):
    """Covers the window; `panel` holds the content. Esc or a click beside it closes."""

    closed = Signal()

    def __init__(
        self, icons: Icons, name: str, host: QWidget, *, width: int, top: int | None = None
    ) -> None:
        super().__init__(host)
        self._theme = icons.theme
        self._host = host
        self._top = top
        self._returns_to: QWidget | None = None
        self.setAccessibleName(name)
        self.panel = QFrame(self)
        self.panel.setProperty("card", "overlay")
        self.panel.setFixedWidth(width)
        self.panel.setAccessibleName(name)
        self.body = QVBoxLayout(self.panel)
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(0)
        self.hide()
        host.installEventFilter(self)
        self.panel.installEventFilter(self)

    def add_buttons(self, *buttons: QWidget) -> None:
        """The last row: buttons at the right, the one that goes on last."""
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addStretch(1)
        for button in buttons:
            row.addWidget(button)
        self.body.addLayout(row)

    def open(self, focus: QWidget | None = None) -> None:
        """Show it, and put the focus on a widget of it."""
        window = self.window()
        self._returns_to = window.focusWidget()
        self.show()
        self._cover()  # after `show`: only then the style sheet's fonts are in force
        self.raise_()
        (focus or self.panel).setFocus(Qt.FocusReason.PopupFocusReason)

    def dismiss(self) -> None:
        """Close it and give the focus back."""
        if self.isHidden():
            return
        self.hide()
        if self._returns_to is not None and self._returns_to.isVisible():
            self._returns_to.setFocus(Qt.FocusReason.PopupFocusReason)
        self._returns_to = None
        self.closed.emit()

    def _cover(self) -> None:
        self.setGeometry(self._host.rect())
        self.panel.adjustSize()
        height = min(self.panel.height(), self.height() - 32)
        self.panel.resize(self.panel.width(), height)
        x = (self.width() - self.panel.width()) // 2
        y = self._top if self._top is not None else (self.height() - height) // 2
        self.panel.move(x, max(16, min(y, self.height() - height - 16)))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep covering the window, and keep the panel as large as what it holds."""
        resized = watched is self._host and event.type() == QEvent.Type.Resize
        grown = watched is self.panel and event.type() == QEvent.Type.LayoutRequest
        if (resized or grown) and self.isVisible():
            self._cover()
        return super().eventFilter(watched, event)

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Tab stays inside."""
        stops = list(tab_stops(self.panel))
        if not stops:
            return False
        focused = self.window().focusWidget()
        here = stops.index(focused) if focused in stops else (-1 if forward else 0)
        reason = Qt.FocusReason.TabFocusReason if forward else Qt.FocusReason.BacktabFocusReason
        stops[(here + (1 if forward else -1)) % len(stops)].setFocus(reason)
        return True

    def event(self, event: QEvent) -> bool:
        """Shortcuts of the window beneath rest, but for the one that ends the program."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            event.setAccepted(QKeySequence(event.keyCombination()) != _QUIT)
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc closes; nothing reaches the window beneath."""
        if event.key() == Qt.Key.Key_Escape:
            self.dismiss()
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click beside the panel closes."""
        if not self.panel.geometry().contains(event.position().toPoint()):
            self.dismiss()
        event.accept()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The scrim."""
        QPainter(self).fillRect(self.rect(), self._theme.color("scrim"))
