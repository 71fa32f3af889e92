"""The values of `--set` and `--load`: read as their setting wants them, or told in plain words."""

import json
from difflib import get_close_matches
from typing import Any

import msgspec
from msgspec import inspect

_LISTS = {
    "logit_bias": "[[42, -100]]",
    "lora": '[{"path": "style.gguf", "scale": 0.5}]',
    "tensor_split": "[3, 1]",
}
"""How lists of more than texts are written."""


def read_value(text: str, wanted: Any) -> object:
    """What was written for a setting of the type `wanted`, in JSON's types.

    A text stands for itself where no JSON is meant, and for a list of one where texts are listed.
    """
    value = _value(text)
    kind = _without_none(inspect.type_info(wanted))
    if isinstance(kind, inspect.StrType) and not isinstance(value, str | None):
        return text  # a name may look like a number
    listed = isinstance(kind, inspect.VarTupleType) and isinstance(kind.item_type, inspect.StrType)
    if listed and not isinstance(value, list):
        return [value if isinstance(value, str) else text]
    return value


def objection(name: str, value: object, wanted: Any) -> str:
    """Why a setting cannot have this value, in a sentence; "" where it can."""
    try:
        msgspec.convert(value, wanted)
    except msgspec.ValidationError:
        return f"{name} is {_described(name, inspect.type_info(wanted))}."
    return ""


def meant_name(name: str, known: list[str]) -> str:
    """The setting that was probably meant; "" if none is near."""
    near = get_close_matches(name, known, 1)
    begun = sorted(each for each in known if name and each.startswith(name))
    return next(iter([*near, *begun]), "")


def _value(text: str) -> object:
    """JSON where it is some, else the text itself; also where nobody could read the JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _without_none(kind: inspect.Type) -> inspect.Type:
    if not isinstance(kind, inspect.UnionType):
        return kind
    return next(each for each in kind.types if not isinstance(each, inspect.NoneType))


def _described(name: str, kind: inspect.Type) -> str:
    """What a value must be, as the end of a sentence."""
    match kind:
        case inspect.UnionType():
            return f"{_described(name, _without_none(kind))}, or null for the standard"
        case inspect.IntType():
            return f"a whole number{_bounds(kind)}"
        case inspect.FloatType():
            return _bounds(kind).removeprefix(" ") or "a number"
        case inspect.BoolType():
            return "true or false"
        case inspect.LiteralType():
            return f"one of {', '.join(map(str, kind.values))}"
        case inspect.VarTupleType():
            example = _LISTS.get(name, '["one", "two"]')
            most = f" of at most {kind.max_length}" if kind.max_length else ""
            return f"a list{most}, such as '{example}'{_item_length(kind.item_type)}"
        case _:
            return "a text"


def _bounds(kind: inspect.IntType | inspect.FloatType) -> str:
    if kind.ge is None:
        return ""
    least = f"{kind.ge:,.10g}"
    return f" of {least} or more" if kind.le is None else f" between {least} and {kind.le:,.10g}"


def _item_length(item: inspect.Type) -> str:
    if isinstance(item, inspect.StrType) and item.max_length:
        return f", with texts of at most {item.max_length} characters"
    return ""
