"""Forced calls: whatever a model writes under the constraint is a valid call."""

import json
import random
from typing import Any

import numpy
import pytest
from llguidance import LLMatcher, LLTokenizer
from llguidance.numpy import allocate_token_bitmask, fill_next_token_bitmask

from backends.chat.answer import AnswerParser
from backends.chat.families import THINK, ChatFormat, ToolCallStyle
from backends.chat.tool_calls.forced import ForcedCall, force_call
from backends.chat.tool_calls.schemas import arguments_schema
from backends.errors import BadRequest
from backends.types import JsonSchema, LarkGrammar, NamedTool, Tool
from tests.backends.chat.answers import read
from tests.backends.chat.call_samples import STYLES

WEATHER = Tool(
    "get_weather",
    parameters=json.dumps(
        {
            "type": "object",
            "properties": {
                "city": {"type": "string", "maxLength": 12},
                "days": {"enum": [1, 2, 7]},
                "place": {"$ref": "#/$defs/Place"},
            },
            "required": ["city", "place"],
            "$defs": {
                "Place": {"type": "object", "properties": {"high": {"type": "boolean"}}},
            },
        }
    ),
)
CLOCK = Tool("get", parameters="{}")
BYTES = LLTokenizer("byte")


def matcher_of(call: ForcedCall) -> LLMatcher:
    if isinstance(call.constraint, JsonSchema):
        grammar = LLMatcher.grammar_from_json_schema(call.constraint.schema)
    else:
        assert isinstance(call.constraint, LarkGrammar)
        grammar = LLMatcher.grammar_from_lark(call.constraint.grammar)
    matcher = LLMatcher(BYTES, grammar)
    assert not matcher.get_error()
    return matcher


def written(call: ForcedCall, rng: random.Random) -> bytes:
    """What a model without any sense would write, one byte a token."""
    matcher, mask = matcher_of(call), allocate_token_bitmask(1, BYTES.vocab_size)
    out = bytearray()
    while not matcher.is_stopped():
        fill_next_token_bitmask(matcher, mask)
        bits = numpy.unpackbits(mask.view(numpy.uint8), bitorder="little")
        allowed = numpy.flatnonzero(bits).tolist()
        # Blanks would go on for ever.
        sensible = [token for token in allowed if token not in b" \t\r\n"] or allowed
        token = rng.choice(sensible)
        matcher.consume_token(token)
        assert not matcher.get_error()
        if token < 256:
            out.append(token)
    return bytes(out)


@pytest.mark.parametrize("named", [False, True], ids=["required", "named"])
@pytest.mark.parametrize("style", STYLES)
def test_a_forced_call_is_always_valid(style: ToolCallStyle, named: bool) -> None:
    tools = (WEATHER, CLOCK)
    call = force_call(style, tools, NamedTool("get_weather") if named else None, lambda text: None)
    for seed in range(5):
        rest = written(call, random.Random(seed))
        parser = AnswerParser(ChatFormat(tool_style=style), tools=tools, forced_call=call)
        begun = parser.take_forced()
        assert begun == call.begun
        assert parser.take_forced() == ""
        answer = read(parser, [begun.encode(), *(bytes([byte]) for byte in rest)])
        assert parser.finish_reason == "tool_calls"
        assert answer.text == answer.reasoning == ""
        (made,) = answer.calls
        assert made.complete
        assert not made.repaired
        arguments = json.loads(made.arguments)
        if named or made.name == "get_weather":
            assert made.name == "get_weather"
            assert {"city", "place"} <= arguments.keys() <= {"city", "days", "place"}
            assert isinstance(arguments["city"], str)
            assert arguments.get("days") in (None, 1, 2, 7)
            assert arguments["place"].keys() <= {"high"}
        else:
            assert made.name == "get"
            assert arguments == {}


def test_a_marker_that_is_a_token_is_asked_for_by_its_id() -> None:
    ids = {"[ARGS]": 9, "<｜tool▁sep｜>": 7}
    call = force_call("mistral_args", (WEATHER, CLOCK), None, ids.get)
    assert isinstance(call.constraint, LarkGrammar)
    assert 'tool1: "get" <[9]> %json' in call.constraint.grammar
    call = force_call("deepseek_v31", (WEATHER, CLOCK), None, ids.get)
    assert isinstance(call.constraint, LarkGrammar)
    assert '"get" <[7]> %json' in call.constraint.grammar


def test_a_forced_call_waits_for_the_end_of_the_reasoning() -> None:
    call = force_call("hermes", (CLOCK,), None, lambda text: None)
    format = ChatFormat(tool_style="hermes", reasoning=THINK)
    parser = AnswerParser(format, tools=(CLOCK,), inside_reasoning=True, forced_call=call)
    parser.push(b"which one?")
    assert parser.take_forced() == ""
    parser.push(b"</think>")
    assert parser.take_forced() == '<tool_call>\n{"name": "get", "arguments": '


def test_a_call_inside_the_reasoning_makes_a_forced_one_needless() -> None:
    call = force_call("hermes", (CLOCK,), None, lambda text: None)
    format = ChatFormat(tool_style="hermes", reasoning=THINK)
    parser = AnswerParser(format, tools=(CLOCK,), inside_reasoning=True, forced_call=call)
    parser.push(b'<tool_call>{"name": "get", "arguments": {}}</tool_call></think>')
    assert parser.take_forced() == ""


def test_what_cannot_be_called_is_refused() -> None:
    with pytest.raises(BadRequest, match="no tool “other”"):
        force_call("hermes", (CLOCK,), NamedTool("other"), lambda text: None)
    with pytest.raises(BadRequest, match="has no tools"):
        force_call("hermes", (), None, lambda text: None)
    with pytest.raises(BadRequest, match="no JSON Schema"):
        force_call("hermes", (Tool("f", parameters="nope"),), None, lambda text: None)


@pytest.mark.parametrize(
    ("schema", "closed"),
    [
        ({}, {"type": "object", "properties": {}, "additionalProperties": False}),
        (
            {"properties": {"a": {"type": "object", "properties": {"b": {}}}}},
            {
                "type": "object",
                "properties": {
                    "a": {
                        "type": "object",
                        "properties": {"b": {}},
                        "additionalProperties": False,
                    }
                },
                "additionalProperties": False,
            },
        ),
        (
            {"type": "object", "properties": {"a": {}}, "additionalProperties": True},
            {"type": "object", "properties": {"a": {}}, "additionalProperties": True},
        ),
        (
            {"properties": {"free": {"type": "object"}}, "additionalProperties": False},
            {
                "type": "object",
                "properties": {"free": {"type": "object"}},
                "additionalProperties": False,
            },
        ),
        (
            {"allOf": [{"properties": {"a": {}}}, {"properties": {"b": {}}}]},
            {"allOf": [{"properties": {"a": {}}}, {"properties": {"b": {}}}]},
        ),
    ],
)
def test_objects_are_closed_where_they_do_not_say(
    schema: dict[str, Any], closed: dict[str, Any]
) -> None:
    assert arguments_schema(Tool("f", parameters=json.dumps(schema))) == closed
