"""What `/v1/responses` is asked, as OpenAI documents it."""

from typing import Any, Literal

from msgspec import Struct

from app.api.openai.chat_types import JsonFormat, TextFormat

Json = dict[str, Any]


class InputText(Struct, tag="input_text"):
    """Text within a message."""

    text: str


class InputImage(Struct, tag="input_image"):
    """A picture within a message, as a data URL."""

    image_url: str | None = None
    file_id: str | None = None
    detail: str | None = None


class EarlierText(Struct, tag="output_text"):
    """Text of an earlier answer."""

    text: str


class EarlierRefusal(Struct, tag="refusal"):
    """A refusal of an earlier answer."""

    refusal: str


class ReasoningText(Struct, tag="reasoning_text"):
    """Reasoning of an earlier answer."""

    text: str


class SummaryText(Struct, tag="summary_text"):
    """What an earlier reasoning came to."""

    text: str


InputPart = InputText | InputImage | EarlierText | EarlierRefusal


class MessageItem(Struct, tag="message"):
    """A message of the conversation."""

    role: Literal["user", "assistant", "system", "developer"]
    content: str | list[InputPart]


class CallItem(Struct, tag="function_call"):
    """A call of an earlier answer."""

    call_id: str
    name: str
    arguments: str


class CallOutputItem(Struct, tag="function_call_output"):
    """What a call gave."""

    call_id: str
    output: str | list[InputPart]


class CustomCallItem(Struct, tag="custom_tool_call"):
    """A call of a tool that takes a text as it is, such as Codex's `apply_patch`."""

    call_id: str
    name: str
    input: str


class CustomOutputItem(Struct, tag="custom_tool_call_output"):
    """What such a call gave."""

    call_id: str
    output: str | list[InputPart]


class SearchItem(Struct, tag="web_search_call"):
    """OpenAI's own server searched; what it found stands in the answer behind it."""


class ReasoningItem(Struct, tag="reasoning"):
    """Reasoning of an earlier answer."""

    summary: list[SummaryText] = []
    content: list[ReasoningText] | None = None


InputItem = (
    MessageItem
    | CallItem
    | CallOutputItem
    | CustomCallItem
    | CustomOutputItem
    | SearchItem
    | ReasoningItem
)


class ResponseTool(Struct):
    """A tool; only functions, which run at the client, are told to the model."""

    type: str
    name: str = ""
    description: str | None = None
    parameters: Json | None = None
    strict: bool | None = None


class FunctionChoice(Struct, tag="function"):
    """The one function that must be called."""

    name: str


class AllowedChoice(Struct, tag="allowed_tools"):
    """Some of the tools only."""

    mode: Literal["auto", "required"]
    tools: list[FunctionChoice]


class NamedSchemaFormat(Struct, tag="json_schema"):
    """JSON by a schema."""

    name: str
    schema: Json
    description: str | None = None
    strict: bool | None = None


class TextConfig(Struct):
    """What the text of the answer must be."""

    format: TextFormat | JsonFormat | NamedSchemaFormat | None = None
    verbosity: Literal["low", "medium", "high"] | None = None


class ResponseReasoning(Struct):
    """How long to reason."""

    effort: str | None = None
    summary: Literal["auto", "concise", "detailed"] | None = None


class PromptOfResponse(Struct, kw_only=True):
    """What makes the prompt, in both operations. Fields that are not here are ignored."""

    model: str
    input: str | list[Json]
    """A text, or items: messages, calls, what calls gave, reasoning."""
    instructions: str | None = None
    previous_response_id: str | None = None
    tools: list[ResponseTool] | None = None
    tool_choice: Literal["auto", "none", "required"] | FunctionChoice | AllowedChoice | None = None


class ResponseRequest(PromptOfResponse, kw_only=True):
    """Body of `/v1/responses`."""

    stream: bool | None = None
    store: bool | None = None
    parallel_tool_calls: bool | None = None
    text: TextConfig | None = None
    reasoning: ResponseReasoning | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_logprobs: int | None = None
    include: list[str] | None = None
    truncation: Literal["auto", "disabled"] | None = None
    metadata: dict[str, str] | None = None
    user: str | None = None
    background: bool | None = None
    conversation: str | Json | None = None
    prompt: Json | None = None


class InputTokensRequest(PromptOfResponse, kw_only=True):
    """Body of `/v1/responses/input_tokens`."""


class InputTokens(Struct):
    """Tokens of a prompt."""

    input_tokens: int
    object: Literal["response.input_tokens"] = "response.input_tokens"
