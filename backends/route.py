"""The way connections to other computers take: through which proxy, trusting whom."""

import ssl
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

if TYPE_CHECKING:
    import httpx2


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


def client_options(route: Route) -> dict[str, Any]:
    """What an `httpx2.Client` is made with to take this way.

    Raises:
        OSError: the certificates to trust cannot be read.
        ValueError, InvalidURL: the proxy's address is none.
    """
    return {
        "verify": tls_context(route),
        "trust_env": route.proxy == "system",
        "proxy": _proxy(route),
        "mounts": {_pattern(host): None for host in _direct(route)},
    }


def tls_context(route: Route) -> ssl.SSLContext:
    """The authorities to trust: the system's, or `SSL_CERT_FILE`'s, and those of the extra file.

    Raises `OSError`; its `filename` is the extra file's if that is the one that cannot be read.
    """
    import httpx2

    context = httpx2.create_ssl_context()
    if route.ca_file:
        try:
            context.load_verify_locations(cafile=route.ca_file)
        except OSError as error:  # an `SSLError` for what is no certificate
            error.filename = route.ca_file
            raise
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
