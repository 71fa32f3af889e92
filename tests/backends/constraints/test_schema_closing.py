"""How schemas are made ready."""

import json
from typing import Any

import pytest

from backends.constraints.limits import MAX_SCHEMA, MAX_SCHEMA_DEPTH
from backends.constraints.schema import prepare
from backends.errors import BadRequest


def prepared(schema: Any) -> Any:
    return json.loads(prepare(json.dumps(schema)))


def test_objects_are_closed_where_the_schema_says_nothing() -> None:
    inner = {"type": "object", "properties": {"b": {}}}
    result = prepared({"properties": {"a": inner, "list": {"items": inner}}})
    assert result["additionalProperties"] is False
    assert result["properties"]["a"]["additionalProperties"] is False
    assert result["properties"]["list"]["items"]["additionalProperties"] is False


def test_what_the_schema_says_of_further_members_stays() -> None:
    assert prepared({"properties": {"a": {}}, "additionalProperties": True}) == {
        "properties": {"a": {}},
        "additionalProperties": True,
    }


def test_a_property_called_properties_is_no_list_of_properties() -> None:
    result = prepared({"properties": {"properties": {"type": "object"}}})
    assert result["properties"] == {"properties": {"type": "object"}}


@pytest.mark.parametrize("key", ["allOf", "anyOf", "oneOf"])
def test_parts_of_one_object_stay_open(key: str) -> None:
    part: dict[str, object] = {"properties": {"b": {}}}
    schema = {"properties": {"a": {}}, key: [part]}
    assert prepared(schema) == schema


def test_a_definition_that_is_a_part_somewhere_stays_open_everywhere() -> None:
    schema = {
        "$defs": {"Base": {"properties": {"a": {}}}},
        "anyOf": [
            {"$ref": "#/$defs/Base"},
            {"allOf": [{"$ref": "#/$defs/Base"}, {"properties": {"b": {}}}]},
        ],
    }
    assert prepared(schema) == schema


def test_a_definition_that_stands_alone_is_closed() -> None:
    schema = {"$defs": {"a/b": {"properties": {"a": {}}}}, "$ref": "#/$defs/a~1b"}
    assert prepared(schema)["$defs"]["a/b"]["additionalProperties"] is False


def test_the_order_of_members_stays() -> None:
    assert list(prepared({"properties": {"z": {}, "a": {}}})["properties"]) == ["z", "a"]


def test_options_of_the_library_cannot_be_set_by_the_schema() -> None:
    assert "x-guidance" not in prepared({"type": "object", "x-guidance": {"lenient": False}})


@pytest.mark.parametrize("reference", ["#/nowhere/at/all", "#/type/0", 3, "#", "#anchor"])
def test_odd_references_do_no_harm(reference: object) -> None:
    schema = {"type": "object", "$ref": reference}
    assert prepared(schema) == schema


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not valid JSON"),
        ("{", "not valid JSON"),
        ("[1]", "must be an object"),
        ("false", "allow something"),
        ("[" * 100_000, "levels deep"),
        ('{"a":' * MAX_SCHEMA_DEPTH + "{}" + "}" * MAX_SCHEMA_DEPTH, "levels deep"),
        ('{"enum": ["' + "a" * MAX_SCHEMA + '"]}', "too long"),
        ('{"pattern": "(a{1000}){1000}"}', "1,000,000 times"),
        ('{"items": {"patternProperties": {"a{99999}": {}}}}', "99,999 times"),
        ('{"pattern": "' + "a" * 5000 + '"}', "too long"),
    ],
)
def test_a_schema_beyond_the_limits_is_refused(text: str, words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        prepare(text)
