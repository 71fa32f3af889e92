"""Stopping a transfer at once, even while it waits for a silent server."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import httpx2


T = TypeVar("T")


class TransferStopped(Exception):
    """The transfer was asked to stop. Not an error."""


class StopSignal:
    """A flag that also cuts the connections of whoever is reading."""

    def __init__(self) -> None:
        self._stopped: Future[None] = Future()
        self._hurried: Future[None] = Future()
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()

    def set(self) -> None:
        """Stop now; blocked reads end within milliseconds."""
        with self._lock:
            if not self._stopped.done():
                self._stopped.set_result(None)
            for each in self._sockets:
                _shut(each)

    def reconnect(self) -> None:
        """Cut the connections without stopping: those who read make new ones."""
        with self._lock:
            for each in self._sockets:
                _shut(each)

    def hurry(self) -> None:
        """End all pauses, and cut the connections: whoever reads or waits tries anew."""
        with self._lock:
            hurried, self._hurried = self._hurried, Future()
        hurried.set_result(None)
        self.reconnect()

    def is_set(self) -> bool:
        """Whether to stop."""
        return self._stopped.done()

    def check(self) -> None:
        """Raise `TransferStopped` if it is time to."""
        if self._stopped.done():
            raise TransferStopped

    def pause(self, seconds: float) -> bool:
        """Wait; True if asked to hurry. Raises `TransferStopped` as soon as asked to stop."""
        hurried = self._hurried
        wait({self._stopped, hurried}, seconds, return_when=FIRST_COMPLETED)
        self.check()
        return hurried.done()

    def await_answer(self, ask: Callable[[], T], dismiss: Callable[[T], None]) -> T:
        """What `ask` returns or raises; raises `TransferStopped` as soon as asked to stop.

        There is no socket to cut while a name is looked up, a connection is made or the first
        byte of an answer is awaited. So `ask` runs in a thread that is left behind then; it ends
        by its own time-out, and what it still gets goes to `dismiss`.
        """
        self.check()
        answer: Future[T] = Future()

        def dismiss_late(late: Future[T]) -> None:
            if late.exception() is None:
                dismiss(late.result())

        def work() -> None:
            try:
                answer.set_result(ask())
            except BaseException as error:  # noqa: BLE001  # handed to the thread that waits
                answer.set_exception(error)

        threading.Thread(target=work, name="await-answer", daemon=True).start()
        first: set[Future[Any]] = {answer, self._stopped}
        wait(first, return_when=FIRST_COMPLETED)
        if self.is_set():
            answer.add_done_callback(dismiss_late)
            raise TransferStopped
        return answer.result()

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
