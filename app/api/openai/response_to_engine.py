"""From the request for a response to the one that engines take."""

from collections.abc import Sequence

from app.api.errors import ApiError
from app.api.openai.chat_types import JsonFormat
from app.api.openai.response_types import (
    AllowedChoice,
    FunctionChoice,
    NamedSchemaFormat,
    PromptOfResponse,
    ResponseRequest,
    ResponseTool,
)
from app.api.openai.to_engine import known_tool, reasoning_by_effort
from app.api.requests import json_schema, json_text, sampling_with
from backends.types import (
    ChatMessage,
    Constraint,
    GenerationRequest,
    JsonObject,
    NamedTool,
    SamplingParams,
    Tool,
    ToolChoice,
)

LOGPROBS = "message.output_text.logprobs"
"""Among what the answer shall include."""


def refuse_unsupported(asked: ResponseRequest) -> None:
    """What cannot be done is not passed over in silence. Raises ApiError."""
    for name, given in (
        ("background", asked.background),
        ("conversation", asked.conversation),
        ("prompt", asked.prompt),
    ):
        if given:
            raise ApiError(
                "unsupported",
                f"{name}: There is no such thing on this server. Ask and wait for the answer; "
                "conversations go on by previous_response_id.",
                param=name,
            )


def generation_request(
    asked: ResponseRequest,
    said: Sequence[ChatMessage],
    base: SamplingParams,
    request_id: str,
) -> GenerationRequest:
    """The engine's request; `said` is the conversation. Raises ApiError."""
    tools, choice = tools_and_choice(asked)
    effort = asked.reasoning.effort if asked.reasoning else None
    return GenerationRequest(
        request_id,
        instructed(asked, said),
        sampling=_sampling(asked, base),
        tools=tools,
        tool_choice=choice,
        parallel_tool_calls=asked.parallel_tool_calls is not False,
        constraint=_constraint(asked),
        reasoning=reasoning_by_effort(effort, "reasoning.effort"),
        context_policy="drop_oldest" if asked.truncation == "auto" else "stop",
    )


def instructed(asked: PromptOfResponse, said: Sequence[ChatMessage]) -> tuple[ChatMessage, ...]:
    """The conversation behind the instructions, which hold for this answer only."""
    if asked.instructions:
        return (ChatMessage("system", asked.instructions), *said)
    return tuple(said)


def tools_and_choice(asked: PromptOfResponse) -> tuple[tuple[Tool, ...], ToolChoice]:
    """The tools as engines take them. Raises ApiError.

    Only functions, which run at the client. Codex names, unasked, tools that OpenAI's own servers
    run (`web_search`, `namespace`): the model is not told of those, and the answer's `tools` show
    which are left.
    """
    tools = tuple(
        _function(each, f"tools[{i}]")
        for i, each in enumerate(asked.tools or ())
        if each.type == "function"
    )
    match asked.tool_choice:
        case FunctionChoice(name=name):
            return tools, NamedTool(known_tool(name, tools))
        case AllowedChoice():
            names = {known_tool(each.name, tools) for each in asked.tool_choice.tools}
            return tuple(tool for tool in tools if tool.name in names), asked.tool_choice.mode
        case "required" if not tools:
            raise ApiError("invalid_request", "tool_choice needs tools.", param="tool_choice")
        case choice:
            return tools, choice or "auto"


def _function(tool: ResponseTool, place: str) -> Tool:
    if not tool.name:
        raise ApiError(
            "invalid_request", f"{place}: A function needs a name.", param=f"{place}.name"
        )
    schema = tool.parameters or {"type": "object", "properties": {}}
    return Tool(tool.name, tool.description or "", json_text(schema))


def _sampling(asked: ResponseRequest, base: SamplingParams) -> SamplingParams:
    wanted = asked.top_logprobs
    if wanted is None and LOGPROBS in (asked.include or ()):
        wanted = 0
    given = {
        "temperature": asked.temperature,
        "top_p": asked.top_p,
        "max_tokens": asked.max_output_tokens,
        "logprobs": wanted,
    }
    return sampling_with(
        base, given, {"max_tokens": "max_output_tokens", "logprobs": "top_logprobs"}
    )


def _constraint(asked: ResponseRequest) -> Constraint | None:
    match asked.text.format if asked.text else None:
        case JsonFormat():
            return JsonObject()
        case NamedSchemaFormat(schema=schema):
            return json_schema(schema, "text.format.schema")
    return None
