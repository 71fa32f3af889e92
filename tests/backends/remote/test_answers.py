"""Streams as servers send them, quirks included; stops, stalls and several answers at once."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backends.errors import BackendError, BadRequest, PromptTooLong, ServerUnreachable
from backends.remote.engine import RemoteBackend
from backends.types import (
    ChatMessage,
    ContextCut,
    Delta,
    GenerationEvent,
    GenerationRequest,
    LoadConfig,
    Note,
    Progress,
    ReasoningOptions,
    SamplingParams,
    Tool,
    ToolCallDelta,
    ToolCallEnd,
    ToolCallStart,
)
from tests.backends.contract import finish_of, text_of
from tests.backends.remote.scripted_server import (
    Script,
    ScriptedServer,
    calls,
    end,
    text,
    usage,
)
from tests.backends.remote.servers import write_descriptor
from tests.timing import PATIENCE


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        yield server


def connect(server: ScriptedServer, folder: Path, **more: Any) -> RemoteBackend:
    backend = RemoteBackend()
    path = write_descriptor(folder, server.url, "m", **more)
    backend.load(str(path), LoadConfig(), lambda _: True)
    return backend


@pytest.fixture
def backend(server: ScriptedServer, tmp_path: Path) -> RemoteBackend:
    return connect(server, tmp_path)


def ask(words: str = "Hello", id: str = "r", **more: Any) -> GenerationRequest:
    return GenerationRequest(id, (ChatMessage("user", words),), **more)


def calls_in(events: list[GenerationEvent]) -> dict[int, tuple[str, str, str, bool]]:
    """Id, name, arguments and completeness of each call."""
    found: dict[int, tuple[str, str, str, bool]] = {}
    for event in events:
        match event:
            case ToolCallStart(index=at, id=id, name=name):
                found[at] = (id, name, "", False)
            case ToolCallDelta(index=at, arguments=piece):
                id, name, arguments, _ = found[at]
                found[at] = (id, name, arguments + piece, False)
            case ToolCallEnd(index=at, complete=complete):
                found[at] = (*found[at][:3], complete)
    return found


def test_text_reasoning_and_counts(backend: RemoteBackend, server: ScriptedServer) -> None:
    server.says(
        {"choices": [{"delta": {"role": "assistant", "content": None}}]},
        {"choices": [{"delta": {"reasoning_content": "Hm"}}]},
        {"choices": [{"delta": {"reasoning": ", yes"}}]},
        text("Good "),
        text("day"),
        end(),
        usage(11, 7, prompt_tokens_details={"cached_tokens": 4}),
    )
    events = list(backend.generate(ask()))
    assert isinstance(events[0], Progress)
    assert text_of(events, "reasoning") == "Hm, yes"
    assert text_of(events) == "Good day"
    finish = finish_of(events)
    assert finish.reason == "stop"
    assert finish.usage.prompt_tokens == 11
    assert finish.usage.cached_tokens == 4
    assert finish.usage.completion_tokens == 7
    assert finish.usage.reasoning_tokens == 2
    steps = [event for event in events if isinstance(event, Progress)]
    assert steps[-1].processed == steps[-1].total > 0


def thoughts(count: int) -> list[dict[str, Any]]:
    return [{"choices": [{"delta": {"reasoning_content": "hm "}}]}] * count


def notes_in(events: list[GenerationEvent]) -> list[Note]:
    return [event for event in events if isinstance(event, Note)]


def test_a_budget_of_reasoning_that_is_not_held_is_told_once(
    backend: RemoteBackend, server: ScriptedServer
) -> None:
    server.says(*thoughts(60), text("Day"), end())
    limited = ask(reasoning=ReasoningOptions(budget=20))
    events = list(backend.generate(limited))
    (note,) = notes_in(events)
    assert note.code == "sampling_left_out"
    assert "20 tokens" in note.text
    after = events[events.index(note) :]
    assert text_of(after) == "Day"
    assert finish_of(events).usage.reasoning_tokens == 60
    server.says(*thoughts(20), text("Day"), end())
    assert not notes_in(list(backend.generate(limited)))
    server.says(*thoughts(60), text("Day"), end())
    assert not notes_in(list(backend.generate(ask())))
    (note,) = notes_in(list(backend.generate(ask(reasoning=ReasoningOptions("off")))))
    assert "switch the reasoning off" in note.text


def test_reasoning_that_is_counted_but_not_shown_is_held_to_its_budget_too(
    backend: RemoteBackend, server: ScriptedServer
) -> None:
    hidden = usage(11, 70, completion_tokens_details={"reasoning_tokens": 64})
    server.says(text("Day"), end(), hidden)
    events = list(backend.generate(ask(reasoning=ReasoningOptions(budget=20))))
    assert len(notes_in(events)) == 1
    assert finish_of(events).usage.reasoning_tokens == 64


def test_a_server_that_knows_no_budget_is_asked_without(tmp_path: Path) -> None:
    with ScriptedServer("vllm") as server:
        backend = connect(server, tmp_path)
        refusal = {"error": {"message": "thinking_token_budget is set but reasoning_config is not"}}
        server.scripts = [Script(status=400, body=refusal), Script((text("Day"), end()))]
        events = list(backend.generate(ask(reasoning=ReasoningOptions("on", budget=20))))
    assert text_of(events) == "Day"
    assert [note.code for note in notes_in(events)] == ["sampling_left_out"]
    first, second = (each.body for each in server.asked[-2:])
    assert first["thinking_token_budget"] == 20
    assert "thinking_token_budget" not in second
    assert second["chat_template_kwargs"]["enable_thinking"] is True


def test_reasoning_that_stands_in_the_text_is_taken_apart(
    backend: RemoteBackend, server: ScriptedServer
) -> None:
    server.says(text("<thi"), text("nk>Hm"), text(".</think>\n"), text("\nDay"), end())
    events = list(backend.generate(ask()))
    assert text_of(events, "reasoning") == "Hm."
    assert text_of(events) == "Day"
    assert finish_of(events).usage.completion_tokens == 4
    server.says(text("Say <think> to think."), end())
    assert text_of(backend.generate(ask())) == "Say <think> to think."


def test_a_stop_string_cuts_the_answer_and_the_connection(
    backend: RemoteBackend, server: ScriptedServer
) -> None:
    never = threading.Event()
    server.says(text("One. T"), text("wo. Three."), never)
    events = list(backend.generate(ask(sampling=SamplingParams(stop=("Two",)))))
    assert text_of(events) == "One. "
    assert finish_of(events).reason == "stop_string"
    assert "stop" not in server.asked[-1].body
    assert server.gone.wait(PATIENCE)


@pytest.mark.parametrize(
    ("said", "limit", "reason"),
    [
        ("stop", None, "stop"),
        ("length", 2, "length"),
        ("length", None, "context"),
        ("content_filter", None, "error"),
        ("something new", None, "stop"),
    ],
)
def test_why_an_answer_ended(
    backend: RemoteBackend, server: ScriptedServer, said: str, limit: int | None, reason: str
) -> None:
    server.says(text("a"), text("b"), end(said))
    events = list(backend.generate(ask(sampling=SamplingParams(max_tokens=limit))))
    assert finish_of(events).reason == reason


def test_log_probabilities(backend: RemoteBackend, server: ScriptedServer) -> None:
    token = {"token": "Yes", "logprob": -0.1, "bytes": [89]}
    other = {"token": "No", "logprob": -2.5, "id": 7}
    server.says(
        text("Yes", logprobs={"content": [{**token, "top_logprobs": [token, other]}]}), end()
    )
    events = list(backend.generate(ask(sampling=SamplingParams(logprobs=2))))
    (chosen,) = [each for e in events if isinstance(e, Delta) for each in e.logprobs]
    assert (chosen.token, chosen.text, chosen.logprob) == (-1, "Yes", -0.1)
    assert chosen.alternatives == ((-1, "Yes", -0.1), (7, "No", -2.5))
    assert server.asked[-1].body["top_logprobs"] == 2


# Tool calls


def test_calls_by_the_protocol(backend: RemoteBackend, server: ScriptedServer) -> None:
    server.says(
        text("Let me see."),
        calls({"index": 0, "id": "a", "function": {"name": "time", "arguments": ""}}),
        calls({"index": 0, "function": {"arguments": '{"zone": '}}),
        calls({"index": 0, "function": {"arguments": '"UTC"}'}}),
        calls({"index": 1, "id": "b", "function": {"name": "now", "arguments": "{}"}}),
        end("tool_calls"),
    )
    events = list(backend.generate(ask(tools=(Tool("time"), Tool("now")))))
    assert calls_in(events) == {
        0: ("a", "time", '{"zone": "UTC"}', True),
        1: ("b", "now", "{}", True),
    }
    assert finish_of(events).reason == "tool_calls"


def test_a_new_id_on_a_used_index_is_a_new_call(
    backend: RemoteBackend, server: ScriptedServer
) -> None:
    server.says(
        calls({"index": 0, "id": "a", "function": {"name": "x", "arguments": '{"n": 1}'}}),
        calls({"index": 0, "id": "b", "function": {"name": "x", "arguments": '{"n"'}}),
        calls({"index": 0, "function": {"arguments": ": 2}"}}),
        end("stop"),
    )
    events = list(backend.generate(ask(tools=(Tool("x"),))))
    assert calls_in(events) == {0: ("a", "x", '{"n": 1}', True), 1: ("b", "x", '{"n": 2}', True)}
    assert finish_of(events).reason == "tool_calls"


def test_calls_without_ids_with_repeated_names_and_with_objects(
    backend: RemoteBackend, server: ScriptedServer
) -> None:
    server.says(
        calls({"index": 0, "function": {"name": "x", "arguments": {"n": 1}}}),
        calls({"index": 1, "id": "b", "function": {"name": "y", "arguments": ""}}),
        calls({"index": 1, "id": "b", "function": {"name": "y"}}),
        end("tool_calls"),
    )
    found = calls_in(list(backend.generate(ask(tools=(Tool("x"),)))))
    assert found[0][0].startswith("call_")
    assert len(found[0][0]) == len("call_") + 24
    assert found[0][1:] == ("x", '{"n":1}', True)
    assert found[1] == ("b", "y", "{}", True)


def test_a_call_that_is_cut_off_is_not_complete(
    backend: RemoteBackend, server: ScriptedServer
) -> None:
    server.says(
        calls({"index": 0, "id": "a", "function": {"name": "x", "arguments": '{"n": 1}'}}),
        calls({"index": 1, "id": "b", "function": {"name": "x", "arguments": '{"n": 1'}}),
        end("length"),
    )
    events = list(backend.generate(ask(tools=(Tool("x"),))))
    assert [call[3] for call in calls_in(events).values()] == [True, False]
    assert finish_of(events).reason == "context"


def test_arguments_that_are_no_json_are_told_and_not_complete(
    backend: RemoteBackend, server: ScriptedServer
) -> None:
    server.says(
        calls({"index": 0, "id": "a", "function": {"name": "x", "arguments": "n = 1"}}),
        end("tool_calls"),
    )
    events = list(backend.generate(ask(tools=(Tool("x"),))))
    assert calls_in(events)[0][3] is False
    assert [event.code for event in events if isinstance(event, Note)] == ["malformed_tool_call"]


def test_a_call_without_a_name_is_told_and_is_none(
    backend: RemoteBackend, server: ScriptedServer
) -> None:
    server.says(
        calls({"index": 0, "id": "a", "function": {"arguments": "{}"}}),
        end("tool_calls"),
    )
    events = list(backend.generate(ask(tools=(Tool("x"),))))
    assert not [event for event in events if isinstance(event, ToolCallStart | ToolCallEnd)]
    assert [event.code for event in events if isinstance(event, Note)] == ["malformed_tool_call"]


# Streams that go wrong


def test_an_error_in_the_stream_keeps_the_text_before_it(
    backend: RemoteBackend, server: ScriptedServer
) -> None:
    server.says(text("Half"), {"error": {"message": "the worker died"}})
    events: list[GenerationEvent] = []
    with pytest.raises(BackendError, match="the worker died"):
        events += iter(backend.generate(ask()))
    assert text_of(events) == "Half"


def test_a_stream_that_ends_too_early_is_no_answer(
    backend: RemoteBackend, server: ScriptedServer
) -> None:
    server.says(text("Half"), done=False)
    with pytest.raises(ServerUnreachable, match="middle of the answer"):
        list(backend.generate(ask()))


def test_rubbish_in_the_stream_is_told(backend: RemoteBackend, server: ScriptedServer) -> None:
    server.says(text("Half"), b"data: {nonsense\n\n")
    with pytest.raises(BackendError, match="not the protocol"):
        list(backend.generate(ask()))
    server.says({"choices": [{"delta": {"content": 7}}]})
    with pytest.raises(BackendError, match="not the protocol"):
        list(backend.generate(ask()))


def test_a_server_that_falls_silent_is_given_up(server: ScriptedServer, tmp_path: Path) -> None:
    backend = connect(server, tmp_path, patience=0.3)
    server.says(text("Half"), threading.Event())
    with pytest.raises(ServerUnreachable, match=r"sent nothing for 0\.3 seconds"):
        list(backend.generate(ask()))
    assert server.gone.wait(PATIENCE)


def test_cancelling_a_silent_server_is_immediate(
    backend: RemoteBackend, server: ScriptedServer
) -> None:
    server.says(threading.Event())
    events = backend.generate(ask())
    assert isinstance(next(events), Progress)
    assert isinstance(next(events), Progress)  # nothing new, and yet it returned
    backend.cancel("r")
    assert finish_of(events).reason == "cancelled"
    assert server.gone.wait(PATIENCE)


def test_a_silent_answer_does_not_hold_up_another(
    backend: RemoteBackend, server: ScriptedServer
) -> None:
    go_on = threading.Event()
    server.scripts = [Script((text("slow"), go_on, text("ly"), end())), Script((text("b"), end()))]
    slow = backend.generate(ask(id="slow"))
    events: list[GenerationEvent] = []
    while text_of(events) != "slow":
        events.append(next(slow))
    assert text_of(backend.generate(ask(id="quick"))) == "b"
    go_on.set()
    assert text_of([*events, *slow]) == "slowly"


# A conversation that has outgrown the context


def too_long() -> Script:
    body = {"error": {"type": "exceed_context_size_error", "message": "exceeds the context size"}}
    return Script((), 400, {}, body)


def test_old_turns_are_left_out_until_the_server_is_content(
    backend: RemoteBackend, server: ScriptedServer
) -> None:
    server.scripts = [too_long(), too_long(), Script((text("ok"), end()))]
    turns = [ChatMessage("system", "Be brief.")]
    for number in range(6):
        turns += [
            ChatMessage("user", f"question {number}"),
            ChatMessage("assistant", f"answer {number}"),
        ]
    turns.append(ChatMessage("user", "last question"))
    events = list(backend.generate(GenerationRequest("r", tuple(turns))))
    assert isinstance(events[0], Progress)
    cuts = [event for event in events if isinstance(event, ContextCut)]
    assert len(cuts) == 2
    sent = [message["content"] for message in server.asked[-1].body["messages"]]
    assert sent == [m.content for m in (turns[0], *turns[cuts[-1].first_message :])]
    assert turns[cuts[-1].first_message].role == "user"
    assert cuts[-1].left_out == cuts[-1].first_message - 1
    assert sent[-1] == "last question"
    assert text_of(events) == "ok"


def test_the_last_turn_alone_is_never_cut(backend: RemoteBackend, server: ScriptedServer) -> None:
    server.scripts = [too_long()]
    with pytest.raises(PromptTooLong):
        list(backend.generate(ask()))
    turns = (ChatMessage("user", "a"), ChatMessage("assistant", "b"), ChatMessage("user", "c"))
    with pytest.raises(PromptTooLong):
        list(backend.generate(GenerationRequest("r", turns, context_policy="stop")))
    assert len(server.asked[-1].body["messages"]) == 3


def test_settings_that_a_server_refuses_are_left_out_and_that_is_told_once(
    backend: RemoteBackend, server: ScriptedServer
) -> None:
    refused = Script((), 422, {}, {"detail": "extra fields not permitted"})
    server.scripts = [refused, Script((text("ok"), end()))]
    changed = SamplingParams(top_k=7, temperature=0.3)
    events = list(backend.generate(ask(sampling=changed)))
    assert [asked.body.get("top_k") for asked in server.asked[-2:]] == [7, None]
    assert server.asked[-1].body["temperature"] == 0.3
    assert [event.code for event in events if isinstance(event, Note)] == ["sampling_left_out"]
    again = list(backend.generate(ask(sampling=changed)))
    assert not any(isinstance(event, Note) for event in again)
    assert "top_k" not in server.asked[-1].body


@pytest.mark.parametrize("owner", ["openai", "vllm", "other"])
def test_a_server_that_refuses_the_reasoning_is_still_told_the_sampling(
    owner: str, tmp_path: Path
) -> None:
    cold = SamplingParams(temperature=0.1, seed=7)
    with ScriptedServer(owner) as server:
        backend = connect(server, tmp_path)
        refusal = Script(status=400, body={"error": {"message": "Unrecognized: reasoning_effort"}})
        server.scripts = [refusal, Script((text("ok"), end()))]
        wish = ReasoningOptions("on", "low", 20)
        events = list(backend.generate(ask(reasoning=wish, sampling=cold)))
        (note,) = notes_in(events)
        assert "for reasoning;" in note.text
        list(backend.generate(ask(reasoning=wish, sampling=cold)))
    for asked in server.asked[-2:]:
        assert "reasoning_effort" not in asked.body
        assert (asked.body["temperature"], asked.body["seed"]) == (0.1, 7)


def test_a_server_that_refuses_the_sampling_is_still_told_the_reasoning(tmp_path: Path) -> None:
    with ScriptedServer("openai") as server:
        backend = connect(server, tmp_path)
        refused = Script(status=400, body={"error": {"message": "Unsupported: temperature"}})
        server.scripts = [refused, refused, Script((text("ok"), end()))]
        wish, cold = ReasoningOptions("on", "low"), SamplingParams(temperature=0.1)
        events = list(backend.generate(ask(reasoning=wish, sampling=cold)))
    (note,) = notes_in(events)
    assert "for sampling;" in note.text
    assert "temperature" not in server.asked[-1].body
    assert server.asked[-1].body["reasoning_effort"] == "low"


def test_a_server_that_refuses_both_is_told_neither(
    backend: RemoteBackend, server: ScriptedServer
) -> None:
    refused = Script(status=400, body={"error": {"message": "extra fields not permitted"}})
    server.scripts = [refused, refused, refused, Script((text("ok"), end()))]
    wish, changed = ReasoningOptions("on", "low"), SamplingParams(top_k=7)
    (note,) = notes_in(list(backend.generate(ask(reasoning=wish, sampling=changed))))
    assert "for reasoning and sampling;" in note.text
    assert not {"top_k", "reasoning_effort"} & set(server.asked[-1].body)


def test_a_refusal_for_another_reason_is_not_repeated(
    backend: RemoteBackend, server: ScriptedServer
) -> None:
    server.scripts = [Script((), 400, {}, {"error": {"message": "bad schema"}})]
    before = len(server.asked)
    with pytest.raises(BadRequest, match="bad schema"):
        list(backend.generate(ask()))
    assert len(server.asked) == before + 1


def test_answers_are_read_from_a_text_completion_too(
    server: ScriptedServer, tmp_path: Path
) -> None:
    backend = connect(server, tmp_path)
    server.says({"choices": [{"text": " a time"}]}, {"choices": [{"finish_reason": "length"}]})
    limit = SamplingParams(max_tokens=1)
    events = list(backend.generate(GenerationRequest("r", (), limit, prompt="Once upon")))
    assert server.asked[-1].path == "/v1/completions"
    assert server.asked[-1].body["prompt"] == "Once upon"
    assert text_of(events) == " a time"
    assert finish_of(events).reason == "length"
    assert json.dumps(server.asked[-1].body)
