"""From Ollama's requests to the one that engines take."""

from collections.abc import Sequence
from typing import cast

import msgspec

from app.api.errors import ApiError
from app.api.ollama.answer_types import (
    AskedMessage,
    Format,
    OllamaCall,
    OllamaChatRequest,
    OllamaGenerateRequest,
    OllamaTool,
    Think,
)
from app.api.ollama.options import Options, sampling_values
from app.api.requests import json_schema, json_text, picture_from_base64, sampling_with
from backends.types import (
    ChatMessage,
    Constraint,
    ContextPolicy,
    JsonObject,
    ReasoningOptions,
    Role,
    SamplingParams,
    Tool,
    ToolCall,
)

ROLES = ("system", "user", "assistant", "tool")
_RENAMED = {"max_tokens": "num_predict", "repeat_window": "repeat_last_n", "logprobs": ""}


def messages_of(asked: Sequence[AskedMessage]) -> tuple[ChatMessage, ...]:
    """The conversation. Raises ApiError."""
    return tuple(_message(each, f"messages[{i}]", i) for i, each in enumerate(asked))


def _message(message: AskedMessage, place: str, number: int) -> ChatMessage:
    role = message.role.lower()
    if role not in ROLES:
        raise ApiError(
            "invalid_request",
            f"{place}: invalid role “{message.role[:40]}”; it must be one of {', '.join(ROLES)}",
            param=place,
        )
    return ChatMessage(
        cast("Role", role),
        message.content or "",
        reasoning=message.thinking or "",
        tool_calls=tuple(
            _call(call, f"call_{number}_{i}") for i, call in enumerate(message.tool_calls or ())
        ),
        tool_call_id=(message.tool_call_id or "") if role == "tool" else "",
        name=(message.tool_name or "") if role == "tool" else "",
        images=pictures_of(message.images, f"{place}.images"),
    )


def _call(call: OllamaCall, instead: str) -> ToolCall:
    return ToolCall(call.id or instead, call.function.name, json_text(call.function.arguments))


def pictures_of(images: Sequence[str] | None, place: str) -> tuple[bytes, ...]:
    """Pictures as they came with the request. Raises ApiError."""
    return tuple(picture_from_base64(each, place) for each in images or ())


def tools_of(asked: Sequence[OllamaTool] | None) -> tuple[Tool, ...]:
    """The tools that the model may call."""
    nothing = {"type": "object", "properties": {}}
    return tuple(
        Tool(
            tool.function.name,
            tool.function.description or "",
            json_text(tool.function.parameters or nothing),
        )
        for tool in asked or ()
    )


def constraint_of(wanted: Format | None) -> Constraint | None:
    """What the answer must be. Raises ApiError."""
    if wanted is None or wanted == "":
        return None
    if wanted == "json":
        return JsonObject()
    if isinstance(wanted, str):
        raise ApiError(
            "invalid_request",
            f"invalid format “{wanted[:40]}”; it must be “json” or a JSON Schema object",
            param="format",
        )
    return json_schema(wanted, "format")


def reasoning_of(think: Think | None) -> ReasoningOptions:
    """Whether and how long to reason; without a word the model does as it does by itself."""
    if think is None:
        return ReasoningOptions()
    if isinstance(think, bool):
        return ReasoningOptions(mode="on" if think else "off")
    return ReasoningOptions(mode="on", effort="high" if think == "max" else think)


def sampling_of(
    asked: OllamaChatRequest | OllamaGenerateRequest, options: Options, base: SamplingParams
) -> SamplingParams:
    """The sampling values: `base` where the request says nothing. Raises ApiError."""
    given = sampling_values(options)
    most = asked.top_logprobs or 0
    if not 0 <= most <= 20:
        raise ApiError(
            "invalid_request", "top_logprobs must be between 0 and 20", param="top_logprobs"
        )
    if asked.logprobs:
        given["logprobs"] = most
    return sampling_with(base, given, _RENAMED)


def policy_of(asked: OllamaChatRequest | OllamaGenerateRequest) -> ContextPolicy:
    """What happens to a conversation that is too long."""
    return "stop" if asked.truncate is False else "drop_oldest"


def arguments_of(call: ToolCall) -> dict[str, object]:
    """The arguments of a call as an object; a model that wrote none is taken to have given none."""
    try:
        return msgspec.json.decode(call.arguments or "{}", type=dict[str, object])
    except msgspec.DecodeError:
        return {}
