"""A server that trickles holds a thread no longer than the deadline."""

import gzip
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from app.core import ollama_http
from app.core.errors import HubError
from app.core.hub_http import HubAccess, HubHttp
from app.core.ollama_http import RegistryHttp
from app.core.ollama_name import ollama_name_of
from tests.timing import PATIENCE

_EVERY = 0.05


class Trickle:
    """Sends a beginning at once, then single bytes for ever."""

    def __init__(self, start: bytes, rest: bytes) -> None:
        self._start, self._rest = start, rest
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.access = HubAccess(f"http://127.0.0.1:{self._listening.getsockname()[1]}")
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        self._ended.set()
        self._thread.join(PATIENCE)
        self._listening.close()

    def _serve(self) -> None:
        connection, _ = self._listening.accept()
        with connection:
            connection.recv(65536)
            try:
                connection.sendall(self._start)
                place = 0
                while not self._ended.wait(_EVERY):
                    connection.sendall(self._rest[place % len(self._rest) :][:1])
                    place += 1
            except OSError:
                return


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n"
CASES = {
    "body": (HEAD + b"\r\n", b" "),
    "headers": (b"HTTP/1.1 200 OK\r\nX-Slow: ", b"a"),
    "compressed": (HEAD + b"Content-Encoding: gzip\r\n\r\n", gzip.compress(b" " * 900_000)),
}


@pytest.fixture(params=CASES)
def slow(request: pytest.FixtureRequest) -> Iterator[HubAccess]:
    server = Trickle(*CASES[request.param])
    yield server.access
    server.close()


def test_single_bytes_of_an_answer_do_not_move_its_deadline(slow: HubAccess) -> None:
    http = HubHttp(timeout=PATIENCE, deadline=0.4)
    begun = time.monotonic()
    with pytest.raises(HubError, match="does not answer"):
        http.get(slow, "/api/models", limit=1_000_000)
    assert time.monotonic() - begun < PATIENCE / 2
    http.close()


def test_a_registry_is_given_no_more_time(slow: HubAccess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ollama_http, "DEADLINE", 0.4)
    http = HubHttp(timeout=PATIENCE)
    name = ollama_name_of("ollama.com/library/model:latest")
    assert name is not None
    with pytest.raises(HubError, match="does not answer"):
        RegistryHttp(http).manifest(slow, name, 1_000_000)
    http.close()
