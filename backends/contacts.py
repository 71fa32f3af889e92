"""Counting what an HTTP client sends to and gets from other programs, one exchange at a time.

The hooks go into the client; what they see is told as `Contact`s: one when a connection is made or
fails, one when a request has been sent, one when its answer has been read. Sizes are those of HTTP
itself; encryption and the network add a few per cent to them.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    import httpx2

PURPOSE, WHY = "corral.purpose", "corral.why"
"""Extensions of a request that say what it is for."""

STEP = 4 * 1024 * 1024
"""Bytes of an answer after which they are told: a program may be killed before its end."""


class Contact(Struct, frozen=True, omit_defaults=True):
    """A step of an exchange with a host. The steps of one exchange add up."""

    host: str
    """Name and, where it is not the usual one, port."""
    purpose: str = ""
    why: str = ""
    """What it was about: a repository, a model."""
    connections: int = 0
    """Connections begun, those that failed included."""
    requests: int = 0
    sent: int = 0
    """Bytes."""
    received: int = 0
    """Bytes."""
    problem: str = ""
    """Why no connection was made: the kind of the error."""


Tell = Callable[[Contact], object]
Trace = Callable[[str, dict[str, Any]], object]


class Meter:
    """The hooks of one client. `tell` is called in the thread of each request."""

    def __init__(self, tell: Tell, purpose: str = "", why: str = "") -> None:
        """`purpose` and `why` are for requests that do not say it by themselves."""
        self._tell = tell
        self._purpose = purpose
        self._why = why

    def asked(self, request: "httpx2.Request") -> None:
        """To be called as the last request hook: it watches the request leave."""
        former: Trace | None = request.extensions.get("trace")
        if isinstance(former, _Watch):  # of the request that was redirected to this one
            former = former.former
        watch = _Watch(self, request, former)
        request.extensions = {**request.extensions, "trace": watch}

    def answered(self, response: "httpx2.Response") -> None:
        """To be called as a response hook: it counts what is read of the body."""
        head = sum(len(name) + len(value) + 4 for name, value in response.headers.raw) + 19
        response.stream = _counted(self, response, head)

    def tell(self, request: "httpx2.Request", **amounts: Any) -> None:
        """Tell of a step."""
        extensions = request.extensions
        self._tell(
            Contact(
                request.url.netloc.decode("ascii", "replace"),
                extensions.get(PURPOSE, self._purpose),
                extensions.get(WHY, self._why),
                **amounts,
            )
        )


class _Watch:
    """Sees one request leave, through the client's own trace."""

    def __init__(self, meter: Meter, request: "httpx2.Request", former: Trace | None) -> None:
        self._meter = meter
        self._request = request
        self._for_proxy = False
        """What is being sent asks a proxy for a tunnel."""
        self.former = former

    def __call__(self, event: str, info: dict[str, Any]) -> None:
        if self.former is not None:
            self.former(event, info)
        if event.endswith("connect_tcp.complete"):
            self._meter.tell(self._request, connections=1)
        elif event.endswith(("connect_tcp.failed", "start_tls.failed")):
            begun = int(event.endswith("connect_tcp.failed"))
            problem = type(info.get("exception")).__name__
            self._meter.tell(self._request, connections=begun, problem=problem)
        elif event.endswith("send_request_headers.started"):
            self._for_proxy = getattr(info.get("request"), "method", b"") == b"CONNECT"
        elif event.endswith("send_request_body.complete") and not self._for_proxy:
            self._meter.tell(self._request, requests=1, sent=_size(self._request))


def _size(request: "httpx2.Request") -> int:
    """Bytes of the request line, headers and body."""
    line = len(request.method) + len(request.url.raw_path) + 12
    headers = sum(len(name) + len(value) + 4 for name, value in request.headers.raw) + 2
    return line + headers + int(request.headers.get("Content-Length", 0))


def _counted(meter: Meter, response: "httpx2.Response", head: int) -> "httpx2.SyncByteStream":
    """The body of an answer, counted as it is read and told when it is closed."""
    import httpx2

    class Counted(httpx2.SyncByteStream):
        def __init__(self, inner: httpx2.SyncByteStream) -> None:
            self._inner = inner
            self._received = head

        def __iter__(self) -> Iterator[bytes]:
            for piece in self._inner:
                self._received += len(piece)
                if self._received >= STEP:
                    self._tell()
                yield piece

        def close(self) -> None:
            self._tell()
            self._inner.close()

        def _tell(self) -> None:
            received, self._received = self._received, 0
            if received:
                meter.tell(response.request, received=received)

    inner = response.stream
    assert isinstance(inner, httpx2.SyncByteStream)
    return Counted(inner)
