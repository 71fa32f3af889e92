"""The connection test: asks every hub in the list, and the registry; names what is wrong."""

import contextlib
import email.utils
import time
from collections.abc import Callable

import msgspec
from msgspec import Struct

from app.core import hub_errors
from app.core.connection_problems import portal
from app.core.errors import AppError, HubError
from app.core.hub_gate import HubGate
from app.core.hub_http import Answer, HubAccess, HubHttp
from app.core.ollama_gate import RegistryGate
from app.core.ollama_http import RegistryHttp

_LIMIT = 1_000_000
_SKEW = 300.0
"""Seconds between two clocks from which on it is worth a word."""


class HubState(Struct, frozen=True):
    """How one hub answered, or Ollama's registry."""

    address: str
    problem: AppError | None = None
    """What is wrong; None when it answers as it should."""
    seconds: float = 0.0
    """How long it took."""
    skew: float = 0.0
    """Seconds that this computer's clock is ahead of the other's, where that is much; else 0."""

    @property
    def kind(self) -> str:
        """What is wrong, in a word; "ok" if nothing is."""
        if self.problem is None:
            return "ok"
        return self.problem.kind if isinstance(self.problem, HubError) else self.problem.code


def check_hubs(
    gate: HubGate, http: HubHttp, clock: Callable[[], float] = time.time
) -> tuple[HubState, ...]:
    """Ask each hub for one model, in the order in which they are in use.

    Raises `OfflineError` or `SettingsError` where nothing can be asked at all.
    """
    return tuple(_check(gate, http, access, clock) for access in gate.accesses())


def check_registry(
    gate: RegistryGate, http: RegistryHttp, clock: Callable[[], float] = time.time
) -> HubState:
    """Ask Ollama's registry whether it is there. Raises like `check_hubs`."""
    access, started = gate.access(), time.monotonic()
    try:
        date = http.ping(access)
    except HubError as error:
        return HubState(access.endpoint, error, time.monotonic() - started)
    return HubState(access.endpoint, None, time.monotonic() - started, _skew(date, clock()))


def _check(gate: HubGate, http: HubHttp, access: HubAccess, clock: Callable[[], float]) -> HubState:
    started = time.monotonic()
    try:
        answer = http.get(access, "/api/models", limit=_LIMIT, params={"limit": 1}, purpose="test")
        _read(answer, access)
    except HubError as error:
        gate.failed(access, error)
        return HubState(access.endpoint, error, time.monotonic() - started)
    gate.answered(access)
    skew = _skew(answer.date, clock())
    return HubState(access.endpoint, None, time.monotonic() - started, skew)


def _read(answer: Answer, access: HubAccess) -> None:
    host = access.endpoint.partition("://")[2]
    try:
        msgspec.json.decode(answer.body, type=list[msgspec.Raw])
    except (msgspec.DecodeError, RecursionError) as error:
        start = answer.body[:200].lstrip().lower()
        if "html" in answer.content_type or start.startswith((b"<!doctype", b"<html")):
            raise portal(host) from error
        raise hub_errors.unreadable(host, str(error)) from error


def _skew(date: str, now: float) -> float:
    with contextlib.suppress(ValueError, TypeError):
        ahead = now - email.utils.parsedate_to_datetime(date).timestamp()
        return ahead if abs(ahead) > _SKEW else 0.0
    return 0.0
