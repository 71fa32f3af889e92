"""Models that shall go are not taken from those whom they answer."""

import contextlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from backends.types import LoadConfig
from tests.api.serving import Serving, serving

QUESTION = {"messages": [{"role": "user", "content": "Say hi"}]}
WORDS = "word " * 40


@pytest.fixture
def narrow() -> Iterator[Serving]:
    """A server of this test's own whose models answer one question after the other."""
    with serving(load=LoadConfig(context_length=2048, slots=1)) as running:
        yield running


@contextlib.contextmanager
def answering(serving: Serving, model: str) -> Iterator[Iterator[dict[str, Any]]]:
    """An answer that has begun: its lines from the second on."""
    body = {"model": model, **QUESTION, "keep_alive": "5m"}
    with (
        serving.client() as client,
        client.stream("POST", "/api/chat", json=body) as answer,
    ):
        lines = (json.loads(line) for line in answer.iter_lines())
        assert next(lines)["message"]["content"]
        yield lines


def eject(serving: Serving, path: str, model: str) -> dict[str, Any]:
    with serving.client() as client:
        answer = client.post(path, json={"model": model, "keep_alive": 0, "stream": False})
    assert answer.status_code == 200
    told: dict[str, Any] = answer.json()
    return told


@pytest.mark.parametrize("path", ["/api/generate", "/api/chat"])
def test_an_answer_ends_before_its_model_is_ejected(alone: Serving, path: str) -> None:
    model = alone.scripted(text=WORDS, tokens_per_second=60)
    with answering(alone, model) as lines:
        assert eject(alone, path, model)["done_reason"] == "unload"
        last = list(lines)[-1]
    assert last["done_reason"] == "stop"
    alone.until(lambda: alone.parts.runtime.get(model) is None)


def test_a_model_that_shall_go_stays_for_whoever_wants_it_kept(alone: Serving) -> None:
    model = alone.scripted(text=WORDS, tokens_per_second=60)
    with answering(alone, model) as lines:
        eject(alone, "/api/generate", model)
        with alone.client() as client:
            body = {"model": model, "keep_alive": "10m"}
            assert client.post("/api/generate", json=body).status_code == 200
        assert list(lines)[-1]["done_reason"] == "stop"
    loaded = alone.parts.runtime.get(model)
    assert loaded is not None
    assert loaded.ttl == 600


def test_a_model_that_is_not_kept_answers_those_who_wait_for_it(narrow: Serving) -> None:
    model = narrow.scripted(text=WORDS, tokens_per_second=200)
    body = {"model": model, "keep_alive": 0, "stream": False, **QUESTION}

    def ask(_: int) -> int:
        with narrow.client() as client:
            return client.post("/api/chat", json=body).status_code

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(ask, range(6))) == [200] * 6
    narrow.until(lambda: narrow.parts.runtime.get(model) is None)


def test_another_context_is_loaded_behind_those_who_wait(narrow: Serving) -> None:
    model = narrow.scripted(text=WORDS, tokens_per_second=100)

    def ask(**more: Any) -> int:
        with narrow.client() as client:
            body = {"model": model, "stream": False, **QUESTION, **more}
            return client.post("/api/chat", json=body).status_code

    with ThreadPoolExecutor(4) as pool, answering(narrow, model) as lines:
        others = [pool.submit(ask) for _ in range(2)]
        with narrow.client() as client:
            while narrow.waiting(model) < 2:
                client.get("/api/version")
        larger = pool.submit(ask, options={"num_ctx": 4096})
        assert list(lines)[-1]["done_reason"] == "stop"
        assert [each.result() for each in (*others, larger)] == [200, 200, 200]
    loaded = narrow.parts.runtime.get(model)
    assert loaded is not None
    assert loaded.info is not None
    assert loaded.info.context_length == 4096


def test_several_contexts_at_once_are_loaded_one_behind_the_other(narrow: Serving) -> None:
    model = narrow.scripted(text="hello there", load_seconds=0.3)

    def ask(context: int) -> str:
        body = {"model": model, "stream": False, "options": {"num_ctx": context}, **QUESTION}
        with narrow.client() as client:
            answer = client.post("/api/chat", json=body)
        return str(answer.json().get("error", answer.status_code))

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, (2048, 3072, 2560, 4096))) == ["200"] * 4
