"""`/v1/messages`, asked by the official client and by hand."""

import asyncio
import base64
import contextlib
import json
import threading
from typing import Any

import anthropic
import pytest
from anthropic.types import MessageParam, ToolParam

from app.api.anthropic import messages
from app.core.request_log import RequestRecord
from tests.api.anthropic_facts import ERROR, EVENTS, MESSAGE, MODELS
from tests.api.serving import STARTER, Serving
from tests.api.shapes import check

HI: list[MessageParam] = [{"role": "user", "content": "Say hi"}]
GREEDY = {"temperature": 0}
"""The client of today does not name it any more; the API takes it."""
WEATHER: ToolParam = {
    "name": "weather",
    "description": "The weather of a city.",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 8}},
        "required": ["city"],
        "additionalProperties": False,
    },
}


@pytest.fixture
def client(shared: Serving) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=shared.url, api_key="any", max_retries=0)


@pytest.fixture(scope="module")
def thinker(shared: Serving) -> str:
    model = shared.scripted("thinker", text="one two three four")
    shared.parts.runtime.load(shared.parts.library.find(model))
    return model


def test_a_conversation_is_answered(client: anthropic.Anthropic) -> None:
    answer = client.messages.create(
        model=STARTER,
        max_tokens=8,
        extra_body=GREEDY,
        system="You are short.",
        messages=[
            {"role": "user", "content": [{"type": "text", "text": "Say"}]},
            {"role": "assistant", "content": "What?"},
            {"role": "user", "content": [{"type": "text", "text": "hi"}]},
        ],
    )
    [block] = answer.content
    assert block.type == "text"
    assert block.text
    assert answer.id.startswith("msg_")
    assert (answer.type, answer.role) == ("message", "assistant")
    assert answer.stop_reason in ("max_tokens", "end_turn")
    assert answer.stop_sequence is None
    assert 0 < answer.usage.output_tokens <= 8
    assert answer.usage.input_tokens > 0
    assert (answer._request_id or "").startswith("req_")


