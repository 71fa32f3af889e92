"""The HTTP client for other computers: through which proxy, trusting whom, counted by whom.

The window's hub client and the transfer child make theirs here alike.
"""

import os
import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from app.core import hub_errors
from backends.contacts import Meter, Tell

if TYPE_CHECKING:
    import httpx2

TIMEOUT = 10.0
"""Seconds for connecting and for each read."""


class Route(Struct, frozen=True, repr_omit_defaults=True):
    """The way connections take, its password included: for pipes and memory, never for a file."""

    proxy: Literal["system", "none", "manual"] = "system"
    proxy_url: str = ""
    """Scheme, host and port of the manual proxy."""
    user: str = ""
    password: str = ""
    no_proxy: tuple[str, ...] = ()
    """Hosts reached without the manual proxy."""
    ca_file: str = ""
    """Trusted besides the system's authorities; "" is none."""

    def __repr__(self) -> str:
        return f"Route({self.proxy!r}, {self.proxy_url!r})"


def new_client(
    timeout: float = TIMEOUT,
    route: Route = Route(),  # noqa: B008 - frozen
    tell: Tell | None = None,
    purpose: str = "",
    why: str = "",
) -> "httpx2.Client":
    """An HTTP client with the hub library's hook (offline mode, request ids) and time-outs.

    The library's own client waits for ever. `tell` hears of every connection, by default for this
    `purpose`.

    Raises:
        HubError: the proxy, or the certificates to trust, cannot be used; says which and why.
    """
    # Read when the library is imported: it would report its use once a day.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    import httpx2
    from huggingface_hub.utils._http import hf_request_event_hook

    def hook(request: httpx2.Request) -> None:
        hf_request_event_hook(request)

    meter = Meter(tell, purpose, why) if tell is not None else None
    context = tls_context(route)
    try:
        return httpx2.Client(
            event_hooks={
                "request": [hook, *([meter.asked] if meter else [])],
                "response": [meter.answered] if meter else [],
            },
            follow_redirects=True,
            timeout=httpx2.Timeout(timeout),
            verify=context,
            trust_env=route.proxy == "system",
            proxy=_proxy(route),
            mounts={_pattern(host): None for host in _direct(route)},
        )
    except (ImportError, ValueError, httpx2.InvalidURL) as error:
        raise hub_errors.bad_proxy(error, os.environ) from error


def tls_context(route: Route, env: Mapping[str, str] = os.environ) -> ssl.SSLContext:
    """The authorities to trust: the system's, or `SSL_CERT_FILE`'s, and those of the extra file.

    Raises `HubError` naming the file that cannot be read.
    """
    import httpx2

    try:
        context = httpx2.create_ssl_context()
    except OSError as error:
        raise hub_errors.bad_certificates(error, env) from error
    if route.ca_file:
        try:
            context.load_verify_locations(cafile=route.ca_file)
        except OSError as error:
            raise hub_errors.bad_ca_file(route.ca_file, error) from error
    return context


def _proxy(route: Route) -> "httpx2.Proxy | None":
    import httpx2

    if route.proxy != "manual":
        return None
    login = (route.user, route.password) if route.user else None
    return httpx2.Proxy(route.proxy_url, auth=login)


def _direct(route: Route) -> tuple[str, ...]:
    return route.no_proxy if route.proxy == "manual" else ()


def _pattern(host: str) -> str:
    """A host, or a domain with all below it, as the client's pattern."""
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"
    domain = host.removeprefix("*").removeprefix(".")
    if domain != host:
        return f"all://*{domain}"  # the client's way to say: this one and all below it
    return f"all://{host}"
