"""Why no connection came about, told so that a person knows what to mend.

The name, the road, the certificate, the proxy: each has an own sentence, and a `kind` by which the
connection test and others can tell them apart.
"""

import socket
import ssl
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from app.core.errors import HubError

# https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/
_NOT_YET_VALID, _EXPIRED = 9, 10
_WRONG_NAMES = (62, 63, 64)
PROXY_AUTHENTICATION = 407


class Way:
    """How far a request came. Goes along as the client's trace, which names each step."""

    def __init__(self) -> None:
        self.target = ""
        """Host and port of the last connection that was begun: the server's, or the proxy's."""

    def __call__(self, event: str, info: dict[str, Any]) -> None:
        """One step of the request, by the client's name for it."""
        if event.endswith("connect_tcp.started"):
            self.target = f"{info.get('host')}:{info.get('port')}"


def connection_problem(
    error: BaseException, url: str, way: Way | None = None, server: str = "hub"
) -> HubError:
    """What `error` of the HTTP client means for a request to `url`.

    `server` is the word for what was asked.
    """
    host = urlsplit(url).netloc
    causes = tuple(_causes(error))
    status = _proxy_status(error)
    if status == PROXY_AUTHENTICATION or _socks_wants_password(error):
        return proxy_wants_password(host, str(error))
    if status:
        return HubError(
            "The proxy refuses the connection",
            f"It was asked for {host} and answered with status {status}.",
            "Check the proxy in Settings, under Network, or ask who runs it.",
            str(error),
            kind="proxy",
        )
    if _is_socks_refusal(error):
        return HubError(
            "The proxy refuses the connection",
            f"It was asked for {host}, and did not connect or is no SOCKS proxy.",
            "Check the proxy in Settings, under Network, or ask who runs it.",
            str(error),
            kind="proxy",
        )
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _certificate_problem(cause, host, server)
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return HubError(
            "No encrypted connection could be made",
            f"What answers at {host} does not speak TLS as it should.",
            "Check the address. A proxy or a filter of the network may be in the way.",
            str(error),
            kind="tls",
        )
    proxy = _proxy_on(way, url)
    if proxy:
        return _no_proxy(causes, proxy, str(error))
    return _no_road(causes, url, server, str(error))


def proxy_wants_password(host: str, detail: str = "") -> HubError:
    """The proxy has no use for the name and password it was given, or got none."""
    return HubError(
        "The proxy wants a name and a password",
        f"It did not let the connection to {host} through.",
        "Enter them in Settings, under Network.",
        detail,
        kind="proxy_login",
    )


def portal(host: str, server: str = "hub") -> HubError:
    """A page for people where the hub, or another `server`, should have answered."""
    return HubError(
        f"Something else answers in the {server}'s place",
        f"{host} answered with a web page, not with the {server}'s protocol.",
        "A log-in page of the network may be in the way: open a browser and log in there. Else "
        "check the address.",
        kind="portal",
    )


def _certificate_problem(error: ssl.SSLCertVerificationError, host: str, server: str) -> HubError:
    code = getattr(error, "verify_code", 0)
    words = str(getattr(error, "verify_message", "") or error)
    today = time.strftime("%d %B %Y").lstrip("0")
    if code == _NOT_YET_VALID:
        return HubError(
            "This computer's clock may be wrong",
            f"The certificate of {host} is not valid yet, and by this computer's clock it is "
            f"{today}. Nothing was sent.",
            "Set the date and time of this computer. If they are right, the fault is the server's.",
            words,
            kind="clock",
        )
    if code == _EXPIRED or "expired" in words:
        return HubError(
            "The server's certificate has expired",
            f"The certificate of {host} is not valid any more, and by this computer's clock it is "
            f"{today}. Nothing was sent.",
            "If that date is wrong, set the clock of this computer. Else the fault is the "
            "server's: try again later.",
            words,
            kind="expired",
        )
    if code in _WRONG_NAMES or "ostname mismatch" in words:
        return HubError(
            "The server is another one than it should be",
            f"The certificate that came from {host} belongs to another name. Nothing was sent.",
            "Check the address. A log-in page or a filter of the network may be in the way.",
            words,
            kind="wrong_host",
        )
    return HubError(
        f"The connection to the {server} is not trusted",
        f"The certificate of {host} was made by an authority that this computer does not know, so "
        "nothing was sent.",
        "If this network inspects traffic, name the file of its authority in Settings, under "
        "Network, or in SSL_CERT_FILE.",
        words,
        kind="unknown_ca",
    )


def _no_proxy(causes: tuple[BaseException, ...], proxy: str, detail: str) -> HubError:
    why = f"Nothing answers at {proxy}."
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        why = f"There is no computer called {proxy.rpartition(':')[0]}."
    return HubError(
        "The proxy is out of reach",
        why,
        "Check the proxy in Settings, under Network, or in the system's settings.",
        detail,
        kind="proxy",
    )


def _no_road(causes: tuple[BaseException, ...], url: str, server: str, detail: str) -> HubError:
    host = urlsplit(url).netloc
    name = urlsplit(url).hostname or host
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return HubError(
            f"The {server}'s name is not known",
            f"No computer called {name} was found.",
            "Check the connection to the internet and the spelling of the address. Downloaded "
            "models work without.",
            detail,
            kind="dns",
        )
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return HubError(
            f"The {server} is out of reach",
            f"{host} refuses the connection: no server is listening there.",
            "Check the address and its port. Downloaded models work without.",
            detail,
            kind="refused",
        )
    return HubError(
        f"The {server} is out of reach",
        f"No connection to {host}.",
        "Check the connection, the proxy and the address. Downloaded models work without.",
        detail,
        kind="unreachable",
    )


def _proxy_status(error: BaseException) -> int:
    """The status by which a proxy refused to connect; 0 for any other failure."""
    if not _is_proxy_error(error):
        return 0
    first = str(error).partition(" ")[0]
    return int(first) if first.isascii() and first.isdigit() else 0


def _socks_wants_password(error: BaseException) -> bool:
    """Whether a SOCKS proxy refused the log-in, or wants one: by the client's words for it."""
    words = str(error)
    missing = "NO AUTHENTICATION" in words and words.startswith("Requested ")
    return _is_proxy_error(error) and (missing or words == "Invalid username/password")


def _is_socks_refusal(error: BaseException) -> bool:
    words = str(error)
    told = ("Requested ", "Proxy Server could not connect", "no SOCKS proxy")
    return _is_proxy_error(error) and words.startswith(told)


def _is_proxy_error(error: BaseException) -> bool:
    import httpx2

    return isinstance(error, httpx2.ProxyError)


def _proxy_on(way: Way | None, url: str) -> str:
    """The proxy that was called in the server's place; "" if there was none."""
    if way is None or not way.target:
        return ""
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return way.target if way.target != f"{parts.hostname}:{port}" else ""


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it came from, deepest last."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