def test_a_stream_joins_to_the_same_answer(client: anthropic.Anthropic) -> None:
    whole = client.messages.create(model=STARTER, max_tokens=12, extra_body=GREEDY, messages=HI)
    with client.messages.stream(
        model=STARTER, max_tokens=12, messages=HI, extra_body=GREEDY
    ) as stream:
        events = [event.type for event in stream if event.type != "text"]
        final = stream.get_final_message()
    assert final.content[0].to_dict() == whole.content[0].to_dict()
    assert final.stop_reason == whole.stop_reason == "max_tokens"
    assert final.usage.output_tokens == whole.usage.output_tokens
    prompt = [u.input_tokens + (u.cache_read_input_tokens or 0) for u in (final.usage, whole.usage)]
    assert prompt[0] == prompt[1]
    assert events[0] == "message_start"
    assert events[-3:] == ["content_block_stop", "message_delta", "message_stop"]


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        ({}, ["text_delta"]),
        (
            {"messages": [{"role": "user", "content": "!think"}], "thinking": {"type": "adaptive"}},
            ["thinking_delta", "signature_delta", "text_delta"],
        ),
        (
            {"model": STARTER, "tools": [WEATHER], "tool_choice": {"type": "any"}},
            ["input_json_delta"],
        ),
    ],
)
def test_every_event_comes_in_its_order_and_form(
    shared: Serving, thinker: str, change: dict[str, Any], kinds: list[str]
) -> None:
    body = {"model": thinker, "max_tokens": 100, "messages": HI, "stream": True, **change}
    with shared.client() as http:
        lines = http.post("/v1/messages", json=body).text.splitlines()
        body["stream"] = False
        check(http.post("/v1/messages", json=body).json(), MESSAGE)
    names = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
    events = [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
    assert names == [event["type"] for event in events]
    for event in events:
        check(event, EVENTS[event["type"]], event["type"])
    deltas = [event["delta"]["type"] for event in events if event["type"] == "content_block_delta"]
    assert list(dict.fromkeys(deltas)) == kinds
    assert names[:2] == ["message_start", "ping"]
    assert names[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    blocks = [name for name in names if name in ("content_block_start", "content_block_stop")]
    assert blocks == ["content_block_start", "content_block_stop"] * (len(blocks) // 2)


def test_the_stop_sequence_that_was_met_is_told(client: anthropic.Anthropic, thinker: str) -> None:
    stops = ["four", "three"]
    answer = client.messages.create(model=thinker, max_tokens=50, messages=HI, stop_sequences=stops)
    assert (answer.stop_reason, answer.stop_sequence) == ("stop_sequence", "three")
    with client.messages.stream(
        model=thinker, max_tokens=50, messages=HI, stop_sequences=stops
    ) as stream:
        streamed = stream.get_final_message()
    assert (streamed.stop_reason, streamed.stop_sequence) == ("stop_sequence", "three")
    assert streamed.content[0].to_dict() == answer.content[0].to_dict()


def test_a_real_model_tells_its_stop_sequence(client: anthropic.Anthropic) -> None:
    told = client.messages.create(model=STARTER, max_tokens=12, extra_body=GREEDY, messages=HI)
    [block] = told.content
    assert block.type == "text"
    stop = block.text[3:6]
    answer = client.messages.create(
        model=STARTER, max_tokens=12, extra_body=GREEDY, messages=HI, stop_sequences=[stop]
    )
    assert (answer.stop_reason, answer.stop_sequence) == ("stop_sequence", stop)


def test_an_answer_that_ends_by_itself_ends_its_turn(
    client: anthropic.Anthropic, thinker: str
) -> None:
    answer = client.messages.create(model=thinker, max_tokens=50, messages=HI)
    assert answer.stop_reason == "end_turn"


@pytest.mark.parametrize("choice", [{"type": "any"}, {"type": "tool", "name": "weather"}])
def test_a_tool_that_must_be_called_is_called(
    client: anthropic.Anthropic, choice: anthropic.types.ToolChoiceParam
) -> None:
    answer = client.messages.create(
        model=STARTER,
        max_tokens=100,
        extra_body=GREEDY,
        messages=[{"role": "user", "content": "The weather in Paris?"}],
        tools=[WEATHER],
        tool_choice=choice,
    )
    [block] = answer.content
    assert block.type == "tool_use"
    assert block.name == "weather"
    assert set(block.input) == {"city"}
    assert answer.stop_reason == "tool_use"


def test_a_call_is_streamed_piece_by_piece(client: anthropic.Anthropic) -> None:
    with client.messages.stream(
        model=STARTER,
        max_tokens=100,
        messages=[{"role": "user", "content": "The weather in Paris?"}],
        tools=[WEATHER],
        tool_choice={"type": "any", "disable_parallel_tool_use": True},
    ) as stream:
        pieces = [event.partial_json for event in stream if event.type == "input_json"]
        final = stream.get_final_message()
    [block] = final.content
    assert block.type == "tool_use"
    assert len(pieces) > 1
    assert "".join(pieces).startswith("{")
    assert set(block.input) == {"city"}


def test_what_a_tool_gave_is_read(client: anthropic.Anthropic) -> None:
    conversation: list[MessageParam] = [
        {"role": "user", "content": "The weather in Paris?"},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "I ask.", "signature": "unsigned"},
                {"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "Paris"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": "sunny", "is_error": False},
                {
                    "type": "text",
                    "text": "And now?",
                    "cache_control": {"type": "ephemeral"},
                },
            ],
        },
    ]
    answer = client.messages.create(
        model=STARTER,
        max_tokens=4,
        messages=conversation,
        tools=[WEATHER],
        tool_choice={"type": "none"},
    )
    assert answer.content[0].type == "text"


def test_reasoning_comes_where_it_is_asked_for(client: anthropic.Anthropic, thinker: str) -> None:
    messages: list[MessageParam] = [{"role": "user", "content": "!think"}]
    answer = client.messages.create(
        model=thinker,
        max_tokens=1100,
        messages=messages,
        thinking={"type": "enabled", "budget_tokens": 1024},
    )
    first, second = answer.content
    assert first.type == "thinking"
    assert first.thinking
    assert first.signature
    assert second.type == "text"
    assert second.text == "one two three four"
    with client.messages.stream(
        model=thinker, max_tokens=50, messages=messages, thinking={"type": "adaptive"}
    ) as stream:
        kinds = [event.type for event in stream if event.type in ("thinking", "signature", "text")]
        streamed = stream.get_final_message()
    assert [block.to_dict() for block in streamed.content] == [
        block.to_dict() for block in answer.content
    ]
    assert list(dict.fromkeys(kinds)) == ["thinking", "signature", "text"]


