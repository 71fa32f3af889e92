"""Schemas as people write them, each with documents that it allows and documents it refuses.

Where the constraint is meant to differ from the schema, a field of the case says how.
"""

import json
from dataclasses import dataclass
from typing import Any


class Text(str):
    """A document given as it is written."""


@dataclass(frozen=True)
class Case:
    name: str
    schema: Any
    valid: tuple[Any, ...] = ()
    invalid: tuple[Any, ...] = ()
    stricter: tuple[Any, ...] = ()
    """Valid documents that the constraint refuses all the same."""
    not_enforced: tuple[str, ...] = ()
    let_through: tuple[Any, ...] = ()
    """Invalid documents that it allows, because the feature above is not enforced."""
    refused: str = ""
    """What the error names if the schema cannot be used."""

    @property
    def exact(self) -> bool:
        return not (self.stricter or self.not_enforced or self.refused)


def document(value: Any) -> str:
    """A document as a model would write it."""
    return str(value) if isinstance(value, Text) else json.dumps(value, ensure_ascii=False)


def _object(properties: dict[str, Any], required: list[str] | None = None, **more: Any) -> Any:
    required = list(properties) if required is None else required
    return {"type": "object", "properties": properties, "required": required, **more}


STRING, INTEGER = {"type": "string"}, {"type": "integer"}
PERSON = _object({"name": STRING, "age": INTEGER})
NODE = _object(
    {"value": INTEGER, "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}}}, ["value"]
)


def _deep(levels: int) -> tuple[Any, Any, Any]:
    schema: Any = INTEGER
    good: Any = 1
    bad: Any = "x"
    for _ in range(levels):
        schema, good, bad = _object({"a": schema}), {"a": good}, {"a": bad}
    return schema, good, bad


_DEEP = _deep(30)

CASES = (
    Case(
        "object, required",
        PERSON,
        valid=({"name": "Ava", "age": 25}, Text('{"name":"Ava","age":25}')),
        invalid=({"name": "Ava"}, {"name": "Ava", "age": "25"}, {}, [], "Ava"),
    ),
    Case(
        "object, key order swapped",
        PERSON,
        valid=({"name": "Ava", "age": 25},),
        stricter=({"age": 25, "name": "Ava"},),
    ),
    Case(
        "optional properties",
        _object({"a": STRING, "b": INTEGER}, ["a"]),
        valid=({"a": "x"}, {"a": "x", "b": 1}),
        invalid=({"b": 1}, {}, {"a": "x", "b": "1"}),
    ),
    Case(
        "all optional",
        _object({"a": STRING, "b": INTEGER}, []),
        valid=({}, {"a": "x"}, {"b": 1}, {"a": "x", "b": 1}),
        invalid=({"a": 1}, 1),
    ),
    Case(
        "additionalProperties default",
        _object({"a": INTEGER}),
        valid=({"a": 1},),
        invalid=({"b": 1},),
        stricter=({"a": 1, "b": 2},),
    ),
    Case(
        "additionalProperties false",
        _object({"a": INTEGER}, additionalProperties=False),
        valid=({"a": 1},),
        invalid=({"a": 1, "b": 2},),
    ),
    Case(
        "additionalProperties true",
        _object({"a": INTEGER}, additionalProperties=True),
        valid=({"a": 1}, {"a": 1, "b": [None, "x"]}),
        invalid=({"a": "1"},),
    ),
    Case(
        "additionalProperties typed",
        _object({"a": INTEGER}, additionalProperties=STRING),
        valid=({"a": 1, "b": "x"},),
        invalid=({"a": 1, "b": 2},),
    ),
    Case(
        "map (only additionalProperties)",
        {"type": "object", "additionalProperties": INTEGER},
        valid=({}, {"x": 1, "y z": 2}),
        invalid=({"x": "1"}, [1]),
    ),
    Case("empty schema {}", {}, valid=(1, "x", None, [1, {}], {"a": True}), invalid=(Text("x"),)),
    Case(
        "true schema as property",
        _object({"a": True}),
        valid=({"a": 1}, {"a": {"b": []}}),
        invalid=({},),
    ),
    Case("boolean schema true", True, valid=(1, {"a": "b"}), invalid=(Text("{]"),)),
    Case("type object only", {"type": "object"}, valid=({}, {"a": {"b": 1}}), invalid=([], 1)),
    Case(
        "object, no properties, false",
        {"type": "object", "additionalProperties": False},
        valid=({},),
        invalid=({"a": 1},),
    ),
    Case("type array only", {"type": "array"}, valid=([], [1, "x", {}]), invalid=({}, "x")),
    Case(
        "array items",
        {"type": "array", "items": INTEGER},
        valid=([], [1, 2, -3]),
        invalid=(["x"], [1.5], [1, None]),
    ),
    Case(
        "minItems/maxItems",
        {"type": "array", "items": INTEGER, "minItems": 2, "maxItems": 3},
        valid=([1, 2], [1, 2, 3]),
        invalid=([1], [1, 2, 3, 4], []),
    ),
    Case(
        "minItems 0 maxItems 0",
        {"type": "array", "items": INTEGER, "minItems": 0, "maxItems": 0},
        valid=([],),
        invalid=([1],),
    ),
    Case(
        "minItems without items",
        {"type": "array", "minItems": 1},
        valid=([1], ["x", {}]),
        invalid=([],),
    ),
    Case(
        "maxItems 500",
        {"type": "array", "items": {"type": "boolean"}, "maxItems": 500},
        valid=([], [True] * 500),
        invalid=([True] * 501,),
    ),
    Case(
        "uniqueItems",
        {"type": "array", "items": INTEGER, "uniqueItems": True},
        valid=([1, 2],),
        invalid=(["x"],),
        not_enforced=("uniqueItems",),
        let_through=([1, 1],),
    ),
    Case(
        "prefixItems tuple",
        {"type": "array", "prefixItems": [STRING, INTEGER], "items": False, "minItems": 2},
        valid=(["x", 1],),
        invalid=([1, "x"], ["x"], ["x", 1, 2]),
    ),
    Case(
        "prefixItems + items",
        {"type": "array", "prefixItems": [STRING], "items": INTEGER, "minItems": 1},
        valid=(["x"], ["x", 1, 2]),
        invalid=(["x", "y"], [1]),
    ),
    Case(
        "contains",
        {"type": "array", "contains": INTEGER},
        valid=([1], ["x", 1]),
        invalid=({},),
        not_enforced=("contains",),
        let_through=(["x"],),
    ),
    Case(
        "enum strings",
        {"enum": ["red", "green"]},
        valid=("red", "green"),
        invalid=("blue", "re", "redd", 1),
    ),
    Case(
        "enum mixed types",
        {"enum": ["a", 1, None, True, [1]]},
        valid=("a", 1, None, True),
        invalid=("b", 2, False),
    ),
    Case(
        "enum unicode", {"enum": ["Zürich", "東京"]}, valid=("Zürich", "東京"), invalid=("Zurich",)
    ),
    Case("enum emoji", {"enum": ["👍", "👎🏽"]}, valid=("👍", "👎🏽"), invalid=("👎",)),
    Case("enum with quote", {"enum": ['say "hi"', "x"]}, valid=('say "hi"', "x"), invalid=("say",)),
    Case("enum with backslash", {"enum": ["C:\\temp"]}, valid=("C:\\temp",), invalid=("C:temp",)),
    Case("enum with newline", {"enum": ["a\nb"]}, valid=("a\nb",), invalid=(Text('"a\nb"'), "ab")),
    Case(
        "enum inside object",
        _object({"color": {"type": "string", "enum": ["red", "green"]}}),
        valid=({"color": "red"},),
        invalid=({"color": "blue"}, {}),
    ),
    Case("const", {"const": "yes"}, valid=("yes",), invalid=("no", "")),
    Case(
        "const object",
        {"const": {"a": [1, 2]}},
        valid=({"a": [1, 2]},),
        invalid=({"a": [1]}, {"a": [2, 1]}),
    ),
    Case(
        "type list",
        {"type": ["string", "integer", "null"]},
        valid=("x", 1, None),
        invalid=(True, 1.5, [], {}),
    ),
    Case(
        "nullable via anyOf",
        {"anyOf": [PERSON, {"type": "null"}]},
        valid=({"name": "x", "age": 1}, None),
        invalid=({"name": "x"}, 1, {"name": "x", "age": 1, "b": 2}),
    ),
    Case(
        "type list with enum",
        {"type": ["string", "null"], "enum": ["a", None]},
        valid=("a", None),
        invalid=("b", 1),
    ),
    Case(
        "type list keeps minLength",
        {"type": ["string", "null"], "minLength": 3},
        valid=("abc", None),
        invalid=("ab", 1),
    ),
    Case(
        "oneOf objects",
        {
            "oneOf": [
                _object({"kind": {"const": "cat"}, "lives": INTEGER}),
                _object({"kind": {"const": "dog"}, "tricks": STRING}),
            ]
        },
        valid=({"kind": "cat", "lives": 9}, {"kind": "dog", "tricks": "roll"}),
        invalid=({"kind": "cat", "tricks": "x"}, {"kind": "cow"}),
    ),
    Case(
        "oneOf + sibling properties",
        {
            "type": "object",
            "properties": {"a": INTEGER},
            "required": ["a"],
            "oneOf": [_object({"b": STRING}), _object({"c": STRING})],
        },
        valid=({"a": 1, "b": "x"}, {"a": 1, "c": "x"}),
        invalid=({"a": 1}, {"b": "x"}),
        not_enforced=("oneOf",),
        let_through=({"a": 1, "b": "x", "c": "y"},),
    ),
    Case(
        "allOf merge",
        {"allOf": [_object({"a": INTEGER}), _object({"b": STRING})]},
        valid=({"a": 1, "b": "x"},),
        invalid=({"a": 1}, {"b": "x"}, {"a": "1", "b": "x"}),
    ),
    Case(
        "allOf keeps optional",
        {"allOf": [_object({"a": INTEGER}), _object({"b": STRING}, [])]},
        valid=({"a": 1}, {"a": 1, "b": "x"}),
        invalid=({"b": "x"}, {"a": 1, "b": 2}),
    ),
    Case(
        "allOf $ref + properties",
        {
            "$defs": {"Base": _object({"id": INTEGER})},
            "allOf": [{"$ref": "#/$defs/Base"}],
            "properties": {"name": STRING},
            "required": ["name"],
        },
        valid=({"id": 1, "name": "x"},),
        invalid=({"id": 1}, {"name": "x"}),
        stricter=({"name": "x", "id": 1},),
    ),
    Case(
        "not",
        {"type": "integer", "not": {"const": 3}},
        valid=(1,),
        invalid=("x",),
        not_enforced=("not",),
        let_through=(3,),
    ),
    Case(
        "if/then/else",
        _object(
            {"a": INTEGER, "b": INTEGER},
            ["a"],
            **{"if": {"properties": {"a": {"const": 1}}}, "then": {"required": ["b"]}},
        ),
        valid=({"a": 2}, {"a": 1, "b": 2}),
        invalid=({"b": 1},),
        not_enforced=("if", "then"),
        let_through=({"a": 1},),
    ),
    Case(
        "$ref $defs",
        {"$defs": {"P": PERSON}, "type": "array", "items": {"$ref": "#/$defs/P"}},
        valid=([], [{"name": "x", "age": 1}]),
        invalid=([{"name": "x"}], [{"name": "x", "age": 1, "b": 2}]),
    ),
    Case(
        "$ref definitions",
        {"definitions": {"P": PERSON}, "$ref": "#/definitions/P"},
        valid=({"name": "x", "age": 1},),
        invalid=({"name": "x"}, {"name": "x", "age": 1, "b": 2}),
    ),
    Case(
        "$ref with description sibling",
        {
            "$defs": {"P": PERSON},
            **_object({"p": {"$ref": "#/$defs/P", "description": "somebody"}}),
        },
        valid=({"p": {"name": "x", "age": 1}},),
        invalid=({"p": {"name": "x"}}, {"p": {"name": "x", "age": 1, "b": 2}}),
    ),
    Case(
        "$ref two paths, same last name",
        {
            "$defs": {"a": {"$defs": {"X": STRING}}, "b": {"$defs": {"X": INTEGER}}},
            **_object({"s": {"$ref": "#/$defs/a/$defs/X"}, "i": {"$ref": "#/$defs/b/$defs/X"}}),
        },
        valid=({"s": "x", "i": 1},),
        invalid=({"s": 1, "i": 1}, {"s": "x", "i": "y"}),
    ),
    Case(
        "recursive $ref",
        {"$defs": {"Node": NODE}, "$ref": "#/$defs/Node"},
        valid=({"value": 1}, {"value": 1, "children": [{"value": 2, "children": []}]}),
        invalid=({"value": 1, "children": [3]}, {"children": []}),
    ),
    Case(
        "recursive $ref, name with _",
        {
            "$defs": {"tree_node": _object({"next": {"$ref": "#/$defs/tree_node"}}, [])},
            "$ref": "#/$defs/tree_node",
        },
        valid=({}, {"next": {"next": {}}}),
        invalid=({"next": 1},),
    ),
    Case(
        '$ref "#"',
        _object({"v": INTEGER, "next": {"$ref": "#"}}, ["v"]),
        valid=({"v": 1, "next": {"v": 2}},),
        invalid=({"v": 1, "next": {}},),
    ),
    Case(
        "$ref external URL",
        {"$ref": "https://example.invalid/s.json"},
        refused="https://example.invalid/s.json",
    ),
    Case(
        "$ref with escaped path ~1",
        {"$defs": {"a/b": _object({"x": INTEGER})}, "$ref": "#/$defs/a~1b"},
        valid=({"x": 1},),
        invalid=("x", {"x": 1, "y": 2}),
    ),
    Case(
        "pattern simple",
        {"type": "string", "pattern": "^[a-z]{2}-[0-9]{3}$"},
        valid=("ab-123",),
        invalid=("ab-12", "AB-123", "ab-1234"),
    ),
    Case(
        "pattern unanchored",
        {"type": "string", "pattern": "b+"},
        valid=("abba", "b", "xbx"),
        invalid=("aaa", ""),
    ),
    Case(
        r"pattern \d \w",
        {"type": "string", "pattern": r"^\d{2}\w$"},
        valid=("12a", "12_"),
        invalid=("1a", "12-"),
    ),
    Case(
        "pattern alternation",
        {"type": "string", "pattern": "^(cat|dog)s?$"},
        valid=("cat", "dogs"),
        invalid=("cow", "catss"),
    ),
    Case(
        "pattern top-level alternation",
        {"type": "string", "pattern": "^a$|^b$"},
        valid=("a", "b"),
        invalid=("c", "ab"),
    ),
    Case(
        "pattern lookahead",
        {"type": "string", "pattern": "(?=.*a)[a-z]+"},
        refused="look-around",
    ),
    Case(
        "pattern lazy, class escape",
        {"type": "string", "pattern": r"^[\w.]+?@[\w.]+$"},
        valid=("a.b@c.d",),
        invalid=("a.b", "@c"),
    ),
    Case(
        "pattern with dot",
        {"type": "string", "pattern": "^a.c$"},
        valid=("abc", "aéc"),
        invalid=("ac", "abbc"),
    ),
    Case(
        "minLength/maxLength",
        {"type": "string", "minLength": 2, "maxLength": 4},
        valid=("ab", "abcd", "äöüß"),
        invalid=("a", "abcde"),
    ),
    Case(
        "maxLength 3000",
        {"type": "string", "maxLength": 3000},
        valid=("", "a" * 3000),
        invalid=("a" * 3001,),
    ),
    Case("minLength 1 without type", {"minLength": 1}, valid=("a", 1, []), invalid=("",)),
    Case(
        "format date",
        {"type": "string", "format": "date"},
        valid=("2026-02-28",),
        invalid=("2026-13-01", "28.2.2026"),
    ),
    Case(
        "format date-time",
        {"type": "string", "format": "date-time"},
        valid=("2026-02-28T12:30:00Z", "2026-02-28T12:30:00.5+02:00"),
        invalid=("2026-02-28", "2026-02-28 noon"),
    ),
    Case(
        "format uuid",
        {"type": "string", "format": "uuid"},
        valid=("123e4567-e89b-12d3-a456-426614174000",),
        invalid=("123e4567", "123e4567-e89b-12d3-a456-42661417400g"),
    ),
    Case(
        "format email",
        {"type": "string", "format": "email"},
        valid=("ava@example.org",),
        invalid=("ava", "ava@"),
    ),
    Case(
        "integer min/max",
        {"type": "integer", "minimum": -5, "maximum": 120},
        valid=(-5, 0, 99, 120),
        invalid=(-6, 121, 1000),
    ),
    Case(
        "number min/max",
        {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
        valid=(0.5, 1, 0.001),
        invalid=(-0.1, 1.5, 0),
    ),
    Case("multipleOf", {"type": "integer", "multipleOf": 5}, valid=(0, 15, 100), invalid=(3, 101)),
    Case(
        "big integer",
        INTEGER,
        valid=(123456789012345678901234567890, -98765432109876543210),
        invalid=(1.5, Text("01")),
    ),
    Case(
        "number forms",
        {"type": "number"},
        valid=(Text("-1.5e+10"), Text("0.25"), Text("1E5"), 7),
        invalid=(Text(".5"), Text("+1"), Text("1."), Text("NaN")),
    ),
    Case(
        "string escapes, unicode",
        STRING,
        valid=(
            'tab\t"quote" \\ back',
            "日本語 👍",
            Text(r'"\u0007"'),
            Text(r'"\u00e9 \ud83d\ude00"'),
        ),
        invalid=(Text('"a\tb"'), Text('"a\nb"'), Text(r'"\x"'), Text(r'"\ud83d"')),
    ),
    Case(
        "property names unicode/quote",
        _object({"größe": INTEGER, 'a"b': INTEGER, "👍": INTEGER}),
        valid=({"größe": 1, 'a"b': 2, "👍": 3},),
        invalid=({"größe": 1},),
    ),
    Case(
        "property names reserved",
        _object({"properties": INTEGER, "$ref": STRING, "type": STRING, "root": INTEGER}),
        valid=({"properties": 1, "$ref": "x", "type": "y", "root": 2},),
        invalid=({"properties": "1", "$ref": "x", "type": "y", "root": 2},),
    ),
    Case(
        "property names a_b and a-b",
        _object({"a_b": INTEGER, "a-b": STRING}),
        valid=({"a_b": 1, "a-b": "x"},),
        invalid=({"a_b": "x", "a-b": 1},),
    ),
    Case(
        "patternProperties",
        {
            "type": "object",
            "patternProperties": {"^n_": INTEGER},
            "additionalProperties": False,
        },
        valid=({}, {"n_a": 1, "n_b": 2}),
        invalid=({"n_a": "x"}, {"m": 1}),
    ),
    Case(
        "minProperties",
        {"type": "object", "additionalProperties": INTEGER, "minProperties": 1},
        valid=({"a": 1},),
        invalid=({},),
    ),
    Case(
        "required without properties",
        {"type": "object", "required": ["a"]},
        valid=({"a": 1}, {"a": 1, "b": 2}),
        invalid=({}, {"b": 1}),
    ),
    Case(
        "dependentRequired",
        _object({"a": INTEGER, "b": INTEGER}, [], dependentRequired={"a": ["b"]}),
        valid=({"a": 1, "b": 2}, {}),
        invalid=({"a": "x"},),
        not_enforced=("dependentRequired",),
        let_through=({"a": 1},),
    ),
    Case("nesting 30 deep", _DEEP[0], valid=(_DEEP[1],), invalid=(_DEEP[2],)),
    Case(
        "40 optional properties",
        _object({f"p{number}": INTEGER for number in range(40)}, []),
        valid=({}, {"p0": 1, "p39": 2}, {f"p{number}": number for number in range(40)}),
        invalid=({"p40": 1}, {"p3": "x"}),
    ),
    Case(
        "pydantic Optional default",
        _object(
            {
                "name": {"title": "Name", "type": "string"},
                "nick": {
                    "anyOf": [{"type": "string"}, {"type": "null"}],
                    "default": None,
                    "title": "Nick",
                },
            },
            ["name"],
            title="User",
        ),
        valid=({"name": "x"}, {"name": "x", "nick": None}, {"name": "x", "nick": "y"}),
        invalid=({"nick": None}, {"name": "x", "nick": 1}),
    ),
    Case(
        "zod const union nullable",
        {
            "$schema": "http://json-schema.org/draft-07/schema#",
            **_object(
                {
                    "level": {
                        "anyOf": [
                            {"type": "string", "const": "low"},
                            {"type": "string", "const": "high"},
                            {"type": "null"},
                        ]
                    }
                },
                additionalProperties=False,
            ),
        },
        valid=({"level": "low"}, {"level": None}),
        invalid=({"level": "mid"}, {}),
    ),
)
