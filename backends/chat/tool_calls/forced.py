"""Calls that a model is made to write: how the answer begins, and the constraint for the rest."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from backends.chat.families import ToolCallStyle
from backends.chat.tool_calls.schemas import arguments_schema
from backends.errors import BadRequest
from backends.types import Constraint, JsonSchema, LarkGrammar, NamedTool, Tool


@dataclass(frozen=True)
class ForcedCall:
    """An answer that is one call of a tool."""

    begun: str
    """What the answer begins with, given to the model and to the parser as its own words."""
    constraint: Constraint
    """What the rest of the answer must be; it ends with the arguments."""
    style: ToolCallStyle
    """How the call is written, which need not be the family's own way."""


@dataclass(frozen=True)
class _Form:
    """The texts before a tool's name, and between the name and its arguments."""

    before: str
    between: str = '", "arguments": '


_GENERAL = _Form('<tool_call>\n{"name": "')
_DEEPSEEK_BEGIN = "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>"
# Left out are styles whose arguments are not JSON, or whose calls need an id of the model's own.
_FORMS: dict[ToolCallStyle, _Form] = {
    "json": _GENERAL,
    "hermes": _GENERAL,
    "llama3": _Form('{"name": "', '", "parameters": '),
    "mistral_json": _Form('[TOOL_CALLS][{"name": "'),
    "mistral_args": _Form("[TOOL_CALLS]", "[ARGS]"),
    "minimax_json": _Form('<tool_calls>\n{"name": "'),
    "deepseek_v3": _Form(f"{_DEEPSEEK_BEGIN}function<｜tool▁sep｜>", "\n```json\n"),
    "deepseek_v31": _Form(_DEEPSEEK_BEGIN, "<｜tool▁sep｜>"),
    "phi_functools": _Form('functools[{"name": "'),
    "phi4_mini": _Form('<|tool_call|>[{"name": "'),
    "command_r": _Form('Action:\n```json\n[{"tool_name": "', '", "parameters": '),
    "command_r7b": _Form(
        '<|START_ACTION|>[{"tool_call_id": "0", "tool_name": "', '", "parameters": '
    ),
    "granite3": _Form('<|tool_call|>[{"name": "'),
    "nemotron2": _Form('<TOOLCALL>[{"name": "'),
    "apertus": _Form('<|tools_prefix|>[{"', '": '),
    "functionary31": _Form("<function=", ">"),
    "functionary32": _Form("", "\n"),
    "gigachat": _Form('<|function_call|>{"name": "'),
    "harmony": _Form("<|channel|>commentary to=functions.", "<|constrain|>json<|message|>"),
}
_CONTROL = re.compile(r"(<\|?[^<>\s]+>|\[ARGS\])")


def force_call(
    style: ToolCallStyle,
    tools: Sequence[Tool],
    choice: NamedTool | None,
    token_id: Callable[[str], int | None],
) -> ForcedCall:
    """Make the answer a call of `choice`, or of any of `tools` where that is None.

    `token_id` gives the id of a text that is one special token. Raises `BadRequest` for a tool
    that is not among `tools`, and for parameters that are no JSON Schema.
    """
    if choice is not None:
        tools = [tool for tool in tools if tool.name == choice.name]
        if not tools:
            raise BadRequest(f"There is no tool “{choice.name}” in this request.")
    if not tools:
        raise BadRequest("A tool must be called, but the request has no tools.")
    form = _FORMS.get(style)
    if form is None:
        style, form = "json", _GENERAL
    if len(tools) == 1:
        schema = json.dumps(arguments_schema(tools[0]), ensure_ascii=False)
        return ForcedCall(form.before + tools[0].name + form.between, JsonSchema(schema), style)
    grammar = LarkGrammar(_any_tool(tools, form.between, token_id))
    return ForcedCall(form.before, grammar, style)


def _any_tool(tools: Sequence[Tool], between: str, token_id: Callable[[str], int | None]) -> str:
    """A grammar, in the dialect of llguidance: a name, the text behind it, its arguments."""
    rules = [f"start: {' | '.join(f'tool{number}' for number in range(len(tools)))}"]
    for number, tool in enumerate(tools):
        literal, parts = tool.name, list[str]()
        for piece in _CONTROL.split(between):
            token = token_id(piece) if piece else None
            if token is None:
                literal += piece
            else:
                parts += [_literal(literal), f"<[{token}]>"]
                literal = ""
        schema = arguments_schema(tool) | _STYLE
        parts += [_literal(literal), f"%json {json.dumps(schema, ensure_ascii=False)}"]
        rules.append(f"tool{number}: {' '.join(part for part in parts if part)}")
    return "\n".join(rules) + "\n"


# What llguidance cannot enforce is left to the check of the finished call.
_STYLE: dict[str, Any] = {
    "x-guidance": {
        "lenient": True,
        "coerce_one_of": True,
        "whitespace_flexible": False,
        "item_separator": ", ",
        "key_separator": ": ",
    }
}


def _literal(text: str) -> str:
    return json.dumps(text, ensure_ascii=False) if text else ""
