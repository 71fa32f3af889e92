"""The schema of a tool's arguments, made strict enough to generate by."""

import json
from typing import Any

from backends.errors import BadRequest
from backends.types import Tool

_SCHEMA_MAPS = ("properties", "patternProperties", "$defs", "definitions")
_SCHEMA_LISTS = ("anyOf", "oneOf", "prefixItems")
_SCHEMAS = ("items", "additionalProperties")


def arguments_schema(tool: Tool) -> dict[str, Any]:
    """The JSON Schema of the arguments, an object without any keys it does not name.

    Objects further inside are closed as well where they name keys and do not say otherwise: a
    small model adds keys for ever. Raises `BadRequest` where it is no JSON Schema.
    """
    try:
        schema = json.loads(tool.parameters)
    except ValueError:
        schema = None
    if not isinstance(schema, dict):
        raise BadRequest(f"The parameters of the tool “{tool.name}” are no JSON Schema.")
    closed: dict[str, Any] = _closed(schema)
    if not closed.keys() & {"$ref", "anyOf", "oneOf", "allOf"}:
        closed.setdefault("type", "object")
        closed.setdefault("properties", {})
        closed.setdefault("additionalProperties", False)
    return closed


def _closed(schema: Any) -> Any:
    """A copy. Parts of an `allOf` stay open: each would forbid the keys of the others."""
    if not isinstance(schema, dict):
        return schema
    copy = dict(schema)
    for key in _SCHEMA_MAPS:
        if isinstance(schema.get(key), dict):
            copy[key] = {name: _closed(part) for name, part in schema[key].items()}
    for key in _SCHEMA_LISTS:
        if isinstance(schema.get(key), list):
            copy[key] = [_closed(part) for part in schema[key]]
    for key in _SCHEMAS:
        if key in schema:
            copy[key] = _closed(schema[key])
    if schema.get("properties") and not schema.keys() & {"allOf", "patternProperties"}:
        copy.setdefault("additionalProperties", False)
    return copy
