"""Words beside what they are about: a strip on top of a page, and the card of an error."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from app.core.errors import AppError
from app.gui.controls.buttons import Button, GhostButton, IconButton, LinkButton, PrimaryButton
from app.gui.controls.icon_view import IconView
from app.gui.controls.labels import Label
from app.gui.icons import Icons

_TONES = {
    "info": ("info", "text-3"),
    "warning": ("triangle-alert", "warning"),
    "danger": ("circle-alert", "danger"),
    "success": ("circle-check", "success"),
    "offline": ("wifi-off", "warning"),
}


class Strip(QFrame):
    """One sentence on a tinted ground, with at most one action and a close button."""

    action_chosen = Signal()
    closed = Signal()

    def __init__(
        self,
        icons: Icons,
        text: str = "",
        *,
        tone: str = "info",
        action: str = "",
        closable: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setProperty("strip", tone)
        icon, role = _TONES[tone]
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 8, 12, 8)
        row.setSpacing(10)
        row.addWidget(IconView(icons, icon, 16, role))
        self.label = Label(text, wrap=True)
        row.addWidget(self.label, 1)
        self.action = LinkButton(icons, action, small=True, parent=self)
        self.action.setVisible(bool(action))
        self.action.clicked.connect(self.action_chosen)
        # A click must not take the keyboard from where somebody types: the strip goes then.
        self.action.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        row.addWidget(self.action)
        if closable:
            close = IconButton(icons, "x", self.tr("Close"), small=True)
            close.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            close.clicked.connect(self.hide)
            close.clicked.connect(self.closed)
            row.addWidget(close)

    def say(self, text: str) -> None:
        """Show another sentence; "" hides the strip."""
        self.label.setText(text)
        self.setVisible(bool(text))


class ErrorCard(QFrame):
    """What happened, why and what is safe, remedies best first, last words folded away."""

    remedy_chosen = Signal(str)

    def __init__(
        self,
        icons: Icons,
        error: AppError,
        remedies: Sequence[tuple[str, str]] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._error = error
        self.setProperty("card", "danger")
        self.setAccessibleName(error.title)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 14, 16, 14)
        row.setSpacing(12)
        icon = IconView(icons, "circle-alert", 18, "danger")
        row.addWidget(icon, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout()
        column.setSpacing(4)
        row.addLayout(column, 1)
        self.title = Label(error.title, "group-title", wrap=True)
        column.addWidget(self.title)
        for sentence in (error.message, error.hint):
            if sentence:
                column.addWidget(Label(sentence, "body", "text-2", wrap=True))
        self.buttons = self._add_remedies(icons, column, remedies)
        if error.detail:
            self._add_detail(icons, column)

    def _add_remedies(
        self, icons: Icons, column: QVBoxLayout, remedies: Sequence[tuple[str, str]]
    ) -> list[Button]:
        buttons: list[Button] = []
        if not remedies:
            return buttons
        column.addSpacing(8)
        line = QHBoxLayout()
        line.setSpacing(8)
        for index, (key, text) in enumerate(remedies):
            button = (Button if index else PrimaryButton)(icons, text)
            button.clicked.connect(lambda _=False, chosen=key: self.remedy_chosen.emit(chosen))
            line.addWidget(button)
            buttons.append(button)
        line.addStretch(1)
        column.addLayout(line)
        return buttons

    def _add_detail(self, icons: Icons, column: QVBoxLayout) -> None:
        line = QHBoxLayout()
        self.unfold = GhostButton(icons, self.tr("Last lines"), "chevron-right", small=True)
        self.unfold.setCheckable(True)
        copy = GhostButton(icons, self.tr("Copy report"), "copy", small=True)
        copy.clicked.connect(self.copy_report)
        line.addWidget(self.unfold)
        line.addWidget(copy)
        line.addStretch(1)
        column.addLayout(line)
        self.detail = QPlainTextEdit(self._error.detail)
        self.detail.setReadOnly(True)
        self.detail.setProperty("log", True)
        self.detail.setAccessibleName(self.tr("Last lines"))
        self.detail.setFixedHeight(132)
        self.detail.hide()
        column.addWidget(self.detail)
        self.unfold.toggled.connect(self.detail.setVisible)
        self.unfold.toggled.connect(
            lambda on: self.unfold.set_icon("chevron-down" if on else "chevron-right")
        )

    def copy_report(self) -> None:
        """Everything the card knows, to the clipboard."""
        error = self._error
        parts = (error.title, error.message, error.hint, error.detail)
        QGuiApplication.clipboard().setText("\n\n".join(part for part in parts if part))
