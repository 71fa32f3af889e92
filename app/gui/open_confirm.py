"""The panel that asks before a link or a dropped file does anything."""

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.gui import formatting
from app.gui.controls.buttons import Button, PrimaryButton
from app.gui.controls.elided import ElidedLabel
from app.gui.controls.labels import Label
from app.gui.controls.overlay import Overlay
from app.gui.controls.strip import Strip
from app.gui.icons import Icons
from app.gui.inline_link import InlineLink

_MARGINS = (24, 20, 24, 20)
_NAMES = 96


class OpenConfirm(Overlay):
    """Says what, from where and how large. Nothing happens until a button is pressed."""

    chosen = Signal(str)
    """Key of an answer."""
    retry = Signal()

    def __init__(
        self,
        icons: Icons,
        host: QWidget,
        title: str,
        text: str,
        facts: Sequence[str],
        answers: Mapping[str, str],
    ) -> None:
        """`facts` are names; each has a dash for its value until `say` tells it."""
        super().__init__(icons, title, host, width=520)
        self.body.setContentsMargins(*_MARGINS)
        self.body.addWidget(Label(title, "page-title", wrap=True))
        self.body.addSpacing(6)
        self.body.addWidget(Label(text, "body", "text-2", wrap=True))
        self.body.addSpacing(16)
        self._icons = icons
        self.values: dict[str, ElidedLabel] = {}
        self._rows: dict[str, QHBoxLayout] = {}
        for name in facts:
            self.body.addLayout(self._make_row(name))
        self.body.addSpacing(12)
        self.strip = Strip(icons, tone="warning", action=self.tr("Retry"))
        self.strip.action_chosen.connect(self.retry)
        self.strip.hide()
        self.body.addWidget(self.strip)
        self.body.addSpacing(8)
        self.cancel_button = Button(icons, self.tr("Cancel"))
        self.cancel_button.clicked.connect(self.dismiss)
        self.answers: dict[str, Button] = {}
        for place, (key, words) in enumerate(answers.items()):
            button = (PrimaryButton if place == 0 else Button)(icons, words)
            button.clicked.connect(lambda _=False, key=key: self._choose(key))
            self.answers[key] = button
        self.add_buttons(self.cancel_button, *reversed(self.answers.values()))
        self.closed.connect(self.deleteLater)

    def _make_row(self, name: str) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 8)
        row.setSpacing(16)
        title = Label(name, "body", "text-3")
        title.setFixedWidth(_NAMES)
        row.addWidget(title)
        value = ElidedLabel(formatting.UNKNOWN, "body", mode=Qt.TextElideMode.ElideMiddle)
        row.addWidget(value, 1)
        self.values[name] = value
        self._rows[name] = row
        return row

    def add_link(self, name: str, text: str) -> InlineLink:
        """A link behind a fact, for what can be chosen there."""
        link = InlineLink(self._icons, text)
        link.setAccessibleName(f"{name}: {text}")
        self._rows[name].addWidget(link)
        return link

    def say(self, name: str, value: str) -> None:
        """The value of a fact."""
        label = self.values[name]
        label.setText(value)
        label.setAccessibleName(f"{name}: {value}")

    def complain(self, text: str, *, again: bool = True) -> None:
        """Say what went wrong; "" takes it back."""
        self.strip.say(text)
        self.strip.action.setVisible(again)

    def ask(self) -> None:
        """Show it; the focus is on Cancel, as a stray Enter must do nothing."""
        self.open(self.cancel_button)

    def _choose(self, key: str) -> None:
        self.dismiss()
        self.chosen.emit(key)
