"""A proxy on loopback: tunnels (CONNECT) and plain requests, with or without a password."""

import base64
import contextlib
import http.client
import select
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import urlsplit

from tests.timing import PATIENCE

_CHUNK = 1 << 16


class LocalProxy(ThreadingHTTPServer):
    """Use as a context manager. With `user` it wants Basic authentication (RFC 7617)."""

    daemon_threads = True

    def __init__(self, user: str = "", password: str = "") -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.wanted = ""
        if user:
            pair = base64.b64encode(f"{user}:{password}".encode()).decode()
            self.wanted = f"Basic {pair}"
        self.served: list[str] = []
        """What was let through: "CONNECT host:port" or "GET address"."""
        self.refused = 0
        """Requests without the right password."""
        self.stopping = threading.Event()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,), name="local-proxy")

    @property
    def host(self) -> str:
        return "127.0.0.1"

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def __enter__(self) -> "LocalProxy":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stopping.set()
        self.shutdown()
        self.server_close()
        self._thread.join(PATIENCE)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: LocalProxy

    def do_CONNECT(self) -> None:
        if not self._allowed():
            return
        host, _, port = self.path.rpartition(":")
        self.server.served.append(f"CONNECT {self.path}")
        try:
            other = socket.create_connection((host.strip("[]"), int(port)), 5)
        except OSError:
            self.send_error(502)
            return
        self.send_response(200, "Connection established")
        self.end_headers()
        with other:
            self._tunnel(other)
        self.close_connection = True

    def do_GET(self) -> None:
        self._forward()

    def do_HEAD(self) -> None:
        self._forward()

    def do_POST(self) -> None:
        self._forward()

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""

    def _allowed(self) -> bool:
        if self.server.wanted in ("", self.headers.get("Proxy-Authorization")):
            return True
        self.server.refused += 1
        self.send_response(407, "Proxy Authentication Required")
        self.send_header("Proxy-Authenticate", 'Basic realm="test"')
        self.send_header("Content-Length", "0")
        self.end_headers()
        return False

    def _forward(self) -> None:
        if not self._allowed():
            return
        self.server.served.append(f"{self.command} {self.path}")
        address = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {
            name: value
            for name, value in self.headers.items()
            if name.lower() not in ("proxy-authorization", "connection")
        }
        way = f"{address.path}?{address.query}" if address.query else address.path
        connection = http.client.HTTPConnection(address.netloc, timeout=30)
        with contextlib.closing(connection):
            connection.request(self.command, way, body or None, headers)
            answer = connection.getresponse()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("connection", "server", "date"):
                    self.send_header(name, value)
            self.end_headers()
            while piece := answer.read(_CHUNK):
                self.wfile.write(piece)

    def _tunnel(self, other: socket.socket) -> None:
        ends = {self.connection: other, other: self.connection}
        while not self.server.stopping.is_set():
            ready, _, _ = select.select(list(ends), [], [], 0.05)
            for each in ready:
                try:
                    data = each.recv(_CHUNK)
                    if not data:
                        return
                    ends[each].sendall(data)
                except OSError:
                    return
