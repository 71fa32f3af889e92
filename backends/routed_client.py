"""An HTTP client that tells every failure of a proxy as such, whatever is spoken with it."""

from collections.abc import Callable
from typing import Any

import httpx2
from socksio.exceptions import SOCKSError


class RoutedClient(httpx2.Client):
    """A client whose `send` raises nothing but the library's own errors.

    The library lets those of a SOCKS proxy through as they are, takes one that is silent for a
    silent server, and forgets to close the connection to it.
    """

    def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """Send one request. Raises like the library, `ProxyError` also for what speaks no SOCKS."""
        greeting = _Greeting(request.extensions.get("trace"))
        request.extensions = {**request.extensions, "trace": greeting}
        try:
            return super().send(request, **options)
        except (SOCKSError, httpx2.TransportError) as error:
            if not greeting.broken_off() or isinstance(error, httpx2.ProxyError):
                raise
            raise httpx2.ProxyError(f"no SOCKS proxy: {error}", request=request) from error


class _Greeting:
    """Watches a SOCKS proxy being spoken to, through the client's own trace."""

    def __init__(self, former: Callable[[str, dict[str, Any]], object] | None) -> None:
        self._former = former
        self._stream: Any = None
        """The connection to a proxy that has not agreed yet."""

    def __call__(self, event: str, info: dict[str, Any]) -> None:
        if self._former is not None:
            self._former(event, info)
        if event == "socks.connect_tcp.complete":
            self._stream = info["return_value"]
        elif event == "socks.setup_socks5_connection.complete":
            self._stream = None

    def broken_off(self) -> bool:
        """Whether the proxy never agreed; its connection is closed then."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()
        return stream is not None
