"""Panels that `notify` shows above the window: a question, and the report of a defect."""

from collections.abc import Callable, Mapping
from functools import partial

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QWidget

from app.gui.controls.buttons import Button, DangerButton, PrimaryButton
from app.gui.controls.labels import Label
from app.gui.controls.overlay import Overlay
from app.gui.icons import Icons

_MARGINS = (24, 20, 24, 20)


class Question(Overlay):
    """A question with one answer or more, the best one primary.

    Esc and a click beside it mean Cancel (None); before a deletion the focus is on Cancel.
    """

    def __init__(
        self,
        icons: Icons,
        host: QWidget,
        title: str,
        text: str,
        answers: Mapping[str, str],
        done: Callable[[str | None], object],
        *,
        danger: bool = False,
        keep: str = "",
    ) -> None:
        """`keep` is what the button says that changes nothing, where that is not Cancel."""
        super().__init__(icons, title, host, width=440)
        self._done = done
        self._answer: str | None = None
        self.body.setContentsMargins(*_MARGINS)
        self.body.addWidget(Label(title, "page-title", wrap=True))
        self.body.addSpacing(8)
        self.body.addWidget(Label(text, "body", "text-2", wrap=True))
        self.body.addSpacing(20)
        self.cancel_button = Button(icons, keep or self.tr("Cancel"))
        self.cancel_button.clicked.connect(self.dismiss)
        self.answers: dict[str, Button] = {}
        for place, (key, words) in enumerate(answers.items()):
            button = Button(icons, words)
            if place == 0:
                best = DangerButton(icons, words, final=True) if danger else None
                button = best or PrimaryButton(icons, words)
            button.clicked.connect(partial(self._choose, key))
            self.answers[key] = button
        self.add_buttons(self.cancel_button, *reversed(self.answers.values()))
        self.closed.connect(self._tell)
        self._first = self.cancel_button if danger else next(iter(self.answers.values()))

    def ask(self) -> None:
        """Show the question."""
        self.open(self._first)

    def _choose(self, key: str, _checked: bool = False) -> None:
        self._answer = key
        self.dismiss()

    def _tell(self) -> None:
        self.deleteLater()
        self._done(self._answer)


class Report(Overlay):
    """What went wrong inside the program, ready to be copied."""

    def __init__(self, icons: Icons, host: QWidget, text: str) -> None:
        super().__init__(icons, "", host, width=560)
        self.panel.setAccessibleName(self.tr("Report of a defect"))
        self._text = text
        self.body.setContentsMargins(*_MARGINS)
        self.body.addWidget(Label(self.tr("Something went wrong inside Corral"), "page-title"))
        self.body.addSpacing(8)
        words = self.tr(
            "Your chats and downloads are safe, and the program goes on. The report below helps "
            "to mend this; it stays on this computer unless you send it."
        )
        self.body.addWidget(Label(words, "body", "text-2", wrap=True))
        self.body.addSpacing(12)
        self.details = QPlainTextEdit(text)
        self.details.setReadOnly(True)
        self.details.setProperty("log", True)
        self.details.setAccessibleName(self.tr("Report"))
        self.details.setFixedHeight(200)
        self.body.addWidget(self.details)
        self.body.addSpacing(16)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addStretch(1)
        copy = Button(icons, self.tr("Copy report"), "copy")
        self.close_button = PrimaryButton(icons, self.tr("Close"))
        row.addWidget(copy)
        row.addWidget(self.close_button)
        self.body.addLayout(row)
        copy.clicked.connect(self.copy_report)
        self.close_button.clicked.connect(self.dismiss)
        self.closed.connect(self.deleteLater)

    def copy_report(self) -> None:
        """The report, to the clipboard."""
        QGuiApplication.clipboard().setText(self._text)
