"""Settings, Network: who is logged in to the hub."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

from app.core.errors import AppError
from app.core.hub_account import Account
from app.gui.controls.buttons import Button
from app.gui.formatting import error_words
from app.gui.login_panel import LoginPanel
from app.gui.settings_rows import SettingGroup, SettingRow

if TYPE_CHECKING:
    from app.core.settings import Network
    from app.gui.context import AppContext


def _tr(text: str) -> str:
    return QCoreApplication.translate("AccountGroup", text)


class AccountGroup(SettingGroup):
    """Log in, log out, and by what one is logged in."""

    def __init__(self, context: AppContext) -> None:
        self._context = context
        self._name = ""
        """The hub's name for the token of the environment, once it was asked."""
        self.panel: LoginPanel | None = None
        self.log_in = Button(context.icons, _tr("Log in…"), small=True)
        self.log_out = Button(context.icons, _tr("Log out"), small=True)
        self.verify = Button(context.icons, _tr("Check"), small=True)
        self.verify.setAccessibleName(_tr("Check the log-in"))
        self.row = SettingRow(_tr("Account"), " ", self.verify, self.log_in, self.log_out)
        super().__init__(_tr("Log-in"), self.row)
        self.log_in.clicked.connect(self._log_in)
        self.log_out.clicked.connect(self._log_out)
        self.verify.clicked.connect(self._verify)

    def show_network(self, network: Network) -> None:
        """Take over what is in force."""
        account = self._context.account.current()
        self.log_in.setVisible(account is None)
        self.log_out.setVisible(account is not None and account.source != "environment")
        self.verify.setVisible(account is not None)
        for button in (self.log_in, self.verify):
            button.setEnabled(not network.offline)
            button.setToolTip(_tr("Not while Offline is on") if network.offline else "")
        self._tell(account)

    def refresh(self) -> None:
        """Ask who the token of the environment belongs to, the first time it is looked at."""
        account = self._context.account.current()
        offline = self._context.settings.current.network.offline
        if offline or self._name or account is None:
            return
        if account.source == "environment":
            self._verify()

    def _tell(self, account: Account | None) -> None:
        if account is None:
            self.row.say(_tr("Not logged in. Only models with a licence to accept need it."))
            return
        name = account.name or self._name
        who = _tr("Logged in as %1").replace("%1", name) if name else _tr("Logged in")
        where = {
            "environment": _tr("by HF_TOKEN in the environment"),
            "keyring": _tr("the token is in the password store"),
            "file": _tr("the token is in a file that only you can read"),
        }
        self.row.say(f"{who} · {where.get(account.source, '')}")

    # What the person does

    def _log_in(self) -> None:
        self.panel = LoginPanel(self._context, self.window())
        self.panel.destroyed.connect(self._forget_panel)
        self.panel.begin()

    def _forget_panel(self) -> None:
        self.panel = None

    def _log_out(self) -> None:
        self.log_out.setEnabled(False)
        self._context.worker.run(
            self._context.account.log_out, done=self._logged_out, failed=self._not_logged_out
        )

    def _logged_out(self, _: object) -> None:
        self.log_out.setEnabled(True)
        self.show_network(self._context.settings.current.network)

    def _not_logged_out(self, error: AppError) -> None:
        self.log_out.setEnabled(True)
        self.row.say(error_words(error), "danger")

    def _verify(self) -> None:
        self.verify.setEnabled(False)
        self.row.say(_tr("Asking…"), "accent")
        self._context.worker.run(
            self._context.account.verify, done=self._verified, failed=self._refused
        )

    def _verified(self, account: Account | None) -> None:
        if account is not None and account.source == "environment":
            self._name = account.name
        self.show_network(self._context.settings.current.network)
        if account is not None:
            self.row.say(self.row.sentence.text(), "success")

    def _refused(self, error: AppError) -> None:
        self.show_network(self._context.settings.current.network)
        self.row.say(error_words(error), "danger")
