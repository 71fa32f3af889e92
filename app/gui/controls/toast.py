"""A short note at the foot of the page that goes by itself."""

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QEnterEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from app.gui.controls.buttons import IconButton, LinkButton
from app.gui.controls.icon_view import IconView
from app.gui.controls.labels import Label
from app.gui.icons import Icons

_BOTTOM = 24
_WIDTH, _MOST = 320, 480
_HEIGHT = 44


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
        foot: int = 0,
        parent: QWidget,
    ) -> None:
        """`foot`: height at the bottom of `parent` that stays free."""
        super().__init__(parent)
        self.setProperty("card", "toast")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName(text)
        self._callback = callback
        self._page = parent
        self._foot = foot
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 5, 8, 5)
        row.setSpacing(8)
        if danger:
            row.addWidget(IconView(icons, "circle-alert", 16, "danger"))
        self.label = Label(text, wrap=len(text) > 48)
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
        parent.installEventFilter(self)

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
        """Take it away."""
        self._timer.stop()
        self.hide()
        self.deleteLater()

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
        self.move(x, self._page.height() - self._foot - self.height() - _BOTTOM)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep its place when the page is resized."""
        if event.type() == QEvent.Type.Resize:
            self._place()
        return super().eventFilter(watched, event)

    def enterEvent(self, event: QEnterEvent) -> None:
        """Stay while it is read."""
        self._timer.stop()

    def leaveEvent(self, event: QEvent) -> None:
        """Begin to count again."""
        self._timer.start()
