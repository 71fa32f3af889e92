"""What `/v1/messages` is asked, as Anthropic documents it."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

Json = dict[str, Any]


class PictureData(Struct, tag="base64"):
    """A picture, within the request."""

    media_type: Literal["image/jpeg", "image/png", "image/gif", "image/webp"]
    data: str


class PictureUrl(Struct, tag="url"):
    """A picture elsewhere, which is not fetched."""

    url: str


class PlainText(Struct, tag="text"):
    """The text of a document."""

    data: str


class TextBlock(Struct, tag="text"):
    """Text within a message."""

    text: str


class PictureBlock(Struct, tag="image"):
    """A picture within a message."""

    source: PictureData | PictureUrl


class DocumentBlock(Struct, tag="document"):
    """A document within a message; plain text is the only kind that is read here."""

    source: PlainText
    title: str | None = None
    context: str | None = None


class ThinkingBlock(Struct, tag="thinking"):
    """Reasoning of an earlier answer."""

    thinking: str
    signature: str = ""


class RedactedThinkingBlock(Struct, tag="redacted_thinking"):
    """Reasoning that only another server can read."""

    data: str


class ToolUseBlock(Struct, tag="tool_use"):
    """A call of an earlier answer."""

    id: str
    name: str
    input: Json = {}


class ToolResultBlock(Struct, tag="tool_result"):
    """What a call gave."""

    tool_use_id: str
    content: str | list[TextBlock | PictureBlock | DocumentBlock] | None = None
    is_error: bool | None = None


Block = (
    TextBlock
    | PictureBlock
    | DocumentBlock
    | ThinkingBlock
    | RedactedThinkingBlock
    | ToolUseBlock
    | ToolResultBlock
)


class MessageParam(Struct):
    """One message of the conversation."""

    role: Literal["user", "assistant", "system"]
    content: str | list[Block]


class ToolParam(Struct):
    """A tool that runs at the client."""

    name: str
    description: str | None = None
    input_schema: Json | None = None
    type: str | None = None
    """"custom" or nothing; other kinds are Anthropic's own tools."""


class AutoChoice(Struct, tag="auto"):
    """The model may call tools."""

    disable_parallel_tool_use: bool | None = None


class AnyChoice(Struct, tag="any"):
    """The model must call some tool."""

    disable_parallel_tool_use: bool | None = None


class OneToolChoice(Struct, tag="tool"):
    """The model must call this tool."""

    name: str
    disable_parallel_tool_use: bool | None = None


class NoToolChoice(Struct, tag="none"):
    """The model must call no tool."""


Choice = AutoChoice | AnyChoice | OneToolChoice | NoToolChoice
Display = Literal["summarized", "omitted"]


class ThinkingOn(Struct, tag="enabled"):
    """Reason, for so many tokens at most."""

    budget_tokens: Annotated[int, Meta(ge=1024)]
    display: Display | None = None


class ThinkingAdaptive(Struct, tag="adaptive"):
    """Reason as long as it takes."""

    display: Display | None = None


class ThinkingBetweenTools(Struct, tag="between_tools"):
    """Reason once tools have answered."""


class ThinkingOff(Struct, tag="disabled"):
    """Do not reason."""


Thinking = ThinkingOn | ThinkingAdaptive | ThinkingBetweenTools | ThinkingOff


class SchemaOutput(Struct, tag="json_schema"):
    """The answer is JSON by a schema."""

    schema: Json


class OutputConfig(Struct):
    """How the answer shall be."""

    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: SchemaOutput | None = None


class PromptParam(Struct, kw_only=True):
    """What makes the prompt, in both operations."""

    model: str
    messages: list[MessageParam]
    system: str | list[TextBlock] | None = None
    tools: list[ToolParam] | None = None
    tool_choice: Choice | None = None
    thinking: Thinking | None = None
    output_config: OutputConfig | None = None


class MessageRequest(PromptParam, kw_only=True):
    """Body of `/v1/messages`. Fields that are not here are ignored."""

    max_tokens: Annotated[int, Meta(ge=1)]
    stream: bool | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop_sequences: list[str] | None = None
    output_format: SchemaOutput | None = None
    """An earlier place of `output_config.format`."""
    mcp_servers: list[Json] | None = None


class TokenCountRequest(PromptParam, kw_only=True):
    """Body of `/v1/messages/count_tokens`."""


class TokenCount(Struct):
    """Tokens of a prompt."""

    input_tokens: int
