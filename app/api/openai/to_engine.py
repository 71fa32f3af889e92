"""From OpenAI's request to the one that engines take."""

from typing import Literal, cast

from msgspec import structs

from app.api.errors import ApiError
from app.api.openai.chat_types import (
    ChatRequest,
    ChosenTool,
    FunctionTool,
    ImagePart,
    JsonFormat,
    Message,
    RefusalPart,
    SchemaFormat,
    TextPart,
)
from app.api.requests import json_schema, json_text, picture_from_url, sampling_with, stop_strings
from backends.types import (
    ChatMessage,
    Constraint,
    GenerationRequest,
    JsonObject,
    NamedTool,
    ReasoningOptions,
    SamplingParams,
    Tool,
    ToolCall,
    ToolChoice,
)

MOST_ANSWERS = 16
"""To one request (`n`)."""
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh")


def generation_request(
    asked: ChatRequest, base: SamplingParams, request_id: str
) -> GenerationRequest:
    """The engine's request. `base` is what holds where `asked` says nothing. Raises ApiError."""
    if not asked.messages:
        raise ApiError("invalid_request", "There must be at least one message.", param="messages")
    return GenerationRequest(
        request_id,
        tuple(_message(each, f"messages[{i}]") for i, each in enumerate(asked.messages)),
        sampling=_sampling(asked, base),
        tools=tuple(_tool(each) for each in asked.tools or ()),
        tool_choice=_tool_choice(asked),
        parallel_tool_calls=asked.parallel_tool_calls is not False,
        constraint=_constraint(asked),
        reasoning=_reasoning(asked),
    )


def answers_wanted(asked: ChatRequest) -> int:
    """How many answers (`n`). Raises ApiError."""
    n = 1 if asked.n is None else asked.n
    if not 1 <= n <= MOST_ANSWERS:
        raise ApiError(
            "invalid_request", f"n: Expected a number from 1 to {MOST_ANSWERS}.", param="n"
        )
    return n


def _message(message: Message, place: str) -> ChatMessage:
    texts: list[str] = []
    pictures: list[bytes] = []
    parts = message.content
    if isinstance(parts, str):
        texts.append(parts)
    for i, part in enumerate(parts if isinstance(parts, list) else ()):
        match part:
            case TextPart():
                texts.append(part.text)
            case RefusalPart():
                texts.append(part.refusal)
            case ImagePart():
                where = f"{place}.content[{i}].image_url.url"
                pictures.append(picture_from_url(part.image_url.url, where))
    if parts is None and message.role not in ("assistant", "tool"):
        raise ApiError(
            "invalid_request", f"{place}: The message has no content.", param=f"{place}.content"
        )
    if pictures and message.role != "user":
        raise ApiError(
            "invalid_request",
            f"{place}: Only messages of the user may hold pictures.",
            param=f"{place}.content",
        )
    if message.role == "tool" and not message.tool_call_id:
        raise ApiError(
            "invalid_request",
            f"{place}: A tool's message needs the tool_call_id that it answers.",
            param=f"{place}.tool_call_id",
        )
    return ChatMessage(
        "system" if message.role == "developer" else message.role,
        "\n".join(texts) or (message.refusal or ""),
        reasoning=message.reasoning_content or message.reasoning or "",
        tool_calls=tuple(
            ToolCall(call.id, call.function.name, call.function.arguments or "{}")
            for call in message.tool_calls or ()
        ),
        tool_call_id=message.tool_call_id or "",
        name=message.name or "",
        images=tuple(pictures),
    )


def _sampling(asked: ChatRequest, base: SamplingParams) -> SamplingParams:
    limit = asked.max_completion_tokens
    if limit is None:
        limit = asked.max_tokens
    given = {
        "temperature": asked.temperature,
        "top_p": asked.top_p,
        "top_k": asked.top_k,
        "min_p": asked.min_p,
        "typical_p": asked.typical_p,
        "repeat_penalty": asked.repeat_penalty,
        "presence_penalty": asked.presence_penalty,
        "frequency_penalty": asked.frequency_penalty,
        "max_tokens": limit,
        "seed": None if asked.seed is None else asked.seed % (2**32 - 1),
        "stop": stop_strings(asked.stop),
        "logit_bias": _bias(asked.logit_bias),
        "logprobs": _alternatives(asked),
    }
    renamed = {"logprobs": "top_logprobs"}
    if asked.max_completion_tokens is not None:
        renamed["max_tokens"] = "max_completion_tokens"
    return sampling_with(base, given, renamed)


def _bias(bias: dict[str, float] | None) -> tuple[tuple[int, float], ...] | None:
    if not bias:
        return None
    try:
        return tuple((int(token), value) for token, value in bias.items())
    except ValueError:
        raise ApiError(
            "invalid_request", "logit_bias: Its keys must be token ids.", param="logit_bias"
        ) from None


def _alternatives(asked: ChatRequest) -> int | None:
    if asked.logprobs:
        return asked.top_logprobs or 0
    if asked.top_logprobs:
        raise ApiError(
            "invalid_request", "top_logprobs needs logprobs to be true.", param="top_logprobs"
        )
    return None


def _tool(tool: FunctionTool) -> Tool:
    function = tool.function
    schema = function.parameters or {"type": "object", "properties": {}}
    return Tool(function.name, function.description or "", json_text(schema))


def _tool_choice(asked: ChatRequest) -> ToolChoice:
    choice = asked.tool_choice
    names = {each.function.name for each in asked.tools or ()}
    if isinstance(choice, ChosenTool):
        if choice.function.name not in names:
            raise ApiError(
                "invalid_request",
                f"tool_choice: There is no tool “{choice.function.name}”.",
                param="tool_choice",
            )
        return NamedTool(choice.function.name)
    if choice == "required" and not names:
        raise ApiError("invalid_request", "tool_choice needs tools.", param="tool_choice")
    return choice or "auto"


def _constraint(asked: ChatRequest) -> Constraint | None:
    match asked.response_format:
        case JsonFormat():
            return JsonObject()
        case SchemaFormat(json_schema=named):
            if named.schema is None:
                return JsonObject()
            return json_schema(named.schema, "response_format.json_schema.schema")
    return None


def _reasoning(asked: ChatRequest) -> ReasoningOptions:
    wanted = asked.reasoning
    effort = asked.reasoning_effort or (wanted.effort if wanted else None)
    options = reasoning_by_effort(effort)
    if wanted is not None:
        if wanted.enabled is not None:
            options = structs.replace(options, mode="on" if wanted.enabled else "off")
        if wanted.max_tokens is not None:
            options = structs.replace(options, budget=max(0, wanted.max_tokens))
    return options


def reasoning_by_effort(effort: str | None) -> ReasoningOptions:
    """OpenAI's word for how long to reason, as engines take it. Raises ApiError."""
    if effort is None:
        return ReasoningOptions()
    if effort not in EFFORTS:
        raise ApiError(
            "invalid_request",
            f"reasoning_effort: Expected one of {', '.join(EFFORTS)}.",
            param="reasoning_effort",
        )
    if effort in ("none", "minimal"):
        return ReasoningOptions(mode="off")
    known = "high" if effort == "xhigh" else effort
    return ReasoningOptions(mode="on", effort=cast("Literal['low', 'medium', 'high']", known))
