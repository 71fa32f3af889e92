"""The card of access tokens: who may use the local server, a new one, one taken back."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.gui.ages import ago
from app.gui.controls.badges import Badge
from app.gui.controls.buttons import Button, IconButton, PrimaryButton
from app.gui.controls.card import Card, Line
from app.gui.controls.elided import ElidedLabel
from app.gui.controls.fields import TextField
from app.gui.controls.labels import Label
from app.gui.controls.overlay import Overlay
from app.gui.controls.switch import CheckBox

if TYPE_CHECKING:
    from app.core.access_tokens import AccessToken, Scope
    from app.core.errors import AppError
    from app.gui.context import AppContext


class TokensCard(Card):
    """One row for each token."""

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self._context = context
        self.rows: dict[str, QWidget] = {}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        head = QHBoxLayout()
        head.setContentsMargins(16, 8, 8, 8)
        head.addWidget(Label(self.tr("Tokens"), "group-title"), 1)
        self.new = Button(context.icons, self.tr("New token"), "plus", small=True)
        self.new.clicked.connect(self.ask_new)
        head.addWidget(self.new)
        self._column.addLayout(head)
        self._list = QVBoxLayout()
        self._list.setSpacing(0)
        self._column.addLayout(self._list)
        context.bridge.on(context.access.changed, self.refresh)

    def refresh(self) -> None:
        """Show the tokens there are."""
        while (item := self._list.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self.rows.clear()
        tokens = self._context.access.all()
        for token in reversed(tokens):
            self._list.addWidget(Line())
            row = self._row(token)
            self.rows[token.id] = row
            self._list.addWidget(row)
        if not tokens:
            self._list.addWidget(Line())
            words = self.tr(
                "None yet. Programs on this computer need none; others, and your phone, do."
            )
            none = QWidget()
            inside = QVBoxLayout(none)
            inside.setContentsMargins(16, 10, 16, 12)
            inside.addWidget(Label(words, "caption", "text-3", wrap=True))
            self._list.addWidget(none)

    def ask_new(self) -> None:
        """Ask what the new token is for."""
        panel = NewTokenPanel(self._context, self.window())
        panel.begin()

    def _row(self, token: AccessToken) -> QWidget:
        icons = self._context.icons
        widget = QWidget()
        row = QHBoxLayout(widget)
        row.setContentsMargins(16, 4, 8, 4)
        row.setSpacing(6)
        row.addWidget(ElidedLabel(token.name), 1)
        for scope in token.scopes:
            row.addWidget(Badge(icons, scope))
        row.addSpacing(8)
        row.addWidget(Label(ago(token.created), "caption", "text-3"))
        delete = IconButton(icons, "trash-2", self.tr("Take it back"), small=True)
        delete.setAccessibleDescription(token.name)
        delete.clicked.connect(partial(self._ask_revoke, token))
        row.addWidget(delete)
        widget.setMinimumHeight(40)
        return widget

    def _ask_revoke(self, token: AccessToken, _checked: bool = False) -> None:
        self._context.notifier.confirm(
            self.tr("Take back the token “%1”?").replace("%1", token.name),
            self.tr("Whoever uses it gets no answer any more, at once."),
            self.tr("Take it back"),
            partial(self._revoke, token),
            danger=True,
        )

    def _revoke(self, token: AccessToken, yes: bool) -> None:
        if yes:
            self._context.worker.run(self._context.access.revoke, token.id)


class NewTokenPanel(Overlay):
    """A name and what it allows; then the token itself, this once."""

    made = Signal(str)
    """The secret."""

    def __init__(self, context: AppContext, host: QWidget) -> None:
        super().__init__(context.icons, "", host, width=460)
        self._context = context
        icons = context.icons
        title = self.tr("New token")
        self.panel.setAccessibleName(title)
        self.body.setContentsMargins(24, 20, 24, 20)
        self.body.addWidget(Label(title, "page-title"))
        self.body.addSpacing(12)
        self.body.addWidget(Label(self.tr("Name"), "caption", "text-2"))
        self.body.addSpacing(4)
        self.name = TextField(icons, self.tr("Name"), self.tr("What it is for, such as Editor"))
        self.name.setMaxLength(80)
        self.name.textEdited.connect(self._follow)
        self.name.returnPressed.connect(self._make)
        self.body.addWidget(self.name)
        self.body.addSpacing(12)
        self.body.addWidget(Label(self.tr("It allows"), "caption", "text-2"))
        self.body.addSpacing(4)
        self.scopes: dict[Scope, CheckBox] = {}
        for scope, words in self._scope_words():
            box = CheckBox(icons, words)
            box.setChecked(scope == "chat")
            box.toggled.connect(self._follow)
            self.scopes[scope] = box
            self.body.addWidget(box)
            self.body.addSpacing(6)
        self.secret = TextField(icons, self.tr("The token"), mono=True)
        self.secret.setReadOnly(True)
        self.secret.hide()
        self.once = Label(
            self.tr("Copy it now: it is kept as a fingerprint only, and cannot be shown again."),
            "caption",
            "text-2",
            wrap=True,
        )
        self.once.hide()
        self.body.addSpacing(6)
        self.body.addWidget(self.secret)
        self.body.addSpacing(6)
        self.body.addWidget(self.once)
        self.status = Label("", "caption", "danger", wrap=True)
        self.status.hide()
        self.body.addWidget(self.status)
        self.body.addSpacing(12)
        self.cancel = Button(icons, self.tr("Cancel"))
        self.cancel.clicked.connect(self.dismiss)
        self.proceed = PrimaryButton(icons, self.tr("Make the token"))
        self.proceed.clicked.connect(self._make)
        self.add_buttons(self.cancel, self.proceed)
        self._follow()
        self.closed.connect(self.deleteLater)

    def _scope_words(self) -> tuple[tuple[Scope, str], ...]:
        return (
            ("chat", self.tr("Using models")),
            ("models", self.tr("Loading, downloading and deleting models")),
            ("admin", self.tr("Everything, tokens and settings included")),
        )

    def begin(self) -> None:
        """Show it."""
        self.open(self.name)

    def _chosen(self) -> list[Scope]:
        return [scope for scope, box in self.scopes.items() if box.isChecked()]

    def _follow(self) -> None:
        ready = bool(self.name.text().strip()) and bool(self._chosen())
        self.proceed.setEnabled(ready or bool(self.secret.text()))

    def _make(self) -> None:
        if self.secret.text():
            self._copy()
            return
        if not self.proceed.isEnabled():
            return
        make: Callable[[], tuple[AccessToken, str]] = partial(
            self._context.access.issue, self.name.text(), self._chosen()
        )
        self._context.worker.run(make, done=self._show, failed=self._refuse)

    def _show(self, made: tuple[AccessToken, str]) -> None:
        self.name.setReadOnly(True)
        for box in self.scopes.values():
            box.setEnabled(False)
        self.secret.setText(made[1])
        self.secret.show()
        self.once.show()
        self.cancel.setText(self.tr("Close"))
        self.proceed.setText(self.tr("Copy"))
        self.secret.setFocus(Qt.FocusReason.OtherFocusReason)
        self.secret.selectAll()
        self.made.emit(made[1])

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.secret.text())
        self.proceed.setText(self.tr("Copied"))

    def _refuse(self, error: AppError) -> None:
        self.status.setText(f"{error.title}. {error.message}")
        self.status.show()
