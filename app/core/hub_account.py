"""Who the person is on the hub: log in, log out, and what models with a licence say to them."""

import contextlib
from typing import Literal
from urllib.parse import quote

import msgspec
from msgspec import Struct

from app.core import hub_errors
from app.core.errors import AccessError, NotFoundError, SettingsError
from app.core.hub_gate import HubGate, TokenSource
from app.core.hub_http import HubAccess, HubHttp
from app.core.keys import KeyPlace
from app.core.settings import SettingsStore

_LIMIT = 1_000_000

Permission = Literal["granted", "log_in", "withheld", "ask", "waiting", "rejected"]
"""What stands between a person and the files of a model: nothing; they are not logged in; their
log-in is not sent to the hub in use; the terms are not accepted; the authors have not answered;
the authors have refused."""

TOKEN_PAGE = "/settings/tokens"
"""Where on a hub a person makes access tokens."""


class Account(Struct, frozen=True):
    """Who is logged in, and by what."""

    name: str
    """Empty while the hub has not been asked."""
    source: TokenSource


class _WhoAmI(Struct, frozen=True):
    name: str


class HubAccount:
    """The person's account on the hub. Calls block, but `current`."""

    def __init__(self, settings: SettingsStore, gate: HubGate, http: HubHttp) -> None:
        self._settings = settings
        self._gate = gate
        self._http = http

    def current(self) -> Account | None:
        """Who is logged in as far as is known here; None for nobody. Quick."""
        source = self._gate.source
        if source == "none":
            return None
        known = self._settings.current.network.account if source != "environment" else ""
        return Account(known, source)

    def verify(self) -> Account | None:
        """The same, by asking the hub whether the token is good.

        Raises `HubError`; an `AccessError` of the kind "bad_token" says that it is not.
        """
        current = self.current()
        if current is None:
            return None
        access = self._gate.trusted()
        if access.token is None:
            raise AccessError(
                "The access token cannot be read",
                "It is not in the password store any more, or the store is locked.",
                "Unlock it, or log in again.",
                kind="bad_token",
            )
        return Account(self._who(access), current.source)

    def log_in(self, token: str, place: KeyPlace = "keyring") -> Account:
        """Check a token with the hub and keep it in `place`.

        Raises:
            SettingsError: it cannot be a token.
            HubError: the hub refuses it, or cannot be asked.
            NoKeyring, StorageError: it cannot be kept; nothing was changed.
        """
        token = token.strip()
        if not token or not token.isascii() or any(each.isspace() for each in token):
            raise SettingsError(
                "This is no access token",
                "A token is one word; those of the hub begin with hf_.",
                "Copy it again from the hub's settings.",
            )
        name = self._who(self._gate.trusted(token))
        self._gate.keep_token(token, place, name)
        return Account(name, self._gate.source)

    def log_out(self) -> None:
        """Forget the token. One in the environment stays. Raises `NoKeyring`, `StorageError`."""
        self._gate.drop_token()

    def require(self, repo: str) -> None:
        """Return if the files of a gated model can be had. Raises the `AccessError` if not.

        Other troubles are `HubError`s. A hub that cannot tell is no obstacle: the download will.
        """
        if self.current() is None:
            page = f"{self._gate.accesses()[0].endpoint}/{repo}"
            raise hub_errors.gated(repo, page, logged_in=False)
        where = f"/api/models/{quote(repo, safe='/')}/auth-check"
        with contextlib.suppress(NotFoundError):  # a mirror that has no such page
            self._http.get(
                self._gate.trusted(), where, limit=_LIMIT, repo=repo, purpose="model page"
            )

    def permission(self, repo: str) -> Permission:
        """Whether the files of a gated model can be had. Raises `HubError` for other troubles."""
        if self.current() is None:
            return "log_in"
        try:
            self.require(repo)
        except AccessError as error:
            match error.kind:
                case "log_in" | "withheld" | "ask" | "waiting" | "rejected":
                    return error.kind
            raise
        return "granted"

    def _who(self, access: HubAccess) -> str:
        answer = self._http.get(access, "/api/whoami-v2", limit=_LIMIT, purpose="log-in")
        try:
            return msgspec.json.decode(answer.body, type=_WhoAmI).name
        except msgspec.DecodeError as error:
            raise hub_errors.unreadable(access.endpoint.partition("://")[2], str(error)) from error
