"""JSON schemas made ready for llguidance: read, bounded, closed."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from backends.constraints.limits import (
    MAX_PATTERN,
    MAX_SCHEMA,
    MAX_SCHEMA_DEPTH,
    check_length,
    check_repetition,
)
from backends.errors import BadRequest

JSON_OBJECT = '{"type": "object"}'
"""The schema of any JSON object."""

Schema = dict[str, Any]

_VALUES = ("additionalProperties", "items", "additionalItems")
"""Keywords whose value is the schema of a value inside this one."""
_NAMED_VALUES = ("properties", "patternProperties")
_LISTED_VALUES = ("items", "prefixItems")
_BRANCHES = ("allOf", "anyOf", "oneOf")
_CONDITIONS = ("if", "then", "else", "dependentSchemas")


def prepare(text: str) -> str:
    """A schema as llguidance shall have it, as text; see `close_objects`.

    Raises:
        BadRequest: it is not a JSON schema, or over a limit of size.
    """
    check_length(text, MAX_SCHEMA, "The JSON schema")
    try:
        schema = json.loads(text)
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:
        raise BadRequest("The schema is not valid JSON.", str(error)) from None
    if isinstance(schema, bool):  # true allows everything, false nothing
        schema = {} if schema else {"not": {}}
    if not isinstance(schema, dict) or schema == {"not": {}}:
        raise BadRequest("A JSON schema must be an object, and allow something.")
    _check_depth(schema)
    schema.pop("x-guidance", None)  # options of llguidance, which are not a caller's to set
    for pattern in _patterns(schema):
        check_length(pattern, MAX_PATTERN, "A pattern in the JSON schema")
        check_repetition(pattern, "A pattern in the JSON schema")
    close_objects(schema)
    return json.dumps(schema)


def close_objects(schema: Schema) -> None:
    """Add `additionalProperties: false` to objects that list their properties, in place.

    JSON Schema allows any further members, and a small model may add them for ever. An object
    that says something about further members is left alone, and so is one whose properties are
    spread over several schemas (`allOf`, `$ref` or `anyOf` beside `properties`): closing a part
    would refuse the members of the other parts.
    """
    closed: list[Schema] = []
    left_open: set[int] = set()
    seen: set[tuple[int, bool]] = set()
    waiting: list[tuple[Any, bool]] = [(schema, False)]
    while waiting:
        item, is_part = waiting.pop()
        if not isinstance(item, dict) or (id(item), is_part) in seen:
            continue
        seen.add((id(item), is_part))
        spread = is_part or _is_spread(item)
        if spread:
            left_open.add(id(item))
        else:
            closed.append(item)
        waiting += ((value, False) for value in _inner_values(item))
        waiting += ((branch, spread) for branch in _branches(item))
        if "$ref" in item:
            waiting.append((_resolve(schema, item["$ref"]), spread))
    for item in closed:
        if id(item) not in left_open and isinstance(item.get("properties"), dict):
            item.setdefault("additionalProperties", False)


def _is_spread(schema: Schema) -> bool:
    """Whether several schemas together say which members one object has."""
    sources = sum(key in schema for key in ("properties", "$ref", "anyOf", "oneOf"))
    sources += len(schema["allOf"]) if isinstance(schema.get("allOf"), list) else 0
    return sources > 1 or any(key in schema for key in _CONDITIONS)


def _branches(schema: Schema) -> Iterator[Any]:
    """Schemas of the same value."""
    for key in _BRANCHES:
        if isinstance(branches := schema.get(key), list):
            yield from branches


def _inner_values(schema: Schema) -> Iterator[Any]:
    """Schemas of values inside the value."""
    for key in _VALUES:
        yield schema.get(key)
    for key in _LISTED_VALUES:
        if isinstance(values := schema.get(key), list):
            yield from values
    for key in _NAMED_VALUES:
        if isinstance(values := schema.get(key), dict):
            yield from values.values()


def _resolve(root: Schema, reference: object) -> Any:
    """What a reference within the schema points to (RFC 6901); None for all others."""
    if not isinstance(reference, str) or not reference.startswith("#"):
        return None
    found: Any = root
    for part in unquote(reference[1:]).split("/")[1:]:
        if not isinstance(found, dict):
            return None
        found = found.get(part.replace("~1", "/").replace("~0", "~"))
    return found


def _check_depth(schema: Schema) -> None:
    level: list[Any] = [schema]
    for _ in range(MAX_SCHEMA_DEPTH):
        level = [value for item in level for value in _members(item)]
        if not level:
            return
    raise _too_deep()


def _members(value: Any) -> list[Any]:
    """Objects and arrays directly inside `value`."""
    members = value.values() if isinstance(value, dict) else value
    return [member for member in members if isinstance(member, dict | list)]


def _too_deep() -> BadRequest:
    return BadRequest(
        f"The JSON schema is nested more than {MAX_SCHEMA_DEPTH} levels deep. "
        "Move inner parts into $defs and refer to them."
    )


def _patterns(schema: Schema) -> Iterator[str]:
    """Everything in the schema that can be a regular expression."""
    waiting: list[Any] = [schema]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if isinstance(pattern := item.get("pattern"), str):
                yield pattern
            if isinstance(named := item.get("patternProperties"), dict):
                yield from named
        waiting += _members(item)
