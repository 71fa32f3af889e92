"""`/v1/chat/completions`, asked by the official client and by hand."""

import asyncio
import json
import threading
from typing import Any

import msgspec
import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam
from pydantic import BaseModel, Field

from app.api.answers import WholeAnswer
from app.api.openai.chat_answer import completion
from app.core.request_log import RequestRecord
from backends.types import (
    Delta,
    Finish,
    GenerationEvent,
    Note,
    ToolCallDelta,
    ToolCallEnd,
    ToolCallStart,
)
from tests.api.openai_facts import CHAT_CHUNK, CHAT_COMPLETION, ERROR, MODELS
from tests.api.serving import STARTER, Serving
from tests.api.shapes import check
from tests.timing import PATIENCE

HI: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Say hi"}]

WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "maxLength": 8}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
CLOCK: ChatCompletionToolParam = {"type": "function", "function": {"name": "clock"}}


@pytest.fixture
def client(shared: Serving) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{shared.url}/v1", api_key="any", max_retries=0)


@pytest.fixture(scope="module")
def parrot(shared: Serving) -> str:
    """Says again what the user said."""
    model = shared.scripted("parrot")
    shared.parts.runtime.load(shared.parts.library.find(model))
    return model


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


def test_answers_teach_how_fast_a_model_is(shared: Serving, client: openai.OpenAI) -> None:
    speeds = shared.parts.speeds
    assert speeds is not None
    learnt = threading.Event()
    real = speeds.learn

    def learn(*told: Any, **where: Any) -> None:
        real(*told, **where)
        learnt.set()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(speeds, "learn", learn)
        client.chat.completions.create(
            model=STARTER,
            messages=[{"role": "user", "content": "Count to a hundred in words."}],
            max_tokens=40,
            extra_body={"ignore_eos": True},
        )
        assert learnt.wait(PATIENCE)
    assert any(speeds._known)


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


