"""HTTP as a person would type it, for what no client library sends."""

import contextlib
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from tests.api.serving import Serving


@contextlib.contextmanager
def connected(serving: Serving) -> Iterator[socket.socket]:
    """A connection to the server."""
    address = urlsplit(serving.url)
    assert address.hostname is not None
    assert address.port is not None
    with socket.create_connection((address.hostname, address.port), 60) as sock:
        yield sock


def exchange(serving: Serving, request: bytes) -> tuple[int, bytes]:
    """Status and everything that is answered to `request`; 0 where nothing is."""
    with connected(serving) as sock:
        sock.sendall(request)
        return read_answer(sock)


def read_answer(sock: socket.socket) -> tuple[int, bytes]:
    """One answer that says its length, or up to the connection's end."""
    data = b""
    while True:
        head, found, body = data.partition(b"\r\n\r\n")
        if found:
            lengths = [
                int(line.partition(b":")[2])
                for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-length:")
            ]
            if lengths and len(body) >= lengths[0]:
                break
        try:
            piece = sock.recv(65536)
        except ConnectionResetError:
            break
        if not piece:
            break
        data += piece
    return (int(data.split(b" ", 2)[1]) if data else 0), data


def status_of(serving: Serving, line: str, *headers: str, body: bytes = b"") -> int:
    """Status of a request with exactly these lines; only its length is added."""
    length = [f"Content-Length: {len(body)}"] if body else []
    head = "\r\n".join([line, *headers, *length, "", ""])
    return exchange(serving, head.encode("latin-1") + body)[0]
