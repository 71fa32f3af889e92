"""From an engine's events to the answer of `/api/v1/chat` and its events."""

from collections.abc import Iterator

from msgspec import UNSET

from app.api.answers import WholeAnswer
from app.api.lmstudio.chat_types import (
    ChatEvent,
    ChatStats,
    LmStudioChatAnswer,
    MessageDelta,
    MessageEnd,
    MessageStart,
    OutputItem,
    PromptEnd,
    PromptProgress,
    PromptStart,
    ReasoningDelta,
    ReasoningEnd,
    ReasoningStart,
)
from backends.types import Delta, Finish, GenerationEvent, Progress


class AnswerEvents:
    """Makes the events of one answer: parts begin and end around their pieces."""

    def __init__(self) -> None:
        self.answer = WholeAnswer()
        self._prompt = "waiting"
        self._part = ""

    def of(self, event: GenerationEvent) -> Iterator[ChatEvent]:
        """The events that an event of the engine makes."""
        self.answer.add(event)
        match event:
            case Progress():
                if self._prompt == "waiting":
                    self._prompt = "processing"
                    yield PromptStart()
                yield PromptProgress(event.processed / event.total if event.total else 1.0)
            case Delta() if event.text:
                yield from self._prompt_done()
                yield from self._change(event.kind)
                yield _piece(event)
            case Finish():
                yield from self._prompt_done()
                yield from self._change("")

    def _prompt_done(self) -> Iterator[ChatEvent]:
        if self._prompt == "waiting":
            yield PromptStart()
        if self._prompt != "done":
            self._prompt = "done"
            yield PromptEnd()

    def _change(self, part: str) -> Iterator[ChatEvent]:
        if part == self._part:
            return
        if self._part:
            yield ReasoningEnd() if self._part == "reasoning" else MessageEnd()
        self._part = part
        if part:
            yield ReasoningStart() if part == "reasoning" else MessageStart()


def _piece(event: Delta) -> ChatEvent:
    if event.kind == "reasoning":
        return ReasoningDelta(event.text)
    return MessageDelta(event.text)


def whole_answer(
    instance: str, answer: WholeAnswer, load_seconds: float | None, response_id: str
) -> LmStudioChatAnswer:
    """The answer as one object. `load_seconds` is None where the model was loaded already."""
    output: list[OutputItem] = []
    if answer.reasoning:
        output.append(OutputItem("reasoning", answer.reasoning))
    if answer.text or not output:
        output.append(OutputItem("message", answer.text))
    usage = answer.usage
    stats = ChatStats(
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.reasoning_tokens,
        usage.tokens_per_second or 0.0,
        usage.time_to_first_token or 0.0,
        UNSET if load_seconds is None else load_seconds,
    )
    return LmStudioChatAnswer(instance, output, stats, response_id or UNSET)
