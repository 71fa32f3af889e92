"""One origin of the local hub: a threading HTTP server that logs, misbehaves and stops at once."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from tests.hub.faults import Fault, Faults, Origin
from tests.hub.repository import HubFile
from tests.timing import PATIENCE

TLS = Path(__file__).with_name("tls")
"""Certificate and key of `localhost`."""


@dataclass
class LoggedRequest:
    """A request, and what was answered."""

    origin: Origin
    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    """Names in lower case."""
    status: int = 0
    sent: int = 0
    """Bytes of the body handed to the socket."""
    at: float = field(default_factory=time.monotonic)


class RequestLog:
    """All requests of both origins, in order."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: list[LoggedRequest] = []

    def add(self, entry: LoggedRequest) -> None:
        with self._lock:
            self._entries.append(entry)

    def entries(self, *, origin: Origin | None = None, path: str = "") -> list[LoggedRequest]:
        """Those to one origin, or whose path ends with `path`."""
        with self._lock:
            every = list(self._entries)
        return [e for e in every if origin in (None, e.origin) and e.path.endswith(path)]

    def sent(self, path: str) -> int:
        """Bytes of bodies sent for paths with this end."""
        return sum(entry.sent for entry in self.entries(path=path))

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()


class OriginServer(ThreadingHTTPServer):
    """Listens on a free loopback port; `stop` also cuts running answers."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(
        self, origin: Origin, handler: type["OriginHandler"], hub: Any, port: int = 0
    ) -> None:
        super().__init__(("127.0.0.1", port), handler)
        self.tls: str = hub.tls
        if self.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(TLS / f"{self.tls}.pem", TLS / "localhost.key")
            self.socket = context.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )
        self.origin = origin
        self.hub = hub
        self.faults: Faults = hub.faults
        self.log: RequestLog = hub.log
        self.stopping = threading.Event()
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._thread = threading.Thread(
            target=self.serve_forever, args=(0.01,), name=f"local-{origin}"
        )

    @property
    def url(self) -> str:
        start = "https://localhost" if self.tls else "http://127.0.0.1"
        return f"{start}:{self.server_address[1]}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.stopping.set()
        self.shutdown()
        self.cut()
        self.server_close()
        self._thread.join(PATIENCE)

    def cut(self) -> None:
        """Close every open connection."""
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # closed by the other side already

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class TwoOrigins:
    """A service and its CDN, each a server of its own. Use as a context manager."""

    def __init__(
        self, service: type["OriginHandler"], cdn: type["OriginHandler"], *, tls: str, port: int = 0
    ) -> None:
        self.tls = tls
        """Speak https, with the certificate of this name in `tests/hub/tls`; "" is plain http."""
        self.faults = Faults()
        self.log = RequestLog()
        self.before_answer: Callable[[LoggedRequest], object] | None = None
        """Told of every request, in the thread that is about to answer it."""
        self._servers = (OriginServer("hub", service, self, port), OriginServer("cdn", cdn, self))

    @property
    def url(self) -> str:
        """Address of the service."""
        return self._servers[0].url

    @property
    def cdn_url(self) -> str:
        return self._servers[1].url

    def __enter__(self) -> Self:
        for server in self._servers:
            server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for server in self._servers:
            server.stop()

    def fault(self, path: str, **kind: Any) -> Fault:
        """Misbehave for paths with this end; see `Fault` for the kinds."""
        return self.faults.add(Fault(path, **kind))

    def cut(self) -> None:
        """Close every open connection."""
        for server in self._servers:
            server.cut()


class OriginHandler(BaseHTTPRequestHandler):
    """Reads the request, looks for faults, and hands over to `answer`."""

    protocol_version = "HTTP/1.1"
    server_version = "LocalHub"
    disable_nagle_algorithm = True
    server: OriginServer
    timeout = 300

    def setup(self) -> None:
        # A small buffer, so that "sent" means nearly the same as "received".
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
        super().setup()

    def do_GET(self) -> None:
        self._handle()

    def do_HEAD(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def log_message(self, format: str, *args: Any) -> None:
        """The request log is kept by the server object."""

    def answer(self) -> None:
        raise NotImplementedError

    def _handle(self) -> None:
        address = urlsplit(self.path)
        self.where = unquote(address.path)
        self.query = parse_qs(address.query, keep_blank_values=True)
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.entry = LoggedRequest(
            self.server.origin, self.command, self.where, self.query, headers
        )
        self.server.log.add(self.entry)
        if (tell := self.server.hub.before_answer) is not None:
            tell(self.entry)
        self.faults = self.server.faults.take(self.server.origin, self.command, self.where)
        for fault in self.faults:
            if fault.delay:
                self.server.stopping.wait(fault.delay)
        if not any(self._misbehave(fault) for fault in self.faults):
            self.answer()

    def _misbehave(self, fault: Fault) -> bool:
        if fault.huge is not None:
            pieces = (b" " * (1 << 20) for _ in range(fault.huge >> 20))
            self.send_body(fault.status or 200, pieces, fault.huge, fault.headers)
            return True
        if fault.status is not None or fault.body is not None:
            body = fault.body if fault.body is not None else b'{"error":"on demand"}'
            self.send_body(fault.status or 200, [body], len(body), fault.headers)
            return True
        return False

    def send_json(
        self, value: Any, status: int = 200, headers: dict[str, str] | None = None
    ) -> None:
        body = json.dumps(value).encode()
        extra = {"Content-Type": "application/json; charset=utf-8", **(headers or {})}
        self.send_body(status, [body], len(body), extra)

    def send_body(
        self, status: int, pieces: Iterable[bytes], size: int, headers: Mapping[str, str]
    ) -> None:
        """Status line, headers and the body, as far as faults let it come."""
        self.entry.status = status
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        if self.command == "HEAD":
            return
        for piece in pieces:
            if not self._send_piece(piece):
                self.close_connection = True
                return

    def _send_piece(self, piece: bytes) -> bool:
        """False when the connection is to be closed."""
        for fault in self.faults:
            if fault.drop_after is not None and self.entry.sent + len(piece) > fault.drop_after:
                left = fault.drop_after - self.entry.sent
                self._write(piece[: max(0, left)])
                return False
            if fault.stall_after is not None and self.entry.sent >= fault.stall_after:
                fault.stall(self.server.stopping)
                return False
            if fault.allowance is not None:
                fault.allowance.take(len(piece), self.server.stopping)
            if fault.rate:
                self.server.stopping.wait(len(piece) / fault.rate)
        return self._write(piece)

    def _write(self, piece: bytes) -> bool:
        # Counted before: whoever has read it must find it in the log.
        self.entry.sent += len(piece)
        try:
            self.wfile.write(piece)
        except OSError:
            self.entry.sent -= len(piece)
            return False
        return not self.server.stopping.is_set()

    def send_file(self, file: HubFile, headers: dict[str, str]) -> None:
        """The file or the range asked for: 200, 206 or 416, as RFC 9110 has it."""
        start, end = 0, file.size
        wanted = self.headers.get("Range")
        ignore = any(fault.ignore_range for fault in self.faults)
        condition = self.headers.get("If-Range")
        if wanted and not ignore and condition in (None, headers.get("ETag")):
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            start = int(first)
            end = min(int(last) + 1, file.size) if last else file.size
            if start >= file.size:
                self.send_body(416, [], 0, {"Content-Range": f"bytes */{file.size}"})
                return
            shift = 1 if any(fault.wrong_range for fault in self.faults) else 0
            headers["Content-Range"] = f"bytes {start + shift}-{end - 1}/{file.size}"
            status = 206
        else:
            status = 200
        if not ignore:
            headers["Accept-Ranges"] = "bytes"
        chunk = 1 << 16 if self.faults else 1 << 18
        self.send_body(status, self._pieces(file, start, end, chunk), end - start, headers)

    def _pieces(self, file: HubFile, start: int, end: int, chunk: int) -> Iterable[bytes]:
        for piece in file.read(start, end, chunk):
            for fault in self.faults:
                at = fault.corrupt_at
                if at is not None and start <= at < start + len(piece):
                    flipped = bytearray(piece)
                    flipped[at - start] ^= 0xFF
                    piece = bytes(flipped)
            start += len(piece)
            yield piece
