"""From Anthropic's request to the one that engines take."""

from collections.abc import Sequence
from typing import Literal, cast

from app.api.anthropic.conversation import Conversation
from app.api.anthropic.message_types import (
    AnyChoice,
    AutoChoice,
    MessageRequest,
    NoToolChoice,
    OneToolChoice,
    PromptParam,
    ThinkingOff,
    ThinkingOn,
    ToolParam,
)
from app.api.errors import ApiError
from app.api.requests import (
    json_schema,
    json_text,
    sampling_with,
    stop_strings,
)
from backends.types import (
    ChatMessage,
    Constraint,
    GenerationRequest,
    NamedTool,
    ReasoningOptions,
    SamplingParams,
    Tool,
    ToolChoice,
)


def generation_request(
    asked: MessageRequest, base: SamplingParams, request_id: str
) -> GenerationRequest:
    """The engine's request. `base` is what holds where `asked` says nothing. Raises ApiError."""
    if asked.mcp_servers:
        raise ApiError(
            "invalid_request",
            "mcp_servers: This server calls no MCP servers; give their tools in “tools”.",
            param="mcp_servers",
        )
    messages, tools = prompt_messages(asked), prompt_tools(asked)
    choice = asked.tool_choice
    parallel = isinstance(choice, NoToolChoice | None) or not choice.disable_parallel_tool_use
    return GenerationRequest(
        request_id,
        messages,
        sampling=_sampling(asked, base),
        continue_last=messages[-1].role == "assistant",
        tools=tools,
        tool_choice=_tool_choice(asked, tools),
        parallel_tool_calls=parallel,
        constraint=_constraint(asked),
        reasoning=_reasoning(asked),
        context_policy="stop",  # clients shorten their conversations themselves
    )


def shows_thinking(asked: PromptParam) -> bool:
    """Whether the client expects blocks of reasoning: it takes the first block for text if not."""
    wanted = asked.thinking
    if wanted is None or isinstance(wanted, ThinkingOff):
        return False
    return getattr(wanted, "display", None) != "omitted"


def prompt_messages(asked: PromptParam) -> tuple[ChatMessage, ...]:
    """The conversation as engines take it. Raises ApiError."""
    if not asked.messages:
        raise ApiError(
            "invalid_request", "messages: at least one message is required", param="messages"
        )
    system = asked.system or ""
    if not isinstance(system, str):
        system = "\n".join(block.text for block in system)
    conversation = Conversation(system)
    for i, message in enumerate(asked.messages):
        conversation.add(message, f"messages.{i}")
    messages = conversation.turns
    if not messages:
        raise ApiError("invalid_request", "messages: There is no content.", param="messages")
    if messages[-1].tool_calls:
        raise ApiError(
            "invalid_request",
            "messages: The calls of the last message have no tool_result.",
            param="messages",
        )
    return tuple(messages)


def prompt_tools(asked: PromptParam) -> tuple[Tool, ...]:
    """The tools as engines take them. Raises ApiError."""
    return tuple(_tool(each, f"tools.{i}") for i, each in enumerate(asked.tools or ()))


def _tool(tool: ToolParam, where: str) -> Tool:
    if tool.type not in (None, "custom") or tool.input_schema is None:
        raise ApiError(
            "invalid_request",
            f"{where}: Only tools that run at the client are possible, each with its input_schema.",
            param=where,
        )
    return Tool(tool.name, tool.description or "", json_text(tool.input_schema))


def _tool_choice(asked: MessageRequest, tools: Sequence[Tool]) -> ToolChoice:
    match asked.tool_choice:
        case None | AutoChoice():
            return "auto"
        case NoToolChoice():
            return "none"
        case AnyChoice() if tools:
            return "required"
        case OneToolChoice(name=name) if name in {tool.name for tool in tools}:
            return NamedTool(name)
    raise ApiError(
        "invalid_request", "tool_choice: There is no such tool in “tools”.", param="tool_choice"
    )


def _sampling(asked: MessageRequest, base: SamplingParams) -> SamplingParams:
    given = {
        "temperature": asked.temperature,
        "top_p": asked.top_p,
        "top_k": asked.top_k,
        "max_tokens": asked.max_tokens,
        "stop": stop_strings(asked.stop_sequences),
    }
    return sampling_with(base, given, {"stop": "stop_sequences"})


def _constraint(asked: MessageRequest) -> Constraint | None:
    wanted = asked.output_format
    if asked.output_config is not None and asked.output_config.format is not None:
        wanted = asked.output_config.format
    return None if wanted is None else json_schema(wanted.schema, "output_config.format.schema")


def _reasoning(asked: MessageRequest) -> ReasoningOptions:
    """Anthropic's models reason only where that is asked for."""
    thinking = asked.thinking
    if thinking is None or isinstance(thinking, ThinkingOff):
        return ReasoningOptions(mode="off")
    effort = asked.output_config.effort if asked.output_config else None
    known = "high" if effort in ("xhigh", "max") else effort
    budget = None
    if isinstance(thinking, ThinkingOn):
        budget = thinking.budget_tokens
        if budget >= asked.max_tokens:
            raise ApiError(
                "invalid_request",
                "max_tokens: It must be greater than thinking.budget_tokens.",
                param="max_tokens",
            )
    return ReasoningOptions("on", cast("Literal['low', 'medium', 'high'] | None", known), budget)
