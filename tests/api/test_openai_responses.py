"""`/v1/responses`, asked by the official client and by hand."""

import json
from pathlib import Path
from typing import Any

import openai
import pytest
from openai.types.responses import FunctionToolParam

from app.api import response_store
from app.api.openai.kept import KeptResponse
from app.api.response_store import ResponseStore
from tests.api.openai_facts import ERROR, RESPONSE, RESPONSE_EVENTS
from tests.api.serving import STARTER, Serving
from tests.api.shapes import check

WEATHER: FunctionToolParam = {
    "type": "function",
    "name": "weather",
    "description": "The weather of a city.",
    "strict": True,
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 8}},
        "required": ["city"],
        "additionalProperties": False,
    },
}


@pytest.fixture
def client(shared: Serving) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{shared.url}/v1", api_key="any", max_retries=0)


@pytest.fixture(scope="module")
def parrot(shared: Serving) -> str:
    """Says again what the user said."""
    model = shared.scripted("parrot")
    shared.parts.runtime.load(shared.parts.library.find(model))
    return model


@pytest.fixture(scope="module")
def counter(shared: Serving) -> str:
    model = shared.scripted("counter", text="one two three four")
    shared.parts.runtime.load(shared.parts.library.find(model))
    return model


def test_a_text_is_answered(client: openai.OpenAI) -> None:
    answer = client.responses.create(
        model=STARTER,
        input="Say hi",
        instructions="You are short.",
        temperature=0,
        max_output_tokens=8,
        metadata={"a": "b"},
    )
    check(answer.to_dict(mode="json"), RESPONSE)
    assert answer.output_text
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens
    assert (answer.instructions, answer.metadata) == ("You are short.", {"a": "b"})
    assert answer.max_output_tokens == 8


def test_what_reaches_its_limit_is_incomplete(client: openai.OpenAI, counter: str) -> None:
    answer = client.responses.create(model=counter, input="x", max_output_tokens=2)
    assert answer.status == "incomplete"
    assert answer.incomplete_details is not None
    assert answer.incomplete_details.reason == "max_output_tokens"
    assert answer.output[0].to_dict()["status"] == "incomplete"
    whole = client.responses.create(model=counter, input="x")
    assert (whole.status, whole.output_text) == ("completed", "one two three four")


