"""A part of a panel that opens below a line of its own."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.gui.controls.buttons import GhostButton
from app.gui.controls.labels import Label
from app.gui.icons import Icons


class _FoldButton(GhostButton):
    """Flush with the labels above and below it."""

    side = 0
    fill_hover = ""
    fill_pressed = ""

    def ink_now(self) -> str:
        """Text while under the pointer."""
        return "text" if self.underMouse() else self.ink


class Fold(QWidget):
    """Closed at first. Beside the title there is room for a few words on what is inside."""

    opened = Signal()
    """Every time it was opened, before its parts come into view."""

    def __init__(self, icons: Icons, title: str, tip: str = "") -> None:
        super().__init__()
        self._tip = tip
        self.button = _FoldButton(icons, title, "chevron-right", small=True)
        self.button.setCheckable(True)
        self.note = Label("", "caption", "text-3")
        self.body = QWidget()
        self.body.hide()
        self._parts = QVBoxLayout(self.body)
        self._parts.setContentsMargins(0, 0, 0, 0)
        self._parts.setSpacing(0)
        head = QHBoxLayout()
        head.setContentsMargins(0, 2, 0, 2)
        head.setSpacing(8)
        head.addWidget(self.button)
        head.addStretch(1)
        head.addWidget(self.note)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        column.addWidget(self.body)
        self.button.toggled.connect(self._toggle)
        self.say("")

    def add(self, part: QWidget, *, above: int = 0) -> None:
        """One more part inside, with some room above it."""
        self._parts.addSpacing(above)
        self._parts.addWidget(part)

    def is_open(self) -> bool:
        """Whether the parts are in view."""
        return self.button.isChecked()

    def say(self, words: str, role: str = "text-3") -> None:
        """A few words beside the title; screen readers hear them with it."""
        self.note.setText(words)
        self.note.set_role(role)
        self.button.setToolTip(self._tip)
        self.button.setAccessibleDescription("\n".join(filter(None, (words, self._tip))))

    def _toggle(self, opened: bool) -> None:
        self.button.set_icon("chevron-down" if opened else "chevron-right")
        if opened:
            self.opened.emit()
        self.body.setVisible(opened)
