"""A SOCKS 5 proxy on loopback (RFC 1928), with or without a password (RFC 1929)."""

import contextlib
import select
import socket
import socketserver
import threading
from types import TracebackType

NO_LOGIN, LOGIN, NOTHING = 0, 2, 255
BY_IPV4, BY_NAME = 1, 3
DONE, REFUSED = 0, 5


class LocalSocks(socketserver.ThreadingTCPServer):
    """Use as a context manager. With `user` it wants name and password.

    One that is `foreign` speaks something else, as another server at that port would.
    """

    daemon_threads = True

    def __init__(self, user: str = "", password: str = "", *, foreign: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.wanted = (user, password) if user else None
        self.foreign = foreign
        self.served: list[str] = []
        """Host and port of every connection that was made, as it was asked for."""
        self.refused = 0
        self.stopping = threading.Event()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,), name="local-socks")

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def __enter__(self) -> "LocalSocks":
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
        self._thread.join(5)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news."""


class _Handler(socketserver.BaseRequestHandler):
    server: LocalSocks
    request: socket.socket

    def handle(self) -> None:
        _version, count = self._read(2)
        offered = self._read(count)
        if self.server.foreign:
            self.request.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            return
        method = LOGIN if self.server.wanted else NO_LOGIN
        self.request.sendall(bytes([5, method if method in offered else NOTHING]))
        if method not in offered or (self.server.wanted and not self._login()):
            self.server.refused += 1
            return
        _version, _command, _reserved, kind = self._read(4)
        if kind == BY_NAME:
            host = self._read(self._read(1)[0]).decode()
        else:
            host = socket.inet_ntoa(self._read(4))
        port = int.from_bytes(self._read(2), "big")
        self.server.served.append(f"{host}:{port}")
        try:
            other = socket.create_connection((host, port), 5)
        except OSError:
            self._answer(REFUSED)
            return
        self._answer(DONE)
        with other:
            self._tunnel(other)

    def _login(self) -> bool:
        self._read(1)
        name = self._read(self._read(1)[0]).decode()
        password = self._read(self._read(1)[0]).decode()
        right = (name, password) == self.server.wanted
        self.request.sendall(bytes([1, 0 if right else 1]))
        return right

    def _answer(self, code: int) -> None:
        self.request.sendall(bytes([5, code, 0, BY_IPV4, 0, 0, 0, 0, 0, 0]))

    def _read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            piece = self.request.recv(count - len(data))
            if not piece:
                raise ConnectionError
            data += piece
        return data

    def _tunnel(self, other: socket.socket) -> None:
        ends = {self.request: other, other: self.request}
        with contextlib.suppress(OSError):
            while not self.server.stopping.is_set():
                for each in select.select(list(ends), [], [], 0.05)[0]:
                    data = each.recv(1 << 16)
                    if not data:
                        return
                    ends[each].sendall(data)
