"""What engines that choose the tokens themselves must do beyond `BackendContract`.

A test class derives from `StructuredContract` and gives the fixture `loaded`. The models of the
tests are too small to be sensible: what is tested is that the form holds.
"""

import json
import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec import structs

from backends.base import Backend
from backends.constraints import guided
from backends.errors import BadRequest
from backends.types import (
    ChatMessage,
    Constraint,
    Delta,
    Finish,
    GenerationEvent,
    GenerationRequest,
    JsonObject,
    JsonSchema,
    LarkGrammar,
    NamedTool,
    Note,
    Progress,
    RegularExpression,
    SamplingParams,
    Tool,
    ToolCallDelta,
    ToolCallEnd,
    ToolCallStart,
    ToolChoice,
)
from tests.backends.contract import finish_of, request, text_of

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 12}, "age": {"enum": [1, 2, 3]}},
    "required": ["name", "age"],
}
CITY = {
    "type": "object",
    "properties": {"city": {"enum": ["Oslo", "Rome"]}, "days": {"enum": [1, 2]}},
    "required": ["city", "days"],
}
WEATHER = Tool("get_weather", "The weather of a city", json.dumps(CITY))
TIME = Tool("get_time", "The time", json.dumps({"type": "object", "properties": {}}))
ROOM = SamplingParams(temperature=0, max_tokens=800)
"""For answers that end with what they must be; random models put much white space in between."""


def asked(**changes: Any) -> GenerationRequest:
    ends = "constraint" in changes or changes.get("tool_choice", "auto") not in ("auto", "none")
    return structs.replace(request(sampling=ROOM if ends else None), **changes)


def continued(begun: str, constraint: Constraint) -> GenerationRequest:
    """Asks for the rest of an answer that is begun."""
    messages = (ChatMessage("user", "How many are there?"), ChatMessage("assistant", begun))
    return asked(messages=messages, continue_last=True, constraint=constraint)


def calls_of(events: list[GenerationEvent]) -> list[tuple[str, Any]]:
    """Name and arguments of each complete call."""
    arguments: dict[int, str] = {}
    names: dict[int, str] = {}
    for event in events:
        if isinstance(event, ToolCallStart):
            names[event.index], arguments[event.index] = event.name, ""
        elif isinstance(event, ToolCallDelta):
            arguments[event.index] += event.arguments
    ends = [event for event in events if isinstance(event, ToolCallEnd)]
    assert all(end.complete and not end.repaired for end in ends)
    assert len(ends) == len(names)
    return [(names[index], json.loads(arguments[index])) for index in names]


