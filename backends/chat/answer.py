"""From the bytes of tokens to the events of an answer."""

from backends.chat.reasoning import Piece, ReasoningMarkers, ReasoningSplitter
from backends.chat.stops import StopFilter
from backends.chat.utf8 import Utf8Stream
from backends.types import Delta


class AnswerText:
    """Bytes of tokens to deltas: whole characters, reasoning apart, nothing of a stop string."""

    def __init__(
        self, stops: tuple[str, ...], markers: ReasoningMarkers | None, *, inside: bool
    ) -> None:
        self._utf8 = Utf8Stream()
        self._splitter = ReasoningSplitter(markers, inside=inside) if markers else None
        self._stops = StopFilter(stops)
        self._tokens = 0

    @property
    def stopped(self) -> bool:
        """A stop string has ended the text."""
        return self._stops.stopped

    def push(self, piece: bytes) -> list[Delta]:
        """The deltas that one more token completes."""
        self._tokens += 1
        text = self._utf8.push(piece)
        if not text:
            return []
        return self._deltas(self._splitter.push(text) if self._splitter else [("text", text)])

    def finish(self) -> list[Delta]:
        """What was held back and is text after all."""
        deltas = self._deltas(self._splitter.finish() if self._splitter else [])
        if held := self._stops.finish():
            deltas += self._delta("text", held)
        return deltas

    def _deltas(self, pieces: list[Piece]) -> list[Delta]:
        deltas: list[Delta] = []
        for kind, text in pieces:
            shown = self._stops.push(text) if kind == "text" else text
            if shown:
                deltas += self._delta(kind, shown)
        return deltas

    def _delta(self, kind: str, text: str) -> list[Delta]:
        tokens, self._tokens = self._tokens, 0
        return [Delta(text, "reasoning" if kind == "reasoning" else "text", tokens)]
