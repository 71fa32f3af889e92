"""From the bytes of tokens to the events of an answer."""

from backends.chat.reasoning import Piece, ReasoningMarkers, ReasoningSplitter
from backends.chat.stops import StopFilter
from backends.chat.utf8 import Utf8Stream
from backends.types import Delta, FinishReason, GenerationEvent


class AnswerText:
    """Bytes of tokens to deltas: whole characters, reasoning apart, nothing of a stop string."""

    def __init__(
        self, stops: tuple[str, ...], markers: ReasoningMarkers | None, *, inside: bool
    ) -> None:
        self._utf8 = Utf8Stream()
        self._splitter = ReasoningSplitter(markers, inside=inside) if markers else None
        self._stops = StopFilter(stops)
        self._tokens = 0
        self._reasoning_tokens = 0

    @property
    def stopped(self) -> bool:
        """A stop string has ended the text."""
        return self._stops.stopped

    @property
    def in_reasoning(self) -> bool:
        """The model is reasoning."""
        return self._splitter is not None and self._splitter.reasoning

    @property
    def reasoning_tokens(self) -> int:
        """Tokens of the reasoning so far."""
        return self._reasoning_tokens

    @property
    def finish_reason(self) -> FinishReason:
        """Why the text ended."""
        return "stop_string" if self.stopped else "stop"

    def push(self, piece: bytes) -> list[GenerationEvent]:
        """The deltas that one more token completes."""
        self._tokens += 1
        self._reasoning_tokens += self.in_reasoning
        text = self._utf8.push(piece)
        if not text:
            return []
        return self._deltas(self._splitter.push(text) if self._splitter else [("text", text)])

    def finish(self) -> list[GenerationEvent]:
        """What was held back and is text after all."""
        deltas = self._deltas(self._splitter.finish() if self._splitter else [])
        if held := self._stops.finish():
            deltas += self._delta("text", held)
        return deltas

    def _deltas(self, pieces: list[Piece]) -> list[GenerationEvent]:
        deltas: list[GenerationEvent] = []
        for kind, text in pieces:
            shown = self._stops.push(text) if kind == "text" else text
            if shown:
                deltas += self._delta(kind, shown)
        return deltas

    def _delta(self, kind: str, text: str) -> list[GenerationEvent]:
        tokens, self._tokens = self._tokens, 0
        return [Delta(text, "reasoning" if kind == "reasoning" else "text", tokens)]
