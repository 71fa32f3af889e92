"""From OpenAI's request to the one that engines take."""

from collections.abc import Sequence
from typing import Literal, cast

from msgspec import structs

from app.api.errors import ApiError
from app.api.openai.chat_types import (
    AllowedToolChoice,
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
from app.api.openai.sampling import common_sampling, token_limit
from app.api.requests import json_schema, json_text, picture_from_url
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

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh")


def generation_request(
    asked: ChatRequest, base: SamplingParams, request_id: str
) -> GenerationRequest:
    """The engine's request. `base` is what holds where `asked` says nothing. Raises ApiError."""
    if not asked.messages:
        raise ApiError("invalid_request", "There must be at least one message.", param="messages")
    _refuse_unsupported(asked)
    tools, choice = _tools_and_choice(asked)
    return GenerationRequest(
        request_id,
        conversation(asked.messages),
        sampling=_sampling(asked, base),
        tools=tools,
        tool_choice=choice,
        parallel_tool_calls=asked.parallel_tool_calls is not False,
        constraint=_constraint(asked),
        reasoning=_reasoning(asked),
    )


def _refuse_unsupported(asked: ChatRequest) -> None:
    """What would change the answer and cannot be done is not passed over in silence."""
    if asked.modalities and set(asked.modalities) != {"text"}:
        raise ApiError("unsupported", "modalities: Answers are text only.", param="modalities")
    if asked.web_search_options is not None:
        raise ApiError(
            "unsupported",
            "web_search_options: This server does not search the web.",
            param="web_search_options",
        )
    if asked.functions:
        raise ApiError("unsupported", "functions: Give them as “tools” instead.", param="functions")


def conversation(messages: Sequence[Message]) -> tuple[ChatMessage, ...]:
    """The messages as engines take them. Raises ApiError."""
    names: dict[str, str] = {}
    turns = []
    for i, message in enumerate(messages):
        turn = _message(message, f"messages[{i}]")
        names |= {call.id: call.name for call in turn.tool_calls}
        if turn.role == "tool":
            if turn.tool_call_id not in names:
                raise ApiError(
                    "invalid_request",
                    f"messages[{i}]: No call before it has the id “{turn.tool_call_id}”.",
                    param=f"messages[{i}].tool_call_id",
                )
            turn = structs.replace(turn, name=turn.name or names[turn.tool_call_id])
        turns.append(turn)
    return tuple(turns)


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
        "typical_p": asked.typical_p,
        "ignore_eos": asked.ignore_eos,
        "max_tokens": token_limit(limit),
        "logprobs": _alternatives(asked),
    }
    renamed = {"logprobs": "top_logprobs"}
    if asked.max_completion_tokens is not None:
        renamed["max_tokens"] = "max_completion_tokens"
    return common_sampling(asked, base, given, renamed)


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


def _tools_and_choice(asked: ChatRequest) -> tuple[tuple[Tool, ...], ToolChoice]:
    tools = tuple(_tool(each) for each in asked.tools or ())
    match asked.tool_choice:
        case ChosenTool(function=function):
            return tools, NamedTool(known_tool(function.name, tools))
        case AllowedToolChoice(allowed_tools=allowed):
            names = {known_tool(each.function.name, tools) for each in allowed.tools}
            return tuple(tool for tool in tools if tool.name in names), allowed.mode
        case "required" if not tools:
            raise ApiError("invalid_request", "tool_choice needs tools.", param="tool_choice")
        case choice:
            return tools, choice or "auto"


def known_tool(name: str, tools: Sequence[Tool]) -> str:
    """`name`, if there is such a tool. Raises ApiError."""
    if name not in {tool.name for tool in tools}:
        raise ApiError(
            "invalid_request", f"tool_choice: There is no tool “{name}”.", param="tool_choice"
        )
    return name


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


def reasoning_by_effort(effort: str | None, param: str = "reasoning_effort") -> ReasoningOptions:
    """OpenAI's word for how long to reason, as engines take it. Raises ApiError."""
    if effort is None:
        return ReasoningOptions()
    if effort not in EFFORTS:
        raise ApiError(
            "invalid_request",
            f"{param}: Expected one of {', '.join(EFFORTS)}.",
            param=param,
        )
    if effort in ("none", "minimal"):
        return ReasoningOptions(mode="off")
    known = "high" if effort == "xhigh" else effort
    return ReasoningOptions(mode="on", effort=cast("Literal['low', 'medium', 'high']", known))