class StructuredContract:
    @pytest.fixture
    def held_back(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
        """No constraint is made before this is set."""
        grammar_of = guided._grammar
        go_on = threading.Event()

        def late(constraint: Constraint) -> tuple[str, str]:
            go_on.wait()
            return grammar_of(constraint)

        monkeypatch.setattr(guided, "_grammar", late)
        yield go_on
        go_on.set()

    def test_an_answer_is_json_by_a_schema(self, loaded: Backend) -> None:
        events = list(loaded.generate(asked(constraint=JsonSchema(json.dumps(PERSON)))))
        answer = json.loads(text_of(events))
        assert answer["age"] in (1, 2, 3)
        assert isinstance(answer["name"], str)
        assert set(answer) == {"name", "age"}
        assert finish_of(events).reason == "stop"

    @pytest.mark.parametrize(
        ("constraint", "wanted"),
        [
            (RegularExpression("(yes|no), [0-9]{4}"), ("yes, ", "no, ")),
            (LarkGrammar('start: "<" WORD ">"\nWORD: /[a-z]{3}/'), ("<",)),
            (JsonObject(), ("{",)),
        ],
    )
    def test_an_answer_keeps_to_its_constraint(
        self, loaded: Backend, constraint: Constraint, wanted: tuple[str, ...]
    ) -> None:
        assert text_of(loaded.generate(asked(constraint=constraint))).startswith(wanted)

    @pytest.mark.parametrize(
        ("constraint", "begun", "whole"),
        [
            (RegularExpression("[0-9]{4} (cats|dogs)"), "12", "[0-9]{4} (cats|dogs)"),
            (RegularExpression("[0-9]{4} (cats|dogs)"), "1234 do", "1234 dogs"),
            (LarkGrammar('start: "<" WORD ">"\nWORD: /[aé]{3}/'), "<é", "<é[aé]{2}>"),
        ],
    )
    def test_a_continued_answer_keeps_to_its_constraint_as_a_whole(
        self, loaded: Backend, constraint: Constraint, begun: str, whole: str
    ) -> None:
        events = list(loaded.generate(continued(begun, constraint)))
        assert re.fullmatch(whole, begun + text_of(events))
        assert finish_of(events).reason == "stop"

    def test_begun_json_is_completed_and_not_begun_again(self, loaded: Backend) -> None:
        begun = '{"name": "Ada", "a'
        rest = text_of(loaded.generate(continued(begun, JsonSchema(json.dumps(PERSON)))))
        answer = json.loads(begun + rest)
        assert answer["name"] == "Ada"
        assert answer["age"] in (1, 2, 3)

    def test_nothing_is_added_to_an_answer_that_is_complete(self, loaded: Backend) -> None:
        events = list(loaded.generate(continued("7", RegularExpression("[0-9]"))))
        assert not text_of(events)
        assert finish_of(events).reason == "stop"

    @pytest.mark.parametrize("begun", ["It is", "12345 ", "1234 dogs!"])
    def test_a_begun_answer_that_does_not_fit_is_refused(self, loaded: Backend, begun: str) -> None:
        with pytest.raises(BadRequest, match="does not fit"):
            list(loaded.generate(continued(begun, RegularExpression("[0-9]{4} (cats|dogs)"))))
        assert text_of(loaded.generate(request()))

    def test_a_schema_that_cannot_be_enforced_is_noted(self, loaded: Backend) -> None:
        schema = {"type": "array", "items": {"enum": [1, 2]}, "maxItems": 3, "uniqueItems": True}
        events = list(loaded.generate(asked(constraint=JsonSchema(json.dumps(schema)))))
        notes = [event for event in events if isinstance(event, Note)]
        assert [note.code for note in notes] == ["schema_not_enforced"]
        assert "uniqueItems" in notes[0].text

    def test_a_broken_constraint_is_refused_and_the_engine_goes_on(self, loaded: Backend) -> None:
        for constraint in (JsonSchema("{"), RegularExpression("("), LarkGrammar("start: nothing")):
            with pytest.raises(BadRequest):
                list(loaded.generate(asked(constraint=constraint)))
        assert text_of(loaded.generate(request()))

    def test_other_answers_go_on_while_a_constraint_is_made(
        self, loaded: Backend, held_back: threading.Event
    ) -> None:
        waiting = loaded.generate(asked(id="waiting", constraint=RegularExpression("[0-9]{5}")))
        other = loaded.generate(asked(id="other"))
        told: list[GenerationEvent] = []
        for event in other:
            told.append(event)
            assert not isinstance(next(waiting), Delta | Finish)
        assert text_of(told)
        assert finish_of(told).reason != "error"
        held_back.set()
        assert text_of(waiting).isdigit()

    def test_an_answer_is_cancelled_while_its_constraint_is_made(
        self, loaded: Backend, held_back: threading.Event
    ) -> None:
        waiting = loaded.generate(asked(id="waiting", constraint=JsonObject()))
        next(event for event in waiting if isinstance(event, Progress))
        loaded.cancel("waiting")
        (end,) = waiting
        assert finish_of([end]).reason == "cancelled"
        held_back.set()
        assert text_of(loaded.generate(asked(constraint=RegularExpression("[0-9]{5}")))).isdigit()

    @pytest.mark.parametrize("choice", [NamedTool("get_weather"), "required"])
    def test_a_forced_call_is_one_valid_call(self, loaded: Backend, choice: ToolChoice) -> None:
        tools = (WEATHER, TIME)
        events = list(loaded.generate(asked(tools=tools, tool_choice=choice)))
        ((name, arguments),) = calls_of(events)
        assert finish_of(events).reason == "tool_calls"
        if name == "get_weather":
            assert arguments["city"] in ("Oslo", "Rome")
            assert set(arguments) == {"city", "days"}
        else:
            assert choice == "required"
            assert (name, arguments) == ("get_time", {})

    def test_a_tool_that_is_not_there_cannot_be_forced(self, loaded: Backend) -> None:
        with pytest.raises(BadRequest):
            list(loaded.generate(asked(tools=(TIME,), tool_choice=NamedTool("other"))))
        with pytest.raises(BadRequest):
            list(loaded.generate(asked(tool_choice="required")))

    def test_tools_are_part_of_the_prompt_unless_they_must_not_be_called(
        self, loaded: Backend
    ) -> None:
        plain = finish_of(loaded.generate(asked())).usage.prompt_tokens
        with_tools = asked(tools=(WEATHER,))
        without = asked(tools=(WEATHER,), tool_choice="none")
        assert finish_of(loaded.generate(with_tools)).usage.prompt_tokens > plain + 20
        assert finish_of(loaded.generate(without)).usage.prompt_tokens == plain

    def test_a_raw_prompt_is_continued_as_it_is(self, loaded: Backend) -> None:
        raw = asked(messages=(), prompt="The capital of France is")
        events = list(loaded.generate(raw))
        assert 0 < finish_of(events).usage.prompt_tokens < 20
        assert text_of(events)
        with pytest.raises(BadRequest):
            list(loaded.generate(structs.replace(raw, messages=(ChatMessage("user", "x"),))))
