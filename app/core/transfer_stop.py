"""Stopping a transfer at once, even while it waits for a silent server."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx2


class TransferStopped(Exception):
    """The transfer was asked to stop. Not an error."""


class StopSignal:
    """A flag that also cuts the connections of whoever is reading."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()

    def set(self) -> None:
        """Stop now; blocked reads end within milliseconds."""
        self._event.set()
        with self._lock:
            for each in self._sockets:
                _shut(each)

    def is_set(self) -> bool:
        """Whether to stop."""
        return self._event.is_set()

    def check(self) -> None:
        """Raise `TransferStopped` if it is time to."""
        if self._event.is_set():
            raise TransferStopped

    def pause(self, seconds: float) -> None:
        """Wait; raises `TransferStopped` as soon as asked to stop."""
        if self._event.wait(seconds):
            raise TransferStopped

    @contextlib.contextmanager
    def cutting(self, response: "httpx2.Response") -> Iterator[None]:
        """While inside, `set` cuts the connection of `response`."""
        stream = response.extensions.get("network_stream")
        connection = stream.get_extra_info("socket") if stream is not None else None
        with self._lock:
            if connection is not None:
                self._sockets.add(connection)
        try:
            self.check()
            yield
        finally:
            with self._lock:
                self._sockets.discard(connection)


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # closed already
        # Not the TLS socket's own method: it would take its state from under the reading thread.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
