"""A conversation on its way to the template: arguments parsed, control tokens marked."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from backends.errors import BadRequest
from backends.types import ChatMessage, Role, Tool, ToolCall

Mark = Callable[[str], str]
"""Puts markers around control tokens in a text."""


@dataclass(frozen=True)
class Call:
    """A call of a tool."""

    id: str
    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Turn:
    """One turn of a conversation."""

    role: Role
    content: str
    reasoning: str = ""
    calls: tuple[Call, ...] = ()
    call_id: str = ""
    """Of a result: the call it answers."""
    name: str = ""
    """Of a result: the tool's name."""


def to_turn(message: ChatMessage, mark: Mark, images: str = "") -> Turn:
    """`message` with every text in it marked; `images` stands for its images, before the text.

    Raises `BadRequest` for arguments that are not a JSON object.
    """
    return Turn(
        role=message.role,
        content=images + mark(message.content),
        reasoning=mark(message.reasoning),
        calls=tuple(_to_call(call, mark) for call in message.tool_calls),
        call_id=mark(message.tool_call_id),
        name=mark(message.name),
    )


def to_description(tool: Tool, mark: Mark) -> dict[str, Any]:
    """`tool` as OpenAI's API describes one, which is what templates expect.

    Raises `BadRequest` for parameters that are not a JSON object.
    """
    parameters = _parse_object(tool.parameters, f"The parameters of the tool “{tool.name}”")
    function = {
        "name": mark(tool.name),
        "description": mark(tool.description),
        "parameters": _marked(parameters, mark),
    }
    return {"type": "function", "function": function}


def to_descriptions(tools: Sequence[Tool], mark: Mark) -> list[dict[str, Any]]:
    """`to_description` of each."""
    return [to_description(tool, mark) for tool in tools]


def _to_call(call: ToolCall, mark: Mark) -> Call:
    arguments = _parse_object(call.arguments or "{}", f"The arguments of a call of “{call.name}”")
    return Call(mark(call.id), mark(call.name), _marked(arguments, mark))


def _parse_object(text: str, what: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"{what} are not valid JSON.", str(error)) from None
    if not isinstance(value, dict):
        raise BadRequest(f"{what} are not a JSON object.")
    return value


def _marked(value: Any, mark: Mark) -> Any:
    """A JSON value with all texts in it marked, names of members too."""
    if isinstance(value, str):
        return mark(value)
    if isinstance(value, list):
        return [_marked(item, mark) for item in value]
    if isinstance(value, dict):
        return {mark(key): _marked(item, mark) for key, item in value.items()}
    return value
