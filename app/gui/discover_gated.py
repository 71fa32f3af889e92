"""What stands before the download of a model with a licence, said step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QUrl, Signal
from PySide6.QtGui import QDesktopServices

from app.core.errors import AppError
from app.core.hub_account import Permission
from app.gui.controls.strip import Strip
from app.gui.formatting import error_words
from app.gui.login_panel import LoginPanel

if TYPE_CHECKING:
    from app.core.settings import Network, Settings
    from app.gui.context import AppContext
    from app.gui.discover_subject import Subject
    from app.gui.worker import Task


class GatedGuide(QObject):
    """Asks the hub how it stands with a gated model, and offers the next step in the strip."""

    settings_wanted = Signal()
    granted = Signal()
    """The files can be had now, after they could not."""

    def __init__(self, context: AppContext, strip: Strip, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._strip = strip
        self._repo = ""
        self._by_hand = False
        self._page = ""
        self._network: Network | None = None
        """The settings that what is said holds for."""
        self._step = ""
        """What the strip's button does."""
        self._refused = False
        """Whether something stood before this model."""
        self._asking: Task | None = None
        self.panel: LoginPanel | None = None
        strip.action_chosen.connect(self._act)
        context.bridge.on(context.settings.changed, self._settings_changed)

    def show_subject(self, subject: Subject, page: str) -> None:
        """Another model, or the same anew; `page` is its address on the hub."""
        network = self._context.settings.current.network
        repo = subject.repo if subject.gated else ""
        if (repo, page, network) == (self._repo, self._page, self._network):
            return
        if repo != self._repo:
            self._refused = False
        self._repo, self._page, self._network = repo, page, network
        self._by_hand = subject.by_hand
        self._ask()

    def _settings_changed(self, settings: Settings) -> None:
        """Logged in or out, another hub, online again."""
        if self._repo and settings.network != self._network:
            self._network = settings.network
            self._ask()

    def _ask(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None
        if not self._repo or self._context.settings.current.network.offline:
            self._say("", "", "")
            return
        if self._context.account.current() is None:
            self._tell("log_in")
            return
        self._say(self.tr("This model has a licence to accept. Asking the hub…"), "", "")
        self._asking = self._context.worker.run(
            self._context.account.permission, self._repo, done=self._tell, failed=self._failed
        )

    def _tell(self, permission: Permission) -> None:
        self._asking = None
        again = self.tr("Check again")
        steps = {
            "granted": (self.tr("Its licence is accepted: your account may download it."), "", ""),
            "log_in": (
                self.tr(
                    "Its authors want their licence accepted on the hub. Log in here, then "
                    "accept it on the model’s page."
                ),
                self.tr("Log in…"),
                "log in",
            ),
            "ask": (
                self.tr(
                    "You are logged in. One step is left: accept the licence on the model’s page."
                ),
                self.tr("Open its page"),
                "open",
            ),
            "waiting": (
                self.tr("You have asked for access; its authors have not answered yet."),
                again,
                "ask",
            ),
            "rejected": (self.tr("Its authors have refused you access to this model."), "", ""),
            "withheld": (
                self.tr(
                    "Its authors want their licence accepted, but your log-in is not sent to this "
                    "hub. You can allow it."
                ),
                self.tr("Open settings"),
                "settings",
            ),
        }
        text, action, step = steps[permission]
        if self._by_hand and permission in ("log_in", "ask", "withheld"):
            text += " " + self.tr("They let people in one by one: expect to wait for their answer.")
        self._say(text, action, step)
        before, self._refused = self._refused, permission != "granted"
        if before and not self._refused:
            self.granted.emit()

    def _failed(self, error: AppError) -> None:
        self._asking = None
        if getattr(error, "kind", "") == "bad_token":
            self._say(error_words(error), self.tr("Open settings"), "settings")
            return
        self._say(error_words(error), self.tr("Check again"), "ask")

    def _say(self, text: str, action: str, step: str) -> None:
        self._step = step
        self._strip.action.setText(action)
        self._strip.action.setVisible(bool(action))
        self._strip.action.updateGeometry()
        self._strip.say(text)

    def _act(self) -> None:
        match self._step:
            case "log in":
                self.panel = LoginPanel(self._context, self._strip.window())
                self.panel.destroyed.connect(self._forget_panel)
                self.panel.begin()
            case "open":
                QDesktopServices.openUrl(QUrl(self._page))
                self._say(
                    self.tr("Accept the licence on the page in the browser, then check again."),
                    self.tr("Check again"),
                    "ask",
                )
            case "ask":
                self._ask()
            case "settings":
                self.settings_wanted.emit()

    def _forget_panel(self) -> None:
        self.panel = None
