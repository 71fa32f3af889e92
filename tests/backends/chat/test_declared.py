"""What schemas say of the types of arguments, and MiniMax M3, whose calls are only text."""

import json
from typing import Any

import pytest

from backends.chat.answer import AnswerParser
from backends.chat.families import ChatFormat
from backends.chat.tool_calls.declared import Declared
from backends.types import Tool, ToolCallDelta, ToolCallEnd

TAG = "]<]minimax[>["
SCHEMA = {
    "type": "object",
    "properties": {
        "who": {
            "type": "object",
            "properties": {"zip": {"type": "string"}, "name": {"type": "string"}},
            "additionalProperties": {"type": "string"},
        },
        "tags": {"type": "array", "items": {"type": "string"}},
        "note": {"type": ["string", "null"]},
        "one": {"type": "object"},
        "homes": {"type": "array", "items": {"$ref": "#/$defs/Home"}},
        "any": {},
    },
    "$defs": {"Home": {"type": "object", "properties": {"door": {"type": "string"}}}},
}


def element(name: str, *inside: str) -> str:
    return f"{TAG}<{name}>{''.join(inside)}{TAG}</{name}>"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (
            element("who", element("zip", "12345"), element("name", "null"), element("x", "1")),
            {"who": {"zip": "12345", "name": "null", "x": "1"}},
        ),
        (element("tags", element("item", "1"), element("item", "true")), {"tags": ["1", "true"]}),
        (element("note", "42"), {"note": "42"}),
        (element("note", "null"), {"note": None}),
        (element("one", element("item", "x")), {"one": {"item": "x"}}),
        (element("one"), {"one": {}}),
        (element("homes", element("item", element("door", "7"))), {"homes": [{"door": "7"}]}),
        (element("any", element("item", "1"), element("item", "b")), {"any": [1, "b"]}),
        (element("any", element("deep", "1")), {"any": {"deep": 1}}),
    ],
)
def test_what_is_declared_a_string_stays_one_however_deep(
    written: str, meant: dict[str, Any]
) -> None:
    call = f'{TAG}<tool_call>{TAG}<invoke name="f">{written}{TAG}</invoke>{TAG}</tool_call>'
    tool = Tool("f", "", json.dumps(SCHEMA))
    parser = AnswerParser(ChatFormat("minimax-m3", "minimax_m3"), tools=(tool,))
    events = parser.push(call.encode()) + parser.finish()
    arguments = "".join(each.arguments for each in events if isinstance(each, ToolCallDelta))
    assert json.loads(arguments) == meant
    assert [each.complete for each in events if isinstance(each, ToolCallEnd)] == [True]


@pytest.mark.parametrize(
    ("schema", "types"),
    [
        ({}, set()),
        ({"type": "string"}, {"string"}),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, {"string", "null"}),
        ({"anyOf": [{"type": "string"}, {}]}, set()),
        ({"enum": ["1", "2"]}, {"string"}),
        ({"const": None}, {"null"}),
        ({"allOf": [{"$ref": "#/$defs/a~1b"}], "$defs": {"a/b": {"type": "array"}}}, {"array"}),
        ({"$ref": "#"}, set()),
        ({"$ref": "#/nowhere"}, set()),
        ({"type": 7, "anyOf": 7, "enum": 7}, set()),
        (["no schema"], set()),
    ],
)
def test_the_types_of_a_value(schema: Any, types: set[str]) -> None:
    assert Declared(schema).types == types


@pytest.mark.parametrize("text", ["NaN", "-Infinity", "01", " 1", '"a"', "[1", "[" * 20_000, ""])
def test_what_is_no_json_is_a_string(text: str) -> None:
    assert json.loads(Declared({}).text_as_json(text)) == text


@pytest.mark.parametrize(
    ("types", "text", "json_text"),
    [
        (["integer", "string"], "5", "5"),
        (["number", "string"], "5", "5"),
        (["boolean", "string"], "5", '"5"'),
        ("integer", "5.5", "5.5"),
        ("array", "[1, 2]", "[1, 2]"),
        (["string", "null"], "[1, 2]", '"[1, 2]"'),
        ("array", "", "[]"),
        ("object", "", "{}"),
        ("string", "", '""'),
    ],
)
def test_the_schema_says_whether_a_text_is_a_string(types: Any, text: str, json_text: str) -> None:
    assert Declared({"type": types}).text_as_json(text) == json_text
