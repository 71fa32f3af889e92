"""What `/v1/responses` answers, as OpenAI documents it."""

from typing import Any, Literal

from msgspec import Struct

from app.api.openai.chat_types import ChosenToken, JsonFormat, TextFormat
from app.api.openai.response_types import NamedSchemaFormat, ReasoningText, ResponseReasoning

ItemStatus = Literal["in_progress", "completed", "incomplete"]
ResponseState = Literal["in_progress", "completed", "incomplete", "failed"]


class OutputText(Struct, tag="output_text"):
    """Text of the answer."""

    text: str
    annotations: list[str] = []
    logprobs: list[ChosenToken] = []


class OutputMessage(Struct, tag="message"):
    """The text of the answer as an item."""

    id: str
    content: list[OutputText]
    status: ItemStatus
    role: Literal["assistant"] = "assistant"


class OutputReasoning(Struct, tag="reasoning"):
    """The reasoning before the answer."""

    id: str
    content: list[ReasoningText]
    status: ItemStatus
    summary: list[str] = []
    encrypted_content: None = None


class OutputCall(Struct, tag="function_call"):
    """A call in the answer."""

    id: str
    call_id: str
    name: str
    arguments: str
    status: ItemStatus


OutputItem = OutputMessage | OutputReasoning | OutputCall


class ResponseFault(Struct):
    """Why there is no whole answer."""

    code: Literal["server_error"]
    message: str


class Incomplete(Struct):
    """Why the answer is not complete."""

    reason: Literal["max_output_tokens"]


class CachedTokens(Struct):
    """Of the tokens of the prompt."""

    cached_tokens: int
    cache_write_tokens: int = 0


class ReasoningTokens(Struct):
    """Of the tokens of the answer."""

    reasoning_tokens: int


class ResponseUsage(Struct):
    """Tokens of prompt and answer."""

    input_tokens: int
    input_tokens_details: CachedTokens
    output_tokens: int
    output_tokens_details: ReasoningTokens
    total_tokens: int


class AnsweredTool(Struct, tag="function"):
    """A tool that the request offered."""

    name: str
    parameters: dict[str, Any] | None
    strict: bool | None
    description: str | None


class AnsweredFormat(Struct):
    """What the text was to be."""

    format: TextFormat | JsonFormat | NamedSchemaFormat
    verbosity: str | None = None


class ResponseAnswer(Struct, kw_only=True):
    """The answer as a whole, or as far as it is."""

    id: str
    object: Literal["response"] = "response"
    created_at: int
    completed_at: int | None = None
    status: ResponseState
    error: ResponseFault | None = None
    incomplete_details: Incomplete | None = None
    instructions: str | None
    max_output_tokens: int | None
    max_tool_calls: None = None
    model: str
    output: list[OutputItem]
    parallel_tool_calls: bool
    previous_response_id: str | None
    reasoning: ResponseReasoning
    store: bool
    temperature: float
    text: AnsweredFormat
    tool_choice: Any
    tools: list[AnsweredTool]
    top_p: float
    top_logprobs: int
    truncation: Literal["auto", "disabled"]
    usage: ResponseUsage | None = None
    user: str | None
    metadata: dict[str, str]
    background: bool = False
    service_tier: Literal["default"] = "default"


class DeletedResponse(Struct):
    """A response that is forgotten."""

    id: str
    object: Literal["response"] = "response"
    deleted: bool = True


class ItemList(Struct):
    """What a response was asked with."""

    data: list[dict[str, Any]]
    first_id: str | None
    last_id: str | None
    has_more: bool
    object: Literal["list"] = "list"
