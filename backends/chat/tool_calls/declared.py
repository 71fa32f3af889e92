"""What a tool's JSON Schema says of the shape of its arguments.

For syntaxes that write text where JSON has types: whether `42` is a number or a string is for the
schema to say. References, and alternatives such as `anyOf`, are followed; what restricts values
further is left to whoever runs the tool.
"""

import json
from collections.abc import Iterator
from typing import Any, TypeGuard

_MOST_STEPS = 100
"""Schemas looked at for one value; references may go in circles."""
_KINDS: dict[type, str] = {str: "string", bool: "boolean", int: "integer", type(None): "null"}


class Declared:
    """What is said of one value."""

    def __init__(self, schema: Any, root: Any = None) -> None:
        """`root` is the whole schema, which references lead into; None if this is it."""
        self._root = schema if root is None else root
        self._forms = list(_forms(schema, self._root))

    @property
    def types(self) -> frozenset[str]:
        """The types of JSON that it may have; empty where all are allowed."""
        each = [_types(form) for form in self._forms]
        return frozenset().union(*each) if all(each) else frozenset()

    def member(self, key: str) -> "Declared":
        """What is said of a member of the object."""
        for form in self._forms:
            properties = form.get("properties")
            if isinstance(properties, dict) and key in properties:
                return Declared(properties[key], self._root)
        return self._first("additionalProperties")

    def item(self) -> "Declared":
        """What is said of the items of the list."""
        return self._first("items")

    def text_as_json(self, text: str) -> str:
        """`text` as JSON: a string wherever it cannot be anything else."""
        types = self.types
        if not text and types in ({"array"}, {"object"}):
            return "[]" if "array" in types else "{}"
        try:
            value = json.loads(text, parse_constant=_refuse)
            plain = not isinstance(value, str) and text == text.strip()
        except (ValueError, RecursionError):
            plain = False
        if plain and (not types or "string" not in types or types & _kinds(value)):
            return text
        return json.dumps(text, ensure_ascii=False)

    def _first(self, keyword: str) -> "Declared":
        found = (form[keyword] for form in self._forms if isinstance(form.get(keyword), dict))
        return Declared(next(found, {}), self._root)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _forms(schema: Any, root: Any) -> Iterator[dict[str, Any]]:
    """The alternatives of a schema, without references."""
    waiting, steps = [schema], 0
    while waiting and steps < _MOST_STEPS:
        steps += 1
        form = waiting.pop(0)
        if not isinstance(form, dict):
            continue
        if isinstance(reference := form.get("$ref"), str):
            waiting.insert(0, _target(reference, root))
            continue
        parts = form.get("anyOf") or form.get("oneOf") or form.get("allOf")
        if _is_list(parts) and "type" not in form:
            waiting[:0] = parts
        else:
            yield form


def _target(reference: str, root: Any) -> Any:
    """What a reference such as `#/$defs/City` leads to; None where that is nowhere."""
    if not reference.startswith("#"):
        return None
    for name in reference[1:].split("/")[1:]:
        name = name.replace("~1", "/").replace("~0", "~")
        root = root.get(name) if isinstance(root, dict) else None
    return root


def _types(form: dict[str, Any]) -> frozenset[str]:
    declared = form.get("type")
    if isinstance(declared, str):
        return frozenset((declared,))
    if _is_list(declared):
        return frozenset(each for each in declared if isinstance(each, str))
    values = form["enum"] if _is_list(form.get("enum")) else None
    if values is None and "const" in form:
        values = [form["const"]]
    return frozenset().union(*map(_kinds, values)) if values else frozenset()


def _kinds(value: Any) -> frozenset[str]:
    """The types of a value; every number is of both kinds of numbers, however it is written."""
    if isinstance(value, dict | list):
        return frozenset(("object" if isinstance(value, dict) else "array",))
    kind = _KINDS.get(type(value), "number")
    return frozenset(("integer", "number") if kind in ("integer", "number") else (kind,))


def _is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list) and bool(value)
