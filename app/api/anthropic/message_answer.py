"""From an engine's events to Anthropic's message and its events."""

from collections.abc import Iterator
from typing import Literal

from msgspec import Raw

from app.api.answers import WholeAnswer
from app.api.anthropic.answer_types import (
    AnsweredBlock,
    AnsweredMessage,
    AnsweredText,
    AnsweredThinking,
    AnsweredToolUse,
    BlockDelta,
    BlockPiece,
    BlockStart,
    BlockStop,
    InputDelta,
    MessageDelta,
    MessageEnd,
    MessageEvent,
    MessageStart,
    MessageStop,
    MessageUsage,
    Ping,
    SignatureDelta,
    StopReason,
    TextDelta,
    ThinkingDelta,
    ThinkingTokens,
)
from backends.types import (
    Delta,
    Finish,
    FinishReason,
    GenerationEvent,
    Progress,
    ToolCallDelta,
    ToolCallEnd,
    ToolCallStart,
    Usage,
)

UNSIGNED = "unsigned"
"""What stands for the signature of a reasoning: nobody here has to check it."""

_STOPS: dict[FinishReason, StopReason] = {
    "stop_string": "stop_sequence",
    "length": "max_tokens",
    "context": "model_context_window_exceeded",
    "tool_calls": "tool_use",
}


def whole_message(
    message_id: str, model: str, answer: WholeAnswer, *, thinking: bool
) -> AnsweredMessage:
    """The whole answer; `thinking`: with its reasoning."""
    content: list[AnsweredBlock] = []
    if answer.reasoning and thinking:
        content.append(AnsweredThinking(answer.reasoning, UNSIGNED))
    if answer.text:
        content.append(AnsweredText(answer.text))
    content += [
        AnsweredToolUse(call.id, call.name, Raw(call.arguments.encode()))
        for call in answer.tool_calls
    ]
    return AnsweredMessage(
        message_id,
        model,
        content,
        usage_of(answer.usage),
        _stop_reason(answer.reason),
        answer.stop or None,
    )


def usage_of(usage: Usage) -> MessageUsage:
    """Tokens as Anthropic counts them: those that were there already stand apart."""
    return MessageUsage(
        usage.prompt_tokens - usage.cached_tokens,
        usage.completion_tokens,
        usage.cached_tokens,
        output_tokens_details=ThinkingTokens(usage.reasoning_tokens),
        service_tier="standard",
    )


def _stop_reason(reason: FinishReason) -> StopReason:
    return _STOPS.get(reason, "end_turn")


class MessageEvents:
    """Makes the events of one streamed message."""

    def __init__(self, message_id: str, model: str, *, thinking: bool) -> None:
        self._id = message_id
        self._model = model
        self._thinking = thinking
        self._index = -1
        self._open: Literal["", "text", "thinking", "tool_use"] = ""
        self._empty = True
        self.begun = False
        """An event was made."""

    def of(self, event: GenerationEvent) -> Iterator[MessageEvent]:
        """The events that one of the engine's makes."""
        if not self.begun:
            self.begun = True
            yield self._start(event)
            yield Ping()
        match event:
            case Delta(kind="reasoning", text=text) if text and self._thinking:
                if self._open != "thinking":
                    yield from self._begin("thinking", AnsweredThinking("", ""))
                yield self._piece(ThinkingDelta(text))
            case Delta(kind="text", text=text) if text:
                if self._open != "text":
                    yield from self._begin("text", AnsweredText(""))
                yield self._piece(TextDelta(text))
            case ToolCallStart():
                yield from self._begin("tool_use", AnsweredToolUse(event.id, event.name, {}))
            case ToolCallDelta(arguments=arguments):
                yield self._piece(InputDelta(arguments))
            case ToolCallEnd():
                yield from self._end()
            case Finish():
                yield from self._end()
                end = MessageEnd(_stop_reason(event.reason), event.stop or None)
                yield MessageDelta(end, usage_of(event.usage))
                yield MessageStop()

    def _start(self, event: GenerationEvent) -> MessageStart:
        prompt, cached = 0, 0
        if isinstance(event, Progress):
            prompt, cached = event.total, event.cached
        usage = usage_of(Usage(prompt_tokens=prompt, cached_tokens=cached))
        return MessageStart(AnsweredMessage(self._id, self._model, [], usage))

    def _begin(
        self, kind: Literal["text", "thinking", "tool_use"], block: AnsweredBlock
    ) -> Iterator[MessageEvent]:
        yield from self._end()
        self._open = kind
        self._index += 1
        yield BlockStart(self._index, block)

    def _piece(self, piece: BlockPiece) -> BlockDelta:
        return BlockDelta(self._index, piece)

    def _end(self) -> Iterator[MessageEvent]:
        if self._open == "thinking":
            yield self._piece(SignatureDelta(UNSIGNED))
        if self._open:
            yield BlockStop(self._index)
        self._open = ""
