"""Who may ask what: the checks that every request passes before any dialect sees it.

Browsers carry other people's scripts, so a request is not trusted for coming from this computer:
its Host must be a name of this computer (against DNS rebinding), its Origin the server's own or
one that the person listed (against foreign pages), its body declared as JSON (against forms).
"""

import asyncio
import contextlib
import hmac
import ipaddress
import logging
import re
import socket
import time
from collections.abc import Callable
from functools import partial

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.errors import ApiError
from app.api.table import OperationTable
from app.api.work import Client
from app.core.access_tokens import PREFIX, AccessToken, sha256_of
from app.core.access_tokens import Scope as TokenScope
from app.core.local_server import ServerParts

log = logging.getLogger(__name__)

_LOCAL_NAMES = ("localhost", "localhost.localdomain")
_LOCAL_ENDINGS = (".localhost", ".local", ".internal", ".home.arpa")
_SAFE = ("GET", "HEAD", "OPTIONS")
_MOST_HEADERS = 100
_HOST = re.compile(r"(?:\[(?P<address>[0-9A-Fa-f:.]+)\]|(?P<name>[\w.-]+))(?::\d{1,5})?", re.ASCII)
_PASSED_ON = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
"""What proxies add: who asks is not on this computer, although the proxy is."""
_SMALL_BODY = 64 * 1024
"""Bytes."""
_REST_SECONDS = 2.0


_FOR_BROWSERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class Guard:
    """ASGI middleware around the whole server."""

    def __init__(
        self, app: ASGIApp, parts: ServerParts, table: OperationTable, own_secret: AccessToken
    ) -> None:
        """`own_secret` is the token of this computer's own commands."""
        self._app = app
        self._parts = parts
        self._table = table
        self._own = own_secret
        self.own_port = 0
        """Port that only the program's own commands use; everything there needs their secret."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or answer it with the error of the dialect it speaks."""
        if scope["type"] != "http":
            if scope["type"] == "websocket":  # nothing here speaks it
                await receive()
                await send({"type": "websocket.close", "code": 1008})
            return
        headers = Headers(scope=scope)
        began, token, origin = time.monotonic(), None, ""
        problem: ApiError | None = None
        try:
            _check_size(headers)
            self._check_host(headers)
            origin = self._check_origin(scope, headers)
            if scope["method"] == "OPTIONS" and origin:
                await _preflight(origin, headers, send)
                return
            token = self._token(scope, headers)
        except ApiError as error:
            problem = error
        name = token.name if token is not None else ""
        address = scope["client"][0] if scope.get("client") else ""
        record = self._parts.log.begin(time.time(), address, name, scope["method"], scope["path"])
        client = Client(token.id if token is not None else address, record.number, began)
        scope.setdefault("state", {})["client"] = client
        scope["state"]["token"] = token
        scope["state"]["pause"] = self._parts.settings.current.server.patience
        ending = _Ending(send, origin, scope["state"], partial(self._is_revoked, token))
        try:
            if problem is None:
                problem = self._refusal(scope, headers, token)
            if problem is not None:
                await _take_rest(headers, receive)
                await self._table.refuse(scope, receive, ending, problem)
            else:
                await self._app(scope, receive, ending)
        except ClientDisconnect:
            log.debug("a client left")
        finally:
            revoked = {"error": "Its token was taken back."} if ending.revoked else {}
            self._parts.log.update(
                record.number,
                status=ending.status if ending.complete else 499,
                seconds=time.monotonic() - began,
                **revoked,
            )

    def _is_revoked(self, token: AccessToken | None) -> bool:
        """Whether the token of a request was taken back since it was let pass."""
        return token not in (None, self._own) and token not in self._parts.tokens.all()

    def _check_host(self, headers: Headers) -> None:
        hosts = headers.getlist("host")
        if len(hosts) == 1 and self._is_own_host(host_name(hosts[0])):
            return
        raise ApiError(
            "forbidden",
            "This server does not answer for the name in the Host header. Names of this computer "
            "can be added in Corral's server settings.",
            status=421,
        )

    def _is_own_host(self, host: str) -> bool:
        if not host:
            return False
        try:
            # An address is nobody else's to give: only names can be made to point here.
            return not ipaddress.ip_address(host).is_multicast
        except ValueError:
            pass
        own = socket.gethostname().casefold()
        return (
            host in _LOCAL_NAMES
            or host.endswith(_LOCAL_ENDINGS)
            or host in (own, own.partition(".")[0])
            or host in (each.casefold() for each in self._parts.settings.current.server.hosts)
        )

    def _check_origin(self, scope: Scope, headers: Headers) -> str:
        """The listed origin that asks, "" where it is the server's own page or no page at all."""
        origins = headers.getlist("origin")
        allowed = self._parts.settings.current.server.origins
        if not origins:
            site = headers.get("sec-fetch-site", "none")
            followed = scope["method"] in _SAFE and headers.get("sec-fetch-mode") == "navigate"
            if site in ("none", "same-origin") or followed:  # a link may lead here
                return ""
            raise _foreign()
        origin = origins[0].casefold()
        if origin == "null":  # of any page that hides its own, so nobody can mean to list it
            raise _foreign()
        if len(origins) == 1 and origin in {each.casefold().rstrip("/") for each in allowed}:
            return origins[0]
        if len(origins) == 1 and origin == f"{scope['scheme']}://{headers['host'].casefold()}":
            return ""
        raise _foreign()

    def _token(self, scope: Scope, headers: Headers) -> AccessToken | None:
        """The token that came along; None where there is no valid one and none is needed."""
        given, own_port = given_token(headers), scope["server"][1] == self.own_port
        if own_port:
            if given and hmac.compare_digest(sha256_of(given), self._own.sha256):
                return self._own
        elif given and (token := self._parts.tokens.check(given)) is not None:
            return token
        unknown = given.startswith(PREFIX)  # one of ours, and taken back
        if own_port or unknown or self._needs_token(scope, headers):
            operation = self._table.find(scope)
            if operation is not None and operation.scope is None:
                return None
            raise ApiError(
                "unauthorized",
                "This server wants an access token: one that you made in Corral, as "
                "“Authorization: Bearer …” or “x-api-key: …”.",
            )
        return None  # clients that must send a key send any, here where none is needed

    def _needs_token(self, scope: Scope, headers: Headers) -> bool:
        server = self._parts.settings.current.server
        if server.require_token or any(name in headers for name in _PASSED_ON):
            return True
        if host_name(headers["host"]) in {each.casefold() for each in server.hosts}:
            return True  # a name that only a proxy has
        client = scope.get("client")
        return client is None or not is_loopback(client[0])

    def _refusal(
        self, scope: Scope, headers: Headers, token: AccessToken | None
    ) -> ApiError | None:
        """What the operation itself asks of the request: a scope, a kind of body."""
        operation = self._table.find(scope)
        if operation is None:
            return None  # the application says that there is no such thing
        if operation.scope is not None and not _allows(token, operation.scope):
            return ApiError(
                "forbidden", f"This token does not allow “{operation.scope}”.", status=403
            )
        if scope["method"] in _SAFE or operation.body is None:
            return None
        if _has_body(headers) and not _is_json(headers, operation.body):
            return ApiError(
                "unsupported", f"The body must be sent as {operation.body}.", status=415
            )
        return None