@pytest.mark.parametrize(
    "thinking", [{"type": "disabled"}, {"type": "adaptive", "display": "omitted"}, None]
)
def test_reasoning_that_nobody_asked_for_is_not_shown(
    client: anthropic.Anthropic, thinker: str, thinking: Any
) -> None:
    asked = anthropic.omit if thinking is None else thinking
    answer = client.messages.create(
        model=thinker,
        max_tokens=50,
        messages=[{"role": "user", "content": "!think"}],
        thinking=asked,
    )
    assert [block.type for block in answer.content] == ["text"]


def test_an_answer_goes_on_where_the_client_began_it(client: anthropic.Anthropic) -> None:
    def ask(*begun: MessageParam) -> str:
        answer = client.messages.create(
            model=STARTER, max_tokens=8, extra_body=GREEDY, messages=[*HI, *begun]
        )
        return "".join(block.text for block in answer.content if block.type == "text")

    whole = ask()
    begun = whole[: whole.index(" ")]
    assert whole.startswith(begun + ask({"role": "assistant", "content": begun})[:3])


def test_the_answer_follows_a_schema(client: anthropic.Anthropic) -> None:
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer", "minimum": 0, "maximum": 9}},
        "required": ["n"],
        "additionalProperties": False,
    }
    answer = client.messages.create(
        model=STARTER,
        max_tokens=60,
        messages=HI,
        output_config={"format": {"type": "json_schema", "schema": schema}},
    )
    [block] = answer.content
    assert block.type == "text"
    assert json.loads(block.text)["n"] in range(10)


def test_tokens_are_counted_with_system_and_tools(client: anthropic.Anthropic) -> None:
    def count(**more: Any) -> int:
        return client.messages.count_tokens(model=STARTER, messages=HI, **more).input_tokens

    plain, with_system = count(), count(system="You are a very careful clerk of a bank.")
    assert plain != with_system
    assert count(tools=[WEATHER]) > plain + 20
    answer = client.messages.create(model=STARTER, max_tokens=1, messages=HI)
    assert plain == answer.usage.input_tokens + (answer.usage.cache_read_input_tokens or 0)


def test_models_are_listed_in_its_own_form(
    shared: Serving, client: anthropic.Anthropic, thinker: str
) -> None:
    with shared.client(**{"anthropic-version": "2023-06-01"}) as http:
        check(http.get("/v1/models").json(), MODELS)
    everything = [model.id for model in client.models.list()]
    assert thinker in everything
    by_ones = [model.id for model in client.models.list(limit=1)]
    assert by_ones == everything
    page = client.models.list(limit=1, before_id=everything[-1])
    assert page.data[0].id == everything[-2]
    one = client.models.retrieve(thinker)
    assert (one.id, one.type, one.created_at.tzinfo is not None) == (thinker, "model", True)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"messages": []}, "at least one message"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "robot"),
        ({"messages": [{"role": "user", "content": ""}]}, "no content"),
        ({"messages": [{"role": "user", "content": [{"type": "video"}]}]}, "video"),
        ({"messages": "hello"}, "messages"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": None}, "max_tokens"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": 90}, "temperature"),
        ({"thinking": {"type": "enabled", "budget_tokens": 10}}, "budget_tokens"),
        ({"thinking": {"type": "enabled", "budget_tokens": 5000}}, "budget_tokens"),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "input_schema"),
        ({"tool_choice": {"type": "tool", "name": "x"}}, "tool_choice"),
        ({"mcp_servers": [{"type": "url", "url": "http://x"}]}, "mcp_servers"),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "no"}]}
                ]
            },
            "no",
        ),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            {"type": "image", "source": {"type": "url", "url": "http://x/y.png"}}
                        ],
                    }
                ]
            },
            "fetches",
        ),
        (
            {
                "messages": [
                    {
                        "role": "assistant",
                        "content": [{"type": "tool_use", "id": "1", "name": "x", "input": {}}],
                    }
                ]
            },
            "tool_result",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(
    shared: Serving, change: dict[str, Any], words: str
) -> None:
    body = {"model": STARTER, "max_tokens": 5, "messages": HI, **change}
    with shared.client() as http:
        answer = http.post("/v1/messages", json=body)
    told = answer.json()
    check(told, ERROR)
    assert answer.status_code == 400
    assert told["type"] == "error"
    assert told["error"]["type"] == "invalid_request_error"
    assert words in told["error"]["message"]
    assert told["request_id"] == answer.headers["request-id"]


def test_a_picture_for_a_model_that_cannot_see_is_refused(client: anthropic.Anthropic) -> None:
    data = base64.b64encode(b"\x89PNG\r\n").decode()
    with pytest.raises(anthropic.BadRequestError, match="cannot see"):
        client.messages.create(
            model=STARTER,
            max_tokens=5,
            messages=[
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "image",
                            "source": {"type": "base64", "media_type": "image/png", "data": data},
                        }
                    ],
                }
            ],
        )


