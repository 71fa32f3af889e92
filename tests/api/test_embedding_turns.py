"""Many texts to embed: others have their turns between, and none is embedded for nobody."""

import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.core.engine import EngineProcess
from backends.types import EmbeddingRequest, Embeddings, LoadConfig
from tests.api.raw_http import connected
from tests.api.serving import Serving, serving

MANY = [f"text {number}" for number in range(100)]
PATH = "/v1/embeddings"


class Held:
    """The engine's calls; the first one waits until it may go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[tuple[str, ...]] = []
        self.came, self.go = threading.Event(), threading.Event()
        embed = EngineProcess.embed

        def held(engine: EngineProcess, request: EmbeddingRequest) -> Embeddings:
            self.calls.append(request.texts)
            self.came.set()
            assert self.go.wait(30)
            return embed(engine, request)

        monkeypatch.setattr(EngineProcess, "embed", held)


@pytest.fixture
def narrow() -> Iterator[Serving]:
    with serving(load=LoadConfig(context_length=2048, slots=1)) as running:
        yield running


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Held:
    return Held(monkeypatch)


def ask(serving: Serving, model: str, texts: list[str]) -> int:
    with serving.client() as client:
        answer = client.post(PATH, json={"model": model, "input": texts})
    assert answer.status_code == 200, answer.text
    return len(answer.json()["data"])


def test_nothing_more_is_embedded_for_a_client_that_left(narrow: Serving, held: Held) -> None:
    body = json.dumps({"model": narrow.scripted(), "input": MANY}).encode()
    head = f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    with connected(narrow) as sock:
        sock.sendall(head.encode() + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        assert held.came.wait(30)
        sock.shutdown(socket.SHUT_RDWR)
    with narrow.client() as client:
        assert client.get("/api/version").status_code == 200
    held.go.set()
    narrow.ended(lambda record: record.status == 499)
    assert [len(texts) for texts in held.calls] == [32]


def test_a_text_does_not_wait_for_a_hundred(narrow: Serving, held: Held) -> None:
    model = narrow.scripted()
    with ThreadPoolExecutor(2) as pool:
        many = pool.submit(ask, narrow, model, MANY)
        assert held.came.wait(30)
        one = pool.submit(ask, narrow, model, ["just one"])
        with narrow.client() as client:
            while narrow.waiting(f"{model}#embeddings") < 1:
                client.get("/api/version")
        held.go.set()
        assert (many.result(), one.result()) == (100, 1)
    assert [len(texts) for texts in held.calls] == [32, 1, 32, 32, 4]
    assert [text for call in (held.calls[0], *held.calls[2:]) for text in call] == MANY
