"""Streams that break off in the middle: told to the client, to the request log, to the log."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from app.api.openai.chat_answer import Chunks
from app.api.openai.chat_types import ChatChunk
from backends.types import Delta, GenerationEvent
from tests.api.serving import Serving

STREAMS: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"stream": True},
    "/v1/responses": {"stream": True, "input": "!error"},
    "/v1/messages": {"stream": True, "max_tokens": 99},
    "/api/chat": {},
    "/api/v0/chat/completions": {"stream": True},
    "/api/v1/chat": {"stream": True, "input": "!error"},
}
MESSAGES = [{"role": "user", "content": "!error"}]


def ask(serving: Serving, path: str, model: str, **more: Any) -> str:
    with serving.client() as client:
        answer = client.post(path, json={"model": model, "messages": MESSAGES, **more})
    assert answer.status_code == 200
    return answer.text


def test_the_request_log_tells_why_an_answer_broke_off(alone: Serving) -> None:
    model = alone.scripted(text="four words of text")
    for path, more in STREAMS.items():
        told = ask(alone, path, model, **more)
        record = alone.ended(lambda each, path=path: each.path == path)  # type: ignore[misc]  # a default of a lambda
        assert record.status == 200
        assert record.error, path
        assert record.error in told


def test_a_defect_that_breaks_an_answer_off_is_in_the_log(
    alone: Serving, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(chunks: Chunks, index: int, event: GenerationEvent) -> Iterator[ChatChunk]:
        yield from make(chunks, index, event)
        if isinstance(event, Delta):
            raise ZeroDivisionError("planted")

    make = Chunks.of
    monkeypatch.setattr(Chunks, "of", fails)
    model = alone.scripted(text="four words of text")
    with caplog.at_level(logging.ERROR):
        told = ask(alone, "/v1/chat/completions", model, stream=True)
    assert "There is a defect in Corral; its log says more." in told
    assert "planted" not in told
    assert "ZeroDivisionError: planted" in caplog.text
