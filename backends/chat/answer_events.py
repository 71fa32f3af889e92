"""Collects the events of one answer."""

from backends.chat.reader import TrailingBlanks
from backends.chat.stops import StopFilter
from backends.chat.tool_calls.calls import AnswerEnded, CallEvent
from backends.types import Delta, DeltaKind, GenerationEvent, Note, NoteCode, ToolCallStart


class AnswerEvents:
    """What is said goes in here in order, and comes out as events without any stop string."""

    def __init__(self, stops: tuple[str, ...], *, hold_blanks: bool) -> None:
        """`hold_blanks` keeps blanks back until more text follows, so that none precede a call."""
        self._stops = StopFilter(stops)
        self._blanks = TrailingBlanks(lambda text: self._delta(text, "text"))
        self._hold_blanks = hold_blanks
        self._events: list[GenerationEvent] = []
        self._tokens = 0

    @property
    def stopped(self) -> bool:
        """A stop string has ended the text."""
        return self._stops.stopped

    @property
    def stop_string(self) -> str:
        """The stop string that has ended the text; empty while none has."""
        return self._stops.found

    def token(self) -> None:
        """One more token was made."""
        self._tokens += 1

    def take(self) -> list[GenerationEvent]:
        """The events since the last time."""
        events, self._events = self._events, []
        return events

    def reasoning(self, text: str) -> None:
        """A piece of the reasoning."""
        self._delta(text, "reasoning")

    def text(self, text: str) -> None:
        """A piece of the answer proper. Raises `AnswerEnded` at a stop string."""
        self._show(self._stops.push(text))
        if self._stops.stopped:
            raise AnswerEnded

    def call(self, event: CallEvent) -> None:
        """An event of a tool call."""
        if isinstance(event, ToolCallStart):
            self._show(self._stops.finish())
            self._blanks.drop()
        self._tokens = 0
        self._events.append(event)

    def note(self, code: NoteCode, text: str) -> None:
        """Something a person should know."""
        self._events.append(Note(code, text))

    def release(self) -> None:
        """Nothing more comes: what was held back is text after all."""
        self._show(self._stops.finish())
        self._blanks.release()

    def _show(self, text: str) -> None:
        if not text:
            return
        if self._hold_blanks:
            self._blanks(text)
        else:
            self._delta(text, "text")

    def _delta(self, text: str, kind: DeltaKind) -> None:
        tokens, self._tokens = self._tokens, 0
        self._events.append(Delta(text, kind, tokens))