def _allows(token: AccessToken | None, scope: TokenScope) -> bool:
    """Whoever needs no token, on this computer, may use models and manage them."""
    return scope != "admin" if token is None else token.allows(scope)


def given_token(headers: Headers) -> str:
    """The token in either form of header; "" where there is none."""
    kind, _, value = headers.get("authorization", "").partition(" ")
    if kind.casefold() == "bearer" and value.strip():
        return value.strip()
    return headers.get("x-api-key", "").strip()


def host_name(host: str) -> str:
    """The name or address in a Host header, without its port; "" where it is none."""
    found = _HOST.fullmatch(host)
    if found is None:
        return ""
    return (found["address"] or found["name"]).removesuffix(".").casefold()


def is_loopback(address: str) -> bool:
    """Whether `address` is this computer's own, seen from itself."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_loopback


def _check_size(headers: Headers) -> None:
    if len(headers.raw) > _MOST_HEADERS:
        raise ApiError("too_large", "The request has too many headers.", status=431)


async def _take_rest(headers: Headers, receive: Receive) -> None:
    """Take in a small body that will not be looked at.

    Where a connection is closed with something unread, the system tells the client that it was
    broken off, often before the client has read the answer that says why.
    """
    length = headers.get("content-length", "")
    if not length.isdigit() or not 0 < int(length) <= _SMALL_BODY:
        return
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_REST_SECONDS):
            while (await receive()).get("more_body"):
                pass


def _has_body(headers: Headers) -> bool:
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


def _is_json(headers: Headers, wanted: str) -> bool:
    """Whether the body is declared as what it must be.

    What `curl -d` says by itself passes too, where nothing else says that a browser sent it: every
    browser adds at least one of these headers to what a page makes it send to another site.
    """
    kind = headers.get("content-type", "").partition(";")[0].strip().casefold()
    if kind in (wanted, "application/json"):  # Ollama's own client says that of every body
        return True
    browser = ("origin", "referer", "cookie", "sec-fetch-site", "sec-fetch-mode")
    curl = kind in ("", "application/x-www-form-urlencoded")
    return curl and not any(name in headers for name in browser)


def _foreign() -> ApiError:
    return ApiError(
        "forbidden",
        "A page of another origin asked. Origins can be allowed in Corral's server settings.",
        status=403,
    )


async def _preflight(origin: str, headers: Headers, send: Send) -> None:
    wanted = headers.get("access-control-request-headers", "content-type, authorization")
    allowed = [
        (b"access-control-allow-methods", b"GET, POST, PUT, DELETE, HEAD"),
        (b"access-control-allow-headers", wanted.encode("latin-1", "replace")),
        (b"access-control-max-age", b"600"),
    ]
    if headers.get("access-control-request-private-network") == "true":
        allowed.append((b"access-control-allow-private-network", b"true"))
    start = {"type": "http.response.start", "status": 204}
    await send({**start, "headers": [*_cors(origin), *allowed]})
    await send({"type": "http.response.body", "body": b""})


def _cors(origin: str) -> list[tuple[bytes, bytes]]:
    return [(b"access-control-allow-origin", origin.encode("latin-1")), (b"vary", b"Origin")]


class _Ending:
    """Sends an answer on, sees its status and whether it came to its end.

    One to a token that was taken back meanwhile is broken off, as if its client had left.
    """

    def __init__(
        self, send: Send, origin: str, state: dict[str, object], is_revoked: Callable[[], bool]
    ) -> None:
        self._send = send
        self._origin = origin
        self._state = state
        self._is_revoked = is_revoked
        self.status = 0
        self.complete = False
        self.revoked = False

    async def __call__(self, message: Message) -> None:
        if self._is_revoked():
            self.revoked = True
            raise ClientDisconnect
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._state["answering"] = True
            headers = [*message.get("headers", ()), *_FOR_BROWSERS]
            if self._origin:
                headers += _cors(self._origin)
            message = {**message, "headers": headers}
        await self._send(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            self.complete = True
