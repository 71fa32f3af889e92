"""Requests at the edge of what OpenAI's dialect takes, sent to a real model."""

from typing import Any

import pytest

from tests.api.serving import STARTER, Serving

TURNS = [{"role": "user", "content": "Hello"}]


@pytest.mark.parametrize("prompt", ["", [""]])
def test_an_empty_prompt_is_refused_and_the_next_one_is_answered(
    shared: Serving, prompt: str | list[str]
) -> None:
    with shared.client() as http:
        body: dict[str, Any] = {"model": STARTER, "prompt": prompt, "max_tokens": 2}
        refused = http.post("/v1/completions", json=body)
        answered = http.post("/v1/completions", json={**body, "prompt": "One"})
    assert refused.status_code == 400, refused.text
    assert refused.json()["error"]["type"] == "invalid_request_error"
    assert answered.status_code == 200, answered.text


@pytest.mark.parametrize("ttl", [10**9, 10**15])
def test_a_time_to_live_without_end_is_for_good(alone: Serving, ttl: int) -> None:
    model = alone.scripted(text="done")
    with alone.client() as http:
        asked = {"model": model, "messages": TURNS, "ttl": ttl}
        assert http.post("/v1/chat/completions", json=asked).status_code == 200
        told = http.get("/api/ps")
        assert told.status_code == 200, told.text
    [row] = told.json()["models"]
    assert row["expires_at"] > "2100"
    assert alone.parts.runtime._watch.running is False


@pytest.mark.parametrize("ttl", [0, -1])
@pytest.mark.parametrize(
    ("path", "asked"),
    [("/v1/chat/completions", {"messages": TURNS}), ("/v1/completions", {"prompt": "One"})],
)
def test_a_time_to_live_that_is_none_is_refused(
    shared: Serving, path: str, asked: dict[str, Any], ttl: int
) -> None:
    with shared.client() as http:
        refused = http.post(path, json={"model": STARTER, "ttl": ttl, **asked})
    assert refused.status_code == 400, refused.text
    assert refused.json()["error"]["param"] == "ttl"
