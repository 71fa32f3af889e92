"""Tools, calls and results written out, for templates that have no place for them."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from backends.chat.families import ToolCallStyle
from backends.chat.turns import Call


def write_call(call: Call, style: ToolCallStyle) -> str:
    """A call as a model of this family writes it; in the general form if that is not known."""
    return _WRITERS.get(style, _general)(call)


def has_text_form(style: ToolCallStyle) -> bool:
    """Whether `write_call` knows the family's own form."""
    return style in _WRITERS


def write_result(content: str) -> str:
    """The result of a call, as a text of the user's side."""
    return f"<tool_response>\n{content}\n</tool_response>"


def describe_tools(descriptions: Sequence[dict[str, Any]], style: ToolCallStyle) -> str:
    """What a model has to be told that was not trained on descriptions of tools."""
    functions = "\n".join(_json(description["function"]) for description in descriptions)
    example = write_call(Call("", "FUNCTION", {"ARGUMENT": "VALUE"}), style)
    return (
        "You can call the following functions. Each line describes one, its parameters as "
        f"JSON Schema:\n{functions}\n\n"
        "To call a function, write this, with its name and arguments, and nothing after it:\n"
        f"{example}\n"
        "Call several functions by writing this several times. What a function returns is given "
        f"to you in this form:\n{write_result('RESULT')}\n"
        "If no function is needed, just answer."
    )


def complete_description(description: dict[str, Any]) -> dict[str, Any]:
    """The same with a type and a description of every parameter, which some templates want."""
    function = description["function"]
    parameters = function["parameters"]
    properties = {
        name: {"type": "any", "description": ""} | schema if isinstance(schema, dict) else schema
        for name, schema in parameters.get("properties", {}).items()
    }
    return description | {
        "function": function | {"parameters": parameters | {"properties": properties}}
    }


def _general(call: Call) -> str:
    return f"<tool_call>\n{_json({'name': call.name, 'arguments': call.arguments})}\n</tool_call>"


def _lfm2(call: Call) -> str:
    arguments = ", ".join(f"{name}={_json(value)}" for name, value in call.arguments.items())
    return f"<|tool_call_start|>[{call.name}({arguments})]<|tool_call_end|>"


def _granite3(call: Call) -> str:
    return f"<|tool_call|>{_json([{'name': call.name, 'arguments': call.arguments}])}"


def _deepseek_v3(call: Call) -> str:
    body = f"function<｜tool▁sep｜>{call.name}\n```json\n{_json(call.arguments)}\n```"
    return _deepseek(body)


def _deepseek_v31(call: Call) -> str:
    return _deepseek(f"{call.name}<｜tool▁sep｜>{_json(call.arguments)}")


def _deepseek(body: str) -> str:
    return (
        f"<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>{body}<｜tool▁call▁end｜><｜tool▁calls▁end｜>"
    )


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


_WRITERS: dict[ToolCallStyle, Callable[[Call], str]] = {
    "json": _general,
    "hermes": _general,
    "lfm2": _lfm2,
    "granite3": _granite3,
    "deepseek_v3": _deepseek_v3,
    "deepseek_v31": _deepseek_v31,
}
