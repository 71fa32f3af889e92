"""The panel that logs in to the hub with an access token."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QHBoxLayout, QLineEdit

from app.core.errors import AppError
from app.core.hub_account import TOKEN_PAGE, Account
from app.core.hub_addresses import main_address
from app.core.keys import KeyPlace, NoKeyring
from app.gui.controls.buttons import Button, LinkButton, PrimaryButton
from app.gui.controls.fields import TextField
from app.gui.controls.labels import Label
from app.gui.controls.overlay import Overlay
from app.gui.controls.switch import CheckBox
from app.gui.formatting import error_words

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from app.gui.context import AppContext
    from app.gui.worker import Task

WIDTH = 460


class LoginPanel(Overlay):
    """The token is checked by the hub before it is kept."""

    logged_in = Signal()

    def __init__(self, context: AppContext, host: QWidget) -> None:
        super().__init__(context.icons, "", host, width=WIDTH)
        self._context = context
        self._asking: Task | None = None
        icons = context.icons
        title = self.tr("Log in to the hub")
        self.panel.setAccessibleName(title)
        self.body.setContentsMargins(24, 20, 24, 20)
        self.body.addWidget(Label(title, "page-title", wrap=True))
        self.body.addSpacing(8)
        words = self.tr(
            "Paste an access token with the right to read. It is kept in this computer’s password "
            "store and sent to the hub only."
        )
        self.body.addWidget(Label(words, "body", "text-2", wrap=True))
        self.body.addSpacing(4)
        self.page = LinkButton(icons, self.tr("Make a token on the hub’s page"), "external-link")
        self.page.clicked.connect(self._open_page)
        row = QHBoxLayout()
        row.addWidget(self.page)
        row.addStretch(1)
        self.body.addLayout(row)
        self.body.addSpacing(8)
        self.body.addWidget(Label(self.tr("Access token"), "caption", "text-2"))
        self.body.addSpacing(4)
        self.token = TextField(icons, self.tr("Access token"), "hf_…", mono=True)
        self.token.setEchoMode(QLineEdit.EchoMode.Password)
        self.token.textEdited.connect(self._edited)
        self.token.returnPressed.connect(self._go_on)
        self.body.addWidget(self.token)
        self.body.addSpacing(8)
        self.status = Label("", "caption", "text-2", wrap=True)
        self.body.addWidget(self.status)
        self.in_file = CheckBox(icons, self.tr("Keep the token in a file that only you can read"))
        self.in_file.hide()
        self.in_file.toggled.connect(self._follow)
        self.body.addSpacing(8)
        self.body.addWidget(self.in_file)
        self.body.addSpacing(8)
        self._add_buttons()
        self._follow()
        self.closed.connect(self.deleteLater)

    def _add_buttons(self) -> None:
        icons = self._context.icons
        self.cancel = Button(icons, self.tr("Cancel"))
        self.cancel.clicked.connect(self.dismiss)
        self.proceed = PrimaryButton(icons, self.tr("Log in"))
        self.proceed.clicked.connect(self._go_on)
        self.add_buttons(self.cancel, self.proceed)

    def begin(self) -> None:
        """Show it."""
        self.open(self.token)

    def dismiss(self) -> None:
        """Close it; an answer that is still to come is not waited for."""
        if self._asking is not None:
            self._asking.cancel()
        self.token.clear()
        super().dismiss()

    def _open_page(self) -> None:
        try:
            address = main_address(self._context.settings.current.network, os.environ)
        except AppError as error:
            self._say(error_words(error), "danger")
            return
        QDesktopServices.openUrl(QUrl(address + TOKEN_PAGE))

    def _edited(self) -> None:
        self._say("", "text-2")
        self._follow()

    def _go_on(self) -> None:
        if not self.proceed.isEnabled():
            return
        self._say(self.tr("Asking the hub…"), "accent")
        place: KeyPlace = "file" if self.in_file.isChecked() else "keyring"
        self._asking = self._context.worker.run(
            partial(self._context.account.log_in, self.token.text(), place),
            done=self._done,
            failed=self._refused,
        )
        self._follow()

    def _done(self, account: Account) -> None:
        self._asking = None
        words = self.tr("Logged in as %1").replace("%1", account.name)
        self._context.notifier.toast(words)
        self.logged_in.emit()
        self.dismiss()

    def _refused(self, error: AppError) -> None:
        self._asking = None
        if isinstance(error, NoKeyring):
            self.in_file.show()
        self._say(error_words(error), "danger")
        self._follow()

    def _say(self, sentence: str, role: str) -> None:
        self.status.setText(sentence)
        self.status.set_role(role)

    def _follow(self) -> None:
        self.proceed.setEnabled(bool(self.token.text().strip()) and self._asking is None)
