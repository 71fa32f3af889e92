"""A deadline for a whole HTTP answer.

The client's own time-outs are for each read: a server that sends a byte now and then, of the
headers or of the body, meets none of them and holds a thread for as long as it likes.
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from app.core.errors import AppError

if TYPE_CHECKING:
    import httpx2


@contextmanager
def answer_within(
    seconds: float,
    too_slow: Callable[[], AppError],
    client: "httpx2.Client",
    request: "httpx2.Request",
    *,
    follow_redirects: bool = True,
) -> Iterator["httpx2.Response"]:
    """The answer to a request, as `Client.stream` gives it, to be read until the time is over.

    Raises what `too_slow` makes where headers and body take longer, and what the client raises.
    """
    until = time.monotonic() + seconds

    def check() -> None:
        if time.monotonic() > until:
            raise too_slow()

    send = _Sending(client, request, follow_redirects=follow_redirects)
    with closing(send.answer(seconds, too_slow)) as response:
        _watch(response, check)
        yield response


class _Sending:
    """Waits for the headers in a thread, which is left behind when the time is over.

    It ends with the connection, and closes what it still gets.
    """

    def __init__(
        self, client: "httpx2.Client", request: "httpx2.Request", *, follow_redirects: bool
    ) -> None:
        self._client, self._request, self._follow = client, request, follow_redirects
        self._lock = threading.Lock()
        self._answer: Future[httpx2.Response] = Future()
        self._given_up = False
        self._thread = threading.Thread(target=self._send, name="http-answer", daemon=True)

    def answer(self, seconds: float, too_slow: Callable[[], AppError]) -> "httpx2.Response":
        self._thread.start()
        try:
            return self._answer.result(seconds)
        except TimeoutError:
            with self._lock:
                if not self._answer.done():
                    self._given_up = True
                    raise too_slow() from None
        return self._answer.result()

    def _send(self) -> None:
        try:
            response = self._client.send(self._request, stream=True, follow_redirects=self._follow)
        except BaseException as error:  # noqa: BLE001  # handed to the thread that waits
            with self._lock:
                self._answer.set_exception(error)
            return
        with self._lock:
            late = self._given_up
            if not late:
                self._answer.set_result(response)
        if late:
            response.close()


def _watch(response: "httpx2.Response", check: Callable[[], None]) -> None:
    """Call `check` at each piece that comes, also those of which decoding makes nothing yet."""
    import httpx2

    class Watched(httpx2.SyncByteStream):
        def __init__(self, stream: httpx2.SyncByteStream) -> None:
            self._stream = stream

        def __iter__(self) -> Iterator[bytes]:
            for piece in self._stream:
                check()
                yield piece

        def close(self) -> None:
            self._stream.close()

    assert isinstance(response.stream, httpx2.SyncByteStream)
    response.stream = Watched(response.stream)
