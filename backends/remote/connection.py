"""One connection to a server, which any thread can cut.

Every request has a connection of its own: cancelling an answer closes its socket at once, which
is how servers learn that nobody listens any more.
"""

import contextlib
import socket
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Any

import httpx2
import openai
from msgspec import structs

from backends.contacts import Meter, Tell
from backends.errors import BackendError, ServerUnreachable
from backends.remote.descriptor import RemoteAccess, is_loopback
from backends.remote.failures import server_failure
from backends.route import client_options
from backends.routed_client import RoutedClient

CONNECT_SECONDS = 10.0
_NO_KEY = "none"
"""The client insists on a key; it is taken off the request again."""


class Connection:
    """A client for one request. Use as a context manager."""

    def __init__(
        self, access: RemoteAccess, *, patience: float | None = None, tell: Tell | None = None
    ) -> None:
        """`patience`: seconds without a byte after which the server is given up.

        `tell` hears of the connection and what goes over it.
        """
        self._access = access
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._cut = False
        timeout = httpx2.Timeout(patience or access.patience, connect=CONNECT_SECONDS)
        meter = Meter(tell, "remote model", access.model) if tell is not None else None
        self._http = RoutedClient(
            event_hooks={
                "request": [self._prepare, *([meter.asked] if meter else [])],
                "response": [meter.answered] if meter else [],
            },
            timeout=timeout,
            # What is sent to a server must not be sent on to another one.
            follow_redirects=False,
            **_options(access),
        )
        self.client = openai.OpenAI(
            api_key=access.api_key or _NO_KEY,
            base_url=access.base_url,
            http_client=self._http,
            max_retries=0,
        )

    def __enter__(self) -> "Connection":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._lock:
            self._socket = None  # its number may soon be another connection's
        self._http.close()

    @property
    def is_cut(self) -> bool:
        """Whether `cut` was called."""
        return self._cut

    def cut(self) -> None:
        """Close the connection under whoever waits for it, or as soon as it is made."""
        with self._lock:
            self._cut = True
            if self._socket is not None:
                with contextlib.suppress(OSError):  # the server was quicker
                    self._socket.shutdown(socket.SHUT_RDWR)

    @contextlib.contextmanager
    def explained(self) -> Iterator[None]:
        """Turn what the client raises into a `BackendError`."""
        try:
            yield
        except BackendError:
            raise
        except (openai.OpenAIError, httpx2.HTTPError, OSError, ValueError) as error:
            if self._cut:
                raise ServerUnreachable("The connection was closed") from None
            # Without its cause: a traceback in a log must not show the request, key and all.
            raise server_failure(error, self._access) from None

    def _prepare(self, request: httpx2.Request) -> None:
        if not self._access.api_key:
            request.headers.pop("Authorization", None)
        request.extensions = {**request.extensions, "trace": self._watch}

    def _watch(self, event: str, info: dict[str, Any]) -> None:
        """Learn of the socket when it is connected, and again when it is encrypted."""
        if not event.endswith(("connect_tcp.complete", "start_tls.complete")):
            return
        with self._lock:
            self._socket = info["return_value"].get_extra_info("socket")
        if self._cut:
            self.cut()


def _options(access: RemoteAccess) -> dict[str, Any]:
    """The client's way to the server. Raises `ServerUnreachable` if it cannot be taken."""
    # A proxy has no business between two programs of this computer.
    route = structs.replace(access.route, proxy="none") if is_loopback(access.base_url) else None
    try:
        return client_options(route or access.route)
    except (OSError, ValueError, ImportError, httpx2.InvalidURL) as error:
        raise ServerUnreachable(
            "The proxy or the certificates of the network settings cannot be used",
            type(error).__name__,
        ) from error
