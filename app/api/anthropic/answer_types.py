"""What `/v1/messages` answers, whole and as events, as Anthropic documents it."""

from typing import Any, Literal

from msgspec import UNSET, Raw, Struct, UnsetType

StopReason = Literal[
    "end_turn", "max_tokens", "stop_sequence", "tool_use", "model_context_window_exceeded"
]


class AnsweredText(Struct, tag="text"):
    """Text of the answer."""

    text: str
    citations: None = None


class AnsweredThinking(Struct, tag="thinking"):
    """Reasoning of the answer."""

    thinking: str
    signature: str


class AnsweredToolUse(Struct, tag="tool_use"):
    """A call in the answer."""

    id: str
    name: str
    input: Raw | dict[str, Any]


AnsweredBlock = AnsweredText | AnsweredThinking | AnsweredToolUse


class ThinkingTokens(Struct, frozen=True):
    """Of the tokens of the answer."""

    thinking_tokens: int = 0


class MessageUsage(Struct):
    """Tokens of the prompt that were processed, that were there already, and of the answer."""

    input_tokens: int
    output_tokens: int
    cache_read_input_tokens: int = 0
    cache_creation_input_tokens: int = 0
    output_tokens_details: ThinkingTokens | None = None
    service_tier: Literal["standard"] | UnsetType = UNSET


class AnsweredMessage(Struct, tag="message"):
    """The whole answer; at the start of a stream, without content."""

    id: str
    model: str
    content: list[AnsweredBlock]
    usage: MessageUsage
    stop_reason: StopReason | None = None
    stop_sequence: str | None = None
    role: Literal["assistant"] = "assistant"
    container: None = None
    stop_details: None = None


class MessageStart(Struct, tag="message_start"):
    """The answer begins."""

    message: AnsweredMessage


class BlockStart(Struct, tag="content_block_start"):
    """A block begins, still empty."""

    index: int
    content_block: AnsweredBlock


class TextDelta(Struct, tag="text_delta"):
    """A piece of text."""

    text: str


class ThinkingDelta(Struct, tag="thinking_delta"):
    """A piece of the reasoning."""

    thinking: str


class SignatureDelta(Struct, tag="signature_delta"):
    """What comes at the end of a reasoning."""

    signature: str


class InputDelta(Struct, tag="input_json_delta"):
    """A piece of a call's input."""

    partial_json: str


BlockPiece = TextDelta | ThinkingDelta | SignatureDelta | InputDelta


class BlockDelta(Struct, tag="content_block_delta"):
    """More of a block."""

    index: int
    delta: BlockPiece


class BlockStop(Struct, tag="content_block_stop"):
    """A block is complete."""

    index: int


class MessageEnd(Struct):
    """Why the answer ended."""

    stop_reason: StopReason
    stop_sequence: str | None
    stop_details: None = None
    container: None = None


class MessageDelta(Struct, tag="message_delta"):
    """The answer has ended."""

    delta: MessageEnd
    usage: MessageUsage


class MessageStop(Struct, tag="message_stop"):
    """Nothing more comes."""


class Ping(Struct, tag="ping"):
    """The connection lives."""


MessageEvent = (
    MessageStart | BlockStart | BlockDelta | BlockStop | MessageDelta | MessageStop | Ping
)
