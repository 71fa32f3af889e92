"""From the bytes of tokens to the events of an answer."""

from collections.abc import Callable, Sequence

from backends.chat.answer_events import AnswerEvents
from backends.chat.families import ChatFormat
from backends.chat.reader import BLANKS, Parse, Reader, needles
from backends.chat.reasoning import Reasoning
from backends.chat.tool_calls.calls import (
    AnswerEnded,
    CallCutError,
    CallEvent,
    Calls,
    MalformedCallError,
    NotACallError,
    Syntax,
    random_id,
    short_id,
)
from backends.chat.tool_calls.forced import ForcedCall
from backends.chat.tool_calls.harmony import Harmony
from backends.chat.tool_calls.styles import syntax_of
from backends.chat.utf8 import Utf8Stream
from backends.types import FinishReason, GenerationEvent, Tool

OUT_OF_BUDGET = "\n\nThat is as long as I can think about it; I will answer now."
"""The model's last thought where its reasoning is cut short."""


class AnswerParser:
    """Reads one answer: whole characters, reasoning apart, calls, nothing of a stop string.

    However the bytes are cut into pieces, the events join to the same answer.
    """

    def __init__(
        self,
        format: ChatFormat,
        *,
        tools: Sequence[Tool] = (),
        stops: tuple[str, ...] = (),
        inside_reasoning: bool = False,
        parallel: bool = True,
        budget: int | None = None,
        forced_call: ForcedCall | None = None,
        new_id: Callable[[], str] | None = None,
    ) -> None:
        """Without `tools` nothing is taken for a call.

        `inside_reasoning` says that the prompt has opened the reasoning, and `budget` is its
        length in tokens at most. Without `parallel` the answer ends behind the first call.
        `forced_call` is a call the answer must consist of; see `take_forced`.
        """
        style = forced_call.style if forced_call else format.tool_style
        # Functionary names whom it speaks to even where it was told of no tools.
        reads = tools or style == "functionary32"
        self._syntax: Syntax | None = syntax_of(style) if reads else None
        self._tools, self._parallel = tools, parallel
        self._new_id = new_id or (short_id if style.startswith("mistral") else random_id)
        self._ignored = format.ignored
        if format.recipient:
            names = ("user", *(tool.name for tool in tools))
            self._ignored += tuple(map(format.recipient.format, names))
        self._budget, self._forced_call = budget, forced_call
        self._reasoned_tokens = 0
        self._trying = False
        self._ended = False
        self._utf8 = Utf8Stream()
        self._reader = Reader()
        self._events = AnswerEvents(stops, hold_blanks=bool(tools))
        self._calls = self._new_calls(self._events.call)
        self._reasoning: Reasoning | Harmony | None = None
        if format.tool_style == "harmony":
            self._reasoning = Harmony(
                inside=inside_reasoning,
                reasoning=self._events.reasoning,
                text=self._events.text,
                calls=self._read_calls if tools else None,
            )
        elif format.reasoning:
            self._reasoning = Reasoning(
                format.reasoning, inside=inside_reasoning, write=self._events.reasoning
            )
        self._parse = self._answer()
        next(self._parse)

    @property
    def stopped(self) -> bool:
        """The answer has ended: at a stop string, or behind the last call that is wanted."""
        return self._ended

    @property
    def in_reasoning(self) -> bool:
        """The reasoning is open."""
        return self._reasoning is not None and self._reasoning.active

    @property
    def reasoning_tokens(self) -> int:
        """Tokens of the reasoning so far, its markers left out where they are tokens."""
        return self._reasoned_tokens

    @property
    def finish_reason(self) -> FinishReason:
        """Why the answer ended, once it has stopped or the model has ended it."""
        if self._events.stopped:
            return "stop_string"
        return "tool_calls" if self._calls.completed else "stop"

    @property
    def stop_string(self) -> str:
        """The stop string that has ended the answer; empty where none has."""
        return self._events.stop_string

    def push(self, piece: bytes) -> list[GenerationEvent]:
        """The events that one more token completes."""
        if self._ended:
            return []
        self._events.token()
        was_reasoning = self.in_reasoning
        if text := self._utf8.push(piece):
            self._reader.feed(text)
            self._go_on()
        if was_reasoning and self.in_reasoning:
            self._reasoned_tokens += 1
        return self._events.take()

    def finish(self) -> list[GenerationEvent]:
        """What was held back. A call that is not complete is reported as such."""
        if not self._ended:
            self._reader.end()
            self._go_on()
            self._ended = True
            if self.in_reasoning and not self._calls.count:
                self._events.note(
                    "unclosed_reasoning",
                    "The model was still reasoning when its answer ended. Allow it more tokens, "
                    "or limit its reasoning.",
                )
        self._events.release()
        return self._events.take()

    def take_forced(self) -> str:
        """What the model must say next instead of what it would choose; mostly empty.

        To be asked for before each token, the first one included. The text is given once; its
        tokens are then to be pushed like any others, control tokens recognised. It ends the
        reasoning when its budget is spent, and begins a forced call when the reasoning is over.
        """
        if self.in_reasoning and not (self._forced_call and self._never_closes):
            return self._forced_closing()
        if self._forced_call is None or self._calls.count:
            return ""
        begun, self._forced_call = self._forced_call.begun, None
        return begun

    @property
    def _never_closes(self) -> bool:
        """The markers of harmony's channels belong to the call, which takes their place."""
        return isinstance(self._reasoning, Harmony)

    def _forced_closing(self) -> str:
        spent = self._budget is not None and self._reasoned_tokens >= self._budget
        if not spent or self._trying or self._utf8.pending or not self._reasoning:
            return ""
        closing = self._reasoning.closing
        if closing:
            self._budget = None
            if self._reasoned_tokens:
                return OUT_OF_BUDGET + closing
        return closing

    def _go_on(self) -> None:
        try:
            next(self._parse)
        except AnswerEnded:
            self._ended = True
            self._reader.unmark()
        except StopIteration:
            self._ended = True

    def _new_calls(self, tell: Callable[[CallEvent], None], *, trial: bool = False) -> Calls:
        return Calls(
            self._reader,
            self._tools,
            tell,
            parallel=self._parallel,
            new_id=self._new_id,
            first=self._calls.count if trial else 0,
            keep_mark=trial,
        )

    def _answer(self) -> Parse[None]:
        syntax, opens = self._syntax, self._syntax.opens if self._syntax else ()
        if isinstance(self._reasoning, Harmony):
            yield from self._reasoning.read(self._reader)
            return
        if self._reasoning is not None:
            yield from self._reasoning.read(self._reader, opens, self._try_calls)
        if syntax and syntax.bare:
            yield from self._read_calls(syntax)
        markers = needles(*opens, *self._ignored)
        while found := (yield from self._reader.until(markers, self._events.text)):
            if syntax and found in opens:
                yield from self._read_calls(syntax, found)

    def _read_calls(self, syntax: Syntax, opened: str = "") -> Parse[None]:
        """Read calls behind a marker or, where that is empty, bare ones."""
        calls, before = self._calls, self._calls.count
        self._reader.mark(len(opened))
        try:
            yield from syntax.read(self._reader, calls, opened)
            self._reader.unmark()
            if calls.count > before:
                yield from self._reader.skip_blanks()
        except NotACallError:
            self._events.text(self._reader.unmark())
        except (MalformedCallError, CallCutError) as error:
            unread = self._reader.unmark()
            cut = isinstance(error, CallCutError)
            if calls.whole:
                # Only something around the arguments is wrong or missing.
                calls.end(repaired=not cut)
            elif calls.open:
                calls.end(complete=False)
                if not cut:
                    self._malformed(unread)
            elif syntax.bare and not opened:
                self._events.text(unread)
            elif not cut or unread.strip(BLANKS + ",;]"):
                self._malformed(unread)

    def _malformed(self, unread: str) -> None:
        self._events.text(unread)
        self._events.note(
            "malformed_tool_call",
            "The model tried to call a tool, but what it wrote could not be understood. It is "
            "shown as text.",
        )

    def _try_calls(self, opened: str) -> Parse[str]:
        """Inside the reasoning only what is complete is a call; otherwise its text results."""
        assert self._syntax is not None
        told: list[CallEvent] = []
        trial = self._new_calls(told.append, trial=True)
        self._reader.mark(len(opened))
        self._trying = True
        ended = False
        try:
            yield from self._syntax.read(self._reader, trial, opened)
        except AnswerEnded:
            ended = True
        except (NotACallError, MalformedCallError, CallCutError):
            return self._reader.unmark()
        finally:
            self._trying = False
        unread = self._reader.unmark()
        if not told:
            return unread
        for event in told:
            self._events.call(event)
        self._calls.count = trial.count
        self._calls.completed += trial.completed
        if ended:
            raise AnswerEnded
        return ""