def events_of(shared: Serving, **body: Any) -> list[dict[str, Any]]:
    """The events of a stream, as they are on the wire; each is checked."""
    with shared.client() as http:
        answer = http.post("/v1/responses", json={**body, "stream": True})
    lines = answer.text.splitlines()
    names = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
    events = [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
    assert names == [event["type"] for event in events]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    for event in events:
        check(event, RESPONSE_EVENTS[event["type"]], event["type"])
    return events


def test_every_event_of_a_text_comes_in_its_order(shared: Serving, counter: str) -> None:
    events = events_of(shared, model=counter, input="x")
    kinds = list(dict.fromkeys(event["type"].removeprefix("response.") for event in events))
    assert kinds == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    pieces = [e["delta"] for e in events if e["type"] == "response.output_text.delta"]
    assert len(pieces) > 2
    assert "".join(pieces) == "one two three four"
    assert events[0]["response"]["output"] == []
    assert events[-1]["response"]["output"][0]["content"][0]["text"] == "one two three four"


def test_every_event_of_a_reasoning_comes_in_its_order(shared: Serving, counter: str) -> None:
    events = events_of(shared, model=counter, input="!think", reasoning={"effort": "low"})
    kinds = [event["type"].removeprefix("response.") for event in events]
    assert list(dict.fromkeys(kinds))[2:8] == [
        "output_item.added",
        "content_part.added",
        "reasoning_text.delta",
        "reasoning_text.done",
        "content_part.done",
        "output_item.done",
    ]
    thought, message = events[-1]["response"]["output"]
    assert (thought["type"], message["type"]) == ("reasoning", "message")
    pieces = [e["delta"] for e in events if e["type"] == "response.reasoning_text.delta"]
    assert "".join(pieces) == thought["content"][0]["text"]
    assert {e["output_index"] for e in events if "output_index" in e} == {0, 1}


def test_a_stream_of_the_client_joins_to_the_same_response(client: openai.OpenAI) -> None:
    whole = client.responses.create(
        model=STARTER, input="Say hi", temperature=0, max_output_tokens=12
    )
    with client.responses.stream(
        model=STARTER, input="Say hi", temperature=0, max_output_tokens=12
    ) as stream:
        deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
    assert "".join(deltas) == whole.output_text


def test_a_response_is_gone_on_from(client: openai.OpenAI, parrot: str) -> None:
    first = client.responses.create(model=parrot, input="My name is Ada", instructions="Be kind")
    second = client.responses.create(
        model=parrot, input="What is it?", previous_response_id=first.id
    )
    assert "Be kind" in first.output_text
    assert "Be kind" not in second.output_text  # instructions hold for one answer
    third = client.responses.create(model=parrot, input="And now?", previous_response_id=second.id)
    assert first.usage is not None
    assert third.usage is not None
    assert third.usage.input_tokens > first.usage.input_tokens + first.usage.output_tokens
    alone = client.responses.create(model=parrot, input="And now?")
    assert alone.usage is not None
    assert third.usage.input_tokens > alone.usage.input_tokens
    counted = client.responses.input_tokens.count(
        model=parrot, input="And now?", previous_response_id=second.id
    )
    assert counted.input_tokens == third.usage.input_tokens


def test_a_streamed_response_is_kept_too(client: openai.OpenAI, counter: str) -> None:
    with client.responses.stream(model=counter, input="x") as stream:
        final = stream.get_final_response()
    assert client.responses.retrieve(final.id).output_text == "one two three four"


def test_a_kept_response_is_shown_and_forgotten(client: openai.OpenAI, counter: str) -> None:
    made = client.responses.create(
        model=counter,
        input=[
            {"role": "developer", "content": "Be kind"},
            {"role": "user", "content": [{"type": "input_text", "text": "x"}]},
        ],
    )
    assert client.responses.retrieve(made.id).to_dict() == made.to_dict()
    items = client.responses.input_items.list(made.id, order="asc", limit=1)
    roles = [item.to_dict()["role"] for item in items]  # two pages
    assert roles == ["developer", "user"]
    newest = client.responses.input_items.list(made.id)
    assert [item.to_dict()["role"] for item in newest.data] == ["user", "developer"]
    client.responses.delete(made.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(made.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.delete(made.id)
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model=counter, input="x", previous_response_id=made.id)
    assert caught.value.param == "previous_response_id"


def test_what_shall_not_be_kept_is_not(client: openai.OpenAI, counter: str) -> None:
    made = client.responses.create(model=counter, input="x", store=False)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(made.id)


def test_a_token_never_reads_what_another_one_left(shared: Serving, counter: str) -> None:
    def client_of(name: str) -> openai.OpenAI:
        _, secret = shared.parts.tokens.issue(name, ["chat"])
        return openai.OpenAI(base_url=f"{shared.url}/v1", api_key=secret, max_retries=0)

    one, other = client_of("one"), client_of("other")
    made = one.responses.create(model=counter, input="secret")
    assert one.responses.retrieve(made.id).id == made.id
    with pytest.raises(openai.NotFoundError):
        other.responses.retrieve(made.id)
    with pytest.raises(openai.NotFoundError):
        other.responses.input_items.list(made.id)
    with pytest.raises(openai.BadRequestError):
        other.responses.create(model=counter, input="x", previous_response_id=made.id)
    with pytest.raises(openai.NotFoundError):
        other.responses.delete(made.id)
    assert one.responses.retrieve(made.id).id == made.id


@pytest.mark.parametrize(
    "choice",
    [
        "required",
        {"type": "function", "name": "weather"},
        {
            "type": "allowed_tools",
            "mode": "required",
            "tools": [{"type": "function", "name": "weather"}],
        },
    ],
)
def test_a_function_that_must_be_called_is_called(client: openai.OpenAI, choice: Any) -> None:
    answer = client.responses.create(
        model=STARTER,
        input="The weather in Paris?",
        tools=[WEATHER],
        tool_choice=choice,
        temperature=0,
    )
    check(answer.to_dict(mode="json"), RESPONSE)
    [call] = answer.output
    assert call.type == "function_call"
    assert call.name == "weather"
    assert set(json.loads(call.arguments)) == {"city"}
    again = client.responses.create(
        model=STARTER,
        previous_response_id=answer.id,
        input=[{"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}],
        max_output_tokens=4,
    )
    assert again.output_text


def test_tools_that_a_server_would_run_are_left_out(shared: Serving, client: openai.OpenAI) -> None:
    """Codex names them in every request, whatever server it talks to."""
    tools: list[Any] = [
        {"type": "namespace", "name": "agents", "tools": [WEATHER]},
        WEATHER,
        {"type": "web_search", "external_web_access": False},
    ]
    answer = client.responses.create(
        model=STARTER, input="The weather in Paris?", tools=tools, max_output_tokens=4
    )
    check(answer.to_dict(mode="json"), RESPONSE)
    assert [tool.to_dict()["name"] for tool in answer.tools] == ["weather"]
    with shared.client() as http:
        asked = {"model": STARTER, "input": "x"}
        told = [
            http.post("/v1/responses/input_tokens", json={**asked, "tools": some}).json()
            for some in (tools, [WEATHER])
        ]
    assert told[0] == told[1]


def test_a_call_is_streamed_piece_by_piece(shared: Serving) -> None:
    events = events_of(
        shared,
        model=STARTER,
        input="The weather in Paris?",
        tools=[WEATHER],
        tool_choice="required",
        parallel_tool_calls=False,
    )
    kinds = [event["type"].removeprefix("response.") for event in events]
    assert list(dict.fromkeys(kinds)) == [
        "created",
        "in_progress",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "completed",
    ]
    pieces = [event["delta"] for event in events if "delta" in event]
    assert len(pieces) > 1
    assert "".join(pieces) == events[-1]["response"]["output"][0]["arguments"]


def test_the_text_follows_a_schema(client: openai.OpenAI) -> None:
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer", "minimum": 0, "maximum": 9}},
        "required": ["n"],
        "additionalProperties": False,
    }
    answer = client.responses.create(
        model=STARTER,
        input="A number",
        text={"format": {"type": "json_schema", "name": "number", "schema": schema}},
    )
    assert json.loads(answer.output_text)["n"] in range(10)
    assert answer.text is not None
    assert answer.text.format is not None
    assert answer.text.format.type == "json_schema"


def test_log_probabilities_come_with_the_text(client: openai.OpenAI) -> None:
    answer = client.responses.create(
        model=STARTER,
        input="Say hi",
        max_output_tokens=3,
        top_logprobs=2,
        include=["message.output_text.logprobs"],
    )
    check(answer.to_dict(mode="json"), RESPONSE)
    [message] = answer.output
    assert message.type == "message"
    [part] = message.content
    assert part.type == "output_text"
    assert part.logprobs is not None
    assert len(part.logprobs) == 3
    assert len(part.logprobs[0].top_logprobs) == 2


def test_an_earlier_conversation_may_be_given_as_items(client: openai.OpenAI, parrot: str) -> None:
    answer = client.responses.create(
        model=parrot,
        tools=[WEATHER],
        input=[
            {"role": "user", "content": "The weather?"},
            {
                "type": "reasoning",
                "id": "rs_1",
                "summary": [{"type": "summary_text", "text": "I ask."}],
            },
            {
                "type": "function_call",
                "call_id": "c1",
                "name": "weather",
                "arguments": '{"city": "Rome"}',
            },
            {"type": "function_call_output", "call_id": "c1", "output": "sunny"},
            {"role": "assistant", "content": "It is sunny."},
            {"role": "user", "content": "Thanks"},
        ],
    )
    assert "Thanks" in answer.output_text


def test_a_conversation_that_is_too_long_is_refused_unless_it_may_be_cut(
    client: openai.OpenAI,
) -> None:
    long: list[Any] = [{"role": "user", "content": "word " * 1500}] * 3
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model=STARTER, input=long, max_output_tokens=2)
    assert caught.value.code == "context_length_exceeded"
    answer = client.responses.create(
        model=STARTER, input=long, max_output_tokens=2, truncation="auto"
    )
    assert answer.usage is not None
    assert 1500 < answer.usage.input_tokens < 2048


def test_a_response_that_breaks_off_has_failed(shared: Serving, counter: str) -> None:
    events = events_of(shared, model=counter, input="!error")
    last = events[-1]
    assert last["type"] == "response.failed"
    assert last["response"]["status"] == "failed"
    assert last["response"]["error"]["code"] == "server_error"


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"input": []}, "input"),
        ({"input": 5}, "input"),
        ({"input": [{"role": "robot", "content": "x"}]}, "input[0].role"),
        ({"input": [{"type": "video"}]}, "input[0].type"),
        ({"input": [{"type": "function_call_output", "call_id": "x", "output": ""}]}, "input[0]"),
        (
            {
                "input": [
                    {
                        "role": "user",
                        "content": [{"type": "input_image", "image_url": "http://x/y.png"}],
                    }
                ]
            },
            "input[0].content[0].image_url",
        ),
        ({"background": True}, "background"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"prompt": {"id": "x"}}, "prompt"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": [{"type": "web_search"}], "tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": {"type": "function", "name": "x"}}, "tool_choice"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"top_logprobs": 21}, "top_logprobs"),
        ({"temperature": "hot"}, "temperature"),
        ({"reasoning": {"effort": "endless"}}, "reasoning.effort"),
        ({"truncation": "some"}, "truncation"),
        ({"previous_response_id": "resp_unknown"}, "previous_response_id"),
    ],
)
def test_what_makes_no_sense_is_refused(
    shared: Serving, counter: str, change: dict[str, Any], param: str
) -> None:
    with shared.client() as http:
        answer = http.post("/v1/responses", json={"model": counter, "input": "x", **change})
    assert answer.status_code == 400
    check(answer.json(), ERROR)
    assert answer.json()["error"]["param"] == param


