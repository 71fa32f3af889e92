"""`/v1/chat/completions`, asked by the official client and by hand."""

import threading

import openai
import pytest

from app.core.request_log import RequestRecord
from tests.api.serving import STARTER, Serving


@pytest.fixture
def client(shared: Serving) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{shared.url}/v1", api_key="any", max_retries=0)


def test_a_conversation_is_answered(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model=STARTER,
        messages=[{"role": "user", "content": "Say hi"}],
        temperature=0,
        max_tokens=8,
    )
    [choice] = answer.choices
    assert choice.message.content
    assert choice.finish_reason == "length"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 8
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 8


def test_a_stream_joins_to_the_same_answer(client: openai.OpenAI) -> None:
    def ask(stream: bool) -> str:
        answer = client.chat.completions.create(
            model=STARTER,
            messages=[{"role": "user", "content": "Say hi"}],
            temperature=0,
            max_tokens=12,
            stream=stream,
        )
        if isinstance(answer, openai.Stream):
            with answer:
                return "".join(
                    chunk.choices[0].delta.content or "" for chunk in answer if chunk.choices
                )
        return answer.choices[0].message.content or ""

    assert ask(stream=True) == ask(stream=False) != ""


def test_an_unknown_model_is_not_found(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(
            model="nobody/knows-it", messages=[{"role": "user", "content": "x"}]
        )
    assert caught.value.code == "model_not_found"
    assert caught.value.param == "model"


def test_what_a_client_leaves_is_cancelled(alone: Serving) -> None:
    model = alone.scripted(tokens=100_000, tokens_per_second=50)
    with alone.client() as client:
        body = {"model": model, "messages": [{"role": "user", "content": "x"}], "stream": True}
        with client.stream("POST", "/v1/chat/completions", json=body) as answer:
            assert answer.status_code == 200
            for line in answer.iter_lines():
                if "content" in line:
                    break
    loaded = alone.parts.runtime.get(model)
    assert loaded is not None

    ended = threading.Event()

    def look(record: RequestRecord) -> None:
        if record.status == 499:
            ended.set()

    alone.parts.log.changed.connect(look)
    if all(record.status != 499 for record in alone.parts.log.records()):
        assert ended.wait(30)
    assert loaded.engine.stats().running == 0
