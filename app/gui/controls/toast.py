"""A short note at the foot of the page that goes by itself."""

from collections.abc import Callable

import shiboken6
from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QEnterEvent
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QWidget

from app.gui.controls.buttons import IconButton, LinkButton
from app.gui.controls.focus import take_away
from app.gui.controls.icon_view import IconView
from app.gui.controls.labels import Label
from app.gui.icons import Icons

_BOTTOM = 24
_WIDTH, _MOST = 320, 480
_HEIGHT = 44
_ONE_LINE = 48
"""Characters; longer texts may take several lines."""


class Toast(QFrame):
    """Stays six seconds, longer while the pointer or the focus is on it."""

    def __init__(
        self,
        icons: Icons,
        text: str,
        *,
        action: str = "",
        callback: Callable[[], object] | None = None,
        danger: bool = False,
        foot: Callable[[], int] = int,
        parent: QWidget,
    ) -> None:
        """`foot` says how much height at the bottom of `parent` stays free now."""
        super().__init__(parent)
        self.setProperty("card", "toast")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName(text)
        self._callback = callback
        self._page = parent
        self._foot = foot
        row = QHBoxLayout(self)
        wraps = len(text) > _ONE_LINE
        edge = 12 if wraps else 5
        row.setContentsMargins(16, edge, 8, edge)
        row.setSpacing(8)
        if danger:
            row.addWidget(IconView(icons, "circle-alert", 16, "danger"))
        self.label = Label(text, wrap=wraps)
        row.addWidget(self.label, 1)
        if action:
            self.action = LinkButton(icons, action, small=True)
            self.action.clicked.connect(self._act)
            row.addWidget(self.action)
            row.addSpacing(4)
        close = IconButton(icons, "x", self.tr("Close"))
        close.clicked.connect(self.leave)
        row.addWidget(close)
        # Not `duration`: a toast must be read also where the system asks for no movement.
        stays = int(icons.theme.tokens.motion["toast_stays"])
        self._timer = QTimer(self, singleShot=True, interval=stays)
        self._timer.timeout.connect(self._time_is_up)
        self._came_from: QWidget | None = None
        self._soon = QTimer(self, singleShot=True, interval=0)
        self._soon.timeout.connect(self._place)
        parent.installEventFilter(self)
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        app.focusChanged.connect(self._note_focus)

    def appear(self) -> None:
        """Show it at the foot of its parent."""
        width = max(_WIDTH, min(_MOST, self.sizeHint().width()))
        self.resize(width, max(_HEIGHT, self.heightForWidth(width)))
        self._place()
        self.show()
        self.raise_()
        self._timer.start()

    def set_duration(self, milliseconds: int) -> None:
        """How long it stays."""
        self._timer.setInterval(milliseconds)

    def leave(self) -> None:
        """Take it away; the focus goes back to where it was before it came here."""
        self._timer.stop()
        self._soon.stop()
        heir = self._came_from if self._has_focus() else None
        if heir is not None and shiboken6.isValid(heir) and heir.isVisible():
            heir.setFocus(Qt.FocusReason.OtherFocusReason)
        take_away(self)

    def _has_focus(self) -> bool:
        focused = self.window().focusWidget()
        return focused is not None and self.isAncestorOf(focused)

    def _note_focus(self, old: QWidget | None, now: QWidget | None) -> None:
        if old is None or now is None or not self.isAncestorOf(now) or self.isAncestorOf(old):
            return
        self._came_from = old

    def _act(self) -> None:
        self.leave()
        if self._callback is not None:
            self._callback()

    def _time_is_up(self) -> None:
        focus = self.focusWidget()
        if self.underMouse() or (focus is not None and focus.hasFocus()):
            self._timer.start()
        else:
            self.leave()

    def _place(self) -> None:
        x = (self._page.width() - self.width()) // 2
        self.move(x, self._page.height() - self._foot() - self.height() - _BOTTOM)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep its place when the page or its foot is resized, once that is laid out."""
        if event.type() in (QEvent.Type.Resize, QEvent.Type.LayoutRequest):
            self._soon.start()
        return super().eventFilter(watched, event)

    def enterEvent(self, event: QEnterEvent) -> None:
        """Stay while it is read."""
        self._timer.stop()

    def leaveEvent(self, event: QEvent) -> None:
        """Begin to count again."""
        self._timer.start()