def test_an_unknown_model_is_not_found(client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.NotFoundError) as caught:
        client.messages.create(model="nobody/knows-it", max_tokens=5, messages=HI)
    assert caught.value.type == "not_found_error"
    with pytest.raises(anthropic.NotFoundError) as caught:
        client.models.retrieve("nobody/knows-it")
    assert caught.value.type == "not_found_error"


def test_a_prompt_that_is_too_long_is_refused_so_that_clients_shorten_it(
    client: anthropic.Anthropic,
) -> None:
    long: list[MessageParam] = [{"role": "user", "content": "word " * 1500}] * 3
    with pytest.raises(anthropic.BadRequestError, match="prompt is too long"):
        client.messages.create(model=STARTER, max_tokens=5, messages=long)


def test_what_there_is_not_is_told_in_its_form(client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.NotFoundError) as caught:
        client.messages.batches.list()
    assert caught.value.type == "not_found_error"


def test_a_stream_that_breaks_ends_with_an_error(client: anthropic.Anthropic, thinker: str) -> None:
    with (
        pytest.raises(anthropic.APIError) as caught,
        client.messages.stream(
            model=thinker, max_tokens=50, messages=[{"role": "user", "content": "!error"}]
        ) as stream,
    ):
        stream.until_done()
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["error"]["type"] == "api_error"


def test_the_asynchronous_client_is_answered(shared: Serving) -> None:
    async def ask() -> int:
        async with anthropic.AsyncAnthropic(base_url=shared.url, api_key="any") as client:
            answer = await client.messages.create(model=STARTER, max_tokens=2, messages=HI)
        return answer.usage.output_tokens

    assert asyncio.run(ask()) == 2


def test_a_client_that_waits_long_hears_that_the_connection_lives(
    alone: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "PING_SECONDS", 0.02)
    model = alone.scripted("slow", text="one two three", tokens_per_second=5)
    alone.parts.runtime.load(alone.parts.library.find(model))
    body = {"model": model, "max_tokens": 3, "messages": HI, "stream": True}
    with alone.client() as http:
        stream = http.post("/v1/messages", json=body).text
    assert stream.count("event: ping") > 2
    assert "three" in stream


def test_what_a_client_leaves_is_cancelled(alone: Serving) -> None:
    model = alone.scripted(tokens=100_000, tokens_per_second=50)
    left = threading.Event()

    def look(record: RequestRecord) -> None:
        if record.status == 499:
            left.set()

    alone.parts.log.changed.connect(look)
    client = anthropic.Anthropic(base_url=alone.url, api_key="any", max_retries=0)
    with client.messages.stream(model=model, max_tokens=90_000, messages=HI) as stream:
        for event in stream:
            if event.type == "text":
                break
    assert left.wait(30)
    loaded = alone.parts.runtime.get(model)
    assert loaded is not None
    assert loaded.engine.stats().running == 0


def test_a_line_that_is_full_is_told_of(alone: Serving) -> None:
    model = alone.scripted(tokens=100_000, tokens_per_second=50)
    alone.change(queue=0)
    loaded = alone.parts.runtime.load(alone.parts.library.find(model))
    assert loaded.info is not None
    client = anthropic.Anthropic(base_url=alone.url, api_key="any", max_retries=0)
    with contextlib.ExitStack() as streams:
        for _ in range(loaded.info.slots):
            stream = client.messages.stream(model=model, max_tokens=90_000, messages=HI)
            next(iter(streams.enter_context(stream)))
        with pytest.raises(anthropic.InternalServerError) as caught:
            client.messages.create(model=model, max_tokens=1, messages=HI)
    assert (caught.value.status_code, caught.value.type) == (503, "overloaded_error")
    assert caught.value.response.headers["retry-after"]