@pytest.mark.parametrize(
    "choice",
    [
        "required",
        {"type": "function", "function": {"name": "weather"}},
        {
            "type": "allowed_tools",
            "allowed_tools": {
                "mode": "required",
                "tools": [{"type": "function", "function": {"name": "weather"}}],
            },
        },
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_that_must_be_called_is_called(shared: Serving, choice: Any, stream: bool) -> None:
    tools = [WEATHER] if choice == "required" else [CLOCK, WEATHER]
    body = {"messages": HI, "tools": tools, "tool_choice": choice, "stream": stream}
    with shared.client() as http:
        answer = http.post("/v1/chat/completions", json={**body, "model": STARTER})
    if stream:
        chunks = chunks_of(answer.text, CHAT_CHUNK)
        deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
        pieces = [call for delta in deltas for call in delta.get("tool_calls", ())]
        assert pieces[0]["id"]
        assert pieces[0]["function"]["name"] == "weather"
        assert len(pieces) > 2
        arguments = "".join(piece["function"].get("arguments", "") for piece in pieces)
        ended = chunks[-1]["choices"][0]["finish_reason"]
    else:
        check(answer.json(), CHAT_COMPLETION)
        [told] = answer.json()["choices"]
        [call] = told["message"]["tool_calls"]
        assert call["function"]["name"] == "weather"
        assert told["message"]["content"] is None
        arguments, ended = call["function"]["arguments"], told["finish_reason"]
    assert set(json.loads(arguments)) == {"city"}
    assert ended == "tool_calls"


def chunks_of(stream: str, shape: Any) -> list[dict[str, Any]]:
    """The events of a stream as they are on the wire; each is checked."""
    *lines, last = [line[6:] for line in stream.splitlines() if line.startswith("data: ")]
    assert last == "[DONE]"
    chunks = [json.loads(line) for line in lines]
    for chunk in chunks:
        check(chunk, shape)
    return chunks


def test_no_tool_is_called_where_none_may_be(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model=STARTER, messages=HI, tools=[WEATHER], tool_choice="none", max_tokens=6
    )
    assert answer.choices[0].message.tool_calls is None
    assert answer.choices[0].message.content


def test_what_a_tool_gave_is_read(client: openai.OpenAI, parrot: str) -> None:
    answer = client.chat.completions.create(
        model=parrot,
        tools=[WEATHER],
        messages=[
            {"role": "developer", "content": [{"type": "text", "text": "Be kind"}]},
            {"role": "user", "content": "The weather?"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": "c1",
                        "type": "function",
                        "function": {"name": "weather", "arguments": '{"city": "Rome"}'},
                    }
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
            {"role": "user", "content": [{"type": "text", "text": "Thanks"}]},
        ],
    )
    content = answer.choices[0].message.content or ""
    assert "Thanks" in content
    assert "Be kind" in content


def test_a_call_that_is_malformed_is_text_and_none(shared: Serving) -> None:
    events: list[GenerationEvent] = [
        ToolCallStart(0, "c1", "weather"),
        ToolCallDelta(0, '{"city'),
        ToolCallEnd(0, complete=False),
        Delta('{"city: Rome'),
        Note("malformed_tool_call", "It is shown as text."),
        Finish("stop"),
    ]
    answer = WholeAnswer()
    for event in events:
        answer.add(event)
    told = msgspec.to_builtins(completion("x", "m", [answer]))
    check(told, CHAT_COMPLETION)
    assert told["choices"][0]["message"]["content"] == '{"city: Rome'
    assert "tool_calls" not in told["choices"][0]["message"]
    assert told["choices"][0]["finish_reason"] == "stop"


def test_an_answer_follows_a_schema(client: openai.OpenAI) -> None:
    class Number(BaseModel):
        n: int = Field(ge=0, le=9)

    answer = client.chat.completions.parse(
        model=STARTER, messages=HI, response_format=Number, max_tokens=60
    )
    assert answer.choices[0].message.parsed is not None
    assert answer.choices[0].message.parsed.n in range(10)


def test_an_answer_may_be_any_json_object(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model=STARTER,
        messages=HI,
        response_format={"type": "json_object"},
        max_tokens=200,
        temperature=0,
    )
    content = answer.choices[0].message.content or ""
    assert content.lstrip().startswith("{")
    if answer.choices[0].finish_reason == "stop":
        assert isinstance(json.loads(content), dict)


@pytest.mark.parametrize("stream", [False, True])
def test_log_probabilities_come_with_every_token(shared: Serving, stream: bool) -> None:
    body = {"messages": HI, "logprobs": True, "top_logprobs": 2, "max_tokens": 4, "stream": stream}
    with shared.client() as http:
        answer = http.post(
            "/v1/chat/completions", json={**body, "model": STARTER, "temperature": 0}
        )
    if stream:
        choices = [chunk["choices"][0] for chunk in chunks_of(answer.text, CHAT_CHUNK)]
        texts = [choice["delta"].get("content") or "" for choice in choices]
    else:
        check(answer.json(), CHAT_COMPLETION)
        choices = answer.json()["choices"]
        texts = [choices[0]["message"]["content"]]
    tokens = [t for choice in choices if choice["logprobs"] for t in choice["logprobs"]["content"]]
    assert len(tokens) == 4
    assert all(len(token["top_logprobs"]) == 2 for token in tokens)
    assert all(token["logprob"] <= 0 for token in tokens)
    assert "".join(token["token"] for token in tokens) == "".join(texts)


def test_several_answers_have_seeds_of_their_own(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model=STARTER, messages=HI, n=3, seed=7, temperature=2.0, max_tokens=8
    )
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert len({choice.message.content for choice in answer.choices}) > 1


def test_a_seed_gives_the_same_answer_again(client: openai.OpenAI) -> None:
    def ask(seed: int) -> str | None:
        answer = client.chat.completions.create(
            model=STARTER, messages=HI, seed=seed, temperature=2.0, max_tokens=8
        )
        return answer.choices[0].message.content

    ask(7)  # from here on the prompt is in the cache
    assert ask(7) == ask(7) != ask(8)


def test_several_answers_are_streamed_side_by_side(client: openai.OpenAI) -> None:
    ends: dict[int, str] = {}
    usage = None
    for chunk in client.chat.completions.create(
        model=STARTER,
        messages=HI,
        n=2,
        max_tokens=5,
        stream=True,
        stream_options={"include_usage": True},
    ):
        usage = chunk.usage or usage
        for choice in chunk.choices:
            if choice.finish_reason:
                ends[choice.index] = choice.finish_reason
    assert set(ends) == {0, 1}
    assert usage is not None
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


def test_one_of_several_that_fails_fails_all(client: openai.OpenAI, parrot: str) -> None:
    with pytest.raises(openai.InternalServerError, match="script says so"):
        client.chat.completions.create(
            model=parrot, messages=[{"role": "user", "content": "!error"}], n=2
        )


def test_an_answer_ends_before_its_stop_string(client: openai.OpenAI, parrot: str) -> None:
    for stop in ("bread", ["jam", "bread"]):
        answer = client.chat.completions.create(
            model=parrot, messages=[{"role": "user", "content": "eat bread now"}], stop=stop
        )
        content = answer.choices[0].message.content or ""
        assert content.endswith("eat ")
        assert answer.choices[0].finish_reason == "stop"


def test_reasoning_comes_apart_from_the_answer(client: openai.OpenAI, parrot: str) -> None:
    answer = client.chat.completions.create(
        model=parrot,
        messages=[{"role": "user", "content": "!think"}],
        reasoning_effort="high",
    )
    message = answer.choices[0].message.to_dict()
    assert message["reasoning_content"] == "The person wrote something. I repeat it."
    streamed = ""
    for chunk in client.chat.completions.create(
        model=parrot, messages=[{"role": "user", "content": "!think"}], stream=True
    ):
        for choice in chunk.choices:
            streamed += str(choice.delta.to_dict().get("reasoning_content", ""))
    assert streamed == message["reasoning_content"]


def test_a_stream_that_breaks_ends_with_an_error(client: openai.OpenAI, parrot: str) -> None:
    stream = client.chat.completions.create(
        model=parrot, messages=[{"role": "user", "content": "!error"}], stream=True
    )
    assert next(stream).choices
    with pytest.raises(openai.APIError, match="script says so"):
        list(stream)


def test_a_conversation_that_is_longer_than_the_context_by_itself_is_refused(
    client: openai.OpenAI,
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(
            model=STARTER, messages=[{"role": "user", "content": "word " * 4000}]
        )
    assert caught.value.code == "context_length_exceeded"


PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": "hello"}, "messages"),
        ({"messages": None}, "messages"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        (
            {"messages": [{"role": "user", "content": [{"type": "video"}]}]},
            "messages[0].content[0].type",
        ),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [{"type": "image_url", "image_url": {"url": "file:///etc/x"}}],
                    }
                ]
            },
            "messages[0].content[0].image_url.url",
        ),
        ({"messages": [{"role": "user", "content": [PICTURE]}]}, "messages"),
        ({"messages": [{"role": "system", "content": [PICTURE]}]}, "messages[0].content"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
        (
            {"messages": [{"role": "tool", "content": "x", "tool_call_id": "no"}]},
            "messages[0].tool_call_id",
        ),
        ({"model": 5}, "model"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": 9}, "temperature"),
        ({"top_p": -1}, "top_p"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_completion_tokens": 0}, "max_completion_tokens"),
        ({"n": 0}, "n"),
        ({"n": 1000}, "n"),
        ({"logit_bias": {"word": 1}}, "logit_bias"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": {"type": "function", "function": {"name": "x"}}}, "tool_choice"),
        ({"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "tools[0].type"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"reasoning_effort": "endless"}, "reasoning_effort"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"modalities": ["audio"]}, "modalities"),
        ({"web_search_options": {}}, "web_search_options"),
        ({"functions": [{"name": "x"}]}, "functions"),
    ],
)
def test_what_makes_no_sense_is_refused(
    shared: Serving, change: dict[str, Any], param: str
) -> None:
    body = {"model": STARTER, "messages": HI, **change}
    with shared.client() as http:
        answer = http.post("/v1/chat/completions", json=body)
    assert answer.status_code == 400, answer.text
    check(answer.json(), ERROR)
    error = answer.json()["error"]
    assert (error["type"], error["param"]) == ("invalid_request_error", param)


def test_what_the_engine_refuses_is_told_without_advice_for_the_window(
    client: openai.OpenAI,
) -> None:
    with pytest.raises(openai.BadRequestError, match="Invalid type: banana") as caught:
        client.chat.completions.create(
            model=STARTER,
            messages=HI,
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "x", "schema": {"type": "banana"}},
            },
        )
    assert "settings" not in caught.value.message


def test_what_nobody_knows_is_ignored(shared: Serving, parrot: str) -> None:
    body = {"model": parrot, "messages": HI, "store": True, "metadata": {"a": "b"}, "frob": [1]}
    with shared.client() as http:
        answer = http.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200
    check(answer.json(), CHAT_COMPLETION)


def test_a_model_that_is_ejected_while_it_answers_has_not_ended_its_answer(
    alone: Serving,
) -> None:
    model = alone.scripted(tokens=100_000, tokens_per_second=50)
    client = openai.OpenAI(base_url=f"{alone.url}/v1", api_key="any", max_retries=0)
    stream = client.chat.completions.create(model=model, messages=HI, stream=True)
    next(stream)
    alone.parts.runtime.eject(model)
    with pytest.raises(openai.APIError, match="ejected"):
        list(stream)


def test_the_asynchronous_client_is_answered(shared: Serving) -> None:
    async def ask() -> str | None:
        base_url = f"{shared.url}/v1"
        async with openai.AsyncOpenAI(base_url=base_url, api_key="any") as client:
            answer = await client.chat.completions.create(
                model=STARTER, messages=HI, max_tokens=4, temperature=0
            )
        return answer.choices[0].message.content

    assert asyncio.run(ask())


# Models


def test_models_are_listed_and_told_of(client: openai.OpenAI, shared: Serving) -> None:
    with shared.client() as http:
        check(http.get("/v1/models").json(), MODELS)
    ids = [model.id for model in client.models.list()]
    assert ids
    assert client.models.retrieve(ids[0]).id == ids[0]
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("nobody/knows-it")
    assert caught.value.code == "model_not_found"


def test_a_model_is_not_deleted_by_this_interface(client: openai.OpenAI) -> None:
    with pytest.raises(openai.PermissionDeniedError, match="corral rm"):
        client.models.delete(STARTER)
    assert client.models.retrieve(STARTER)