def test_nothing_is_cancelled_that_is_not_in_the_background(
    client: openai.OpenAI, counter: str
) -> None:
    made = client.responses.create(model=counter, input="x")
    with pytest.raises(openai.BadRequestError, match="background"):
        client.responses.cancel(made.id)


# The store


def kept(text: str, previous: str = "") -> KeptResponse:
    return KeptResponse([{"text": text}], {"output": []}, previous)


def test_the_oldest_responses_are_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(response_store, "MOST", 3)
    store = ResponseStore(tmp_path / "deep" / "responses.db", KeptResponse)
    for number in range(5):
        store.keep(f"r{number}", "me", kept("x"))
    assert [store.get(f"r{n}", "me") is not None for n in range(5)] == [False, False, *[True] * 3]


def test_responses_take_no_more_than_so_many_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(response_store, "MOST_BYTES", 1000)
    store = ResponseStore(tmp_path / "responses.db", KeptResponse)
    for number in range(4):
        store.keep(f"r{number}", "me", kept("x" * 400))
    assert [store.get(f"r{n}", "me") is not None for n in range(4)] == [False, False, True, True]
    store.keep("large", "me", kept("x" * 5000))
    assert store.get("large", "me") is not None  # the newest one stays, however large


def test_a_conversation_that_goes_on_keeps_its_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(response_store, "MOST", 3)
    store = ResponseStore(tmp_path / "responses.db", KeptResponse)
    store.keep("a", "me", kept("first"))
    store.keep("b", "me", kept("second", "a"))
    store.keep("c", "me", kept("else"))
    chain = store.conversation("b", "me")
    assert chain is not None
    assert [each.input[0]["text"] for each in chain] == ["first", "second"]
    store.keep("d", "me", kept("more"))
    assert store.get("c", "me") is None
    assert store.conversation("b", "me") is not None


def test_what_was_not_used_for_long_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ResponseStore(tmp_path / "responses.db", KeptResponse)
    store.keep("old", "me", kept("x"))
    monkeypatch.setattr(response_store, "LONGEST_SECONDS", -1.0)
    store.keep("new", "me", kept("x"))
    assert store.get("old", "me") is None


def test_a_file_that_is_no_database_is_told_of(client: openai.OpenAI, alone: Serving) -> None:
    model = alone.scripted(text="one")
    folder = alone.parts.paths.server_dir
    folder.mkdir(parents=True)
    (folder / "responses.db").write_bytes(b"no database" * 1000)
    asker = openai.OpenAI(base_url=f"{alone.url}/v1", api_key="any", max_retries=0)
    made = asker.responses.create(model=model, input="x")
    assert (made.output_text, made.to_dict()["store"]) == ("one", False)
    with pytest.raises(openai.InternalServerError, match="could not be kept or found") as told:
        asker.responses.retrieve(made.id)
    assert str(folder) not in str(told.value)  # where things lie is nothing to tell a client
