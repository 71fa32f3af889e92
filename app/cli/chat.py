"""A conversation in the terminal: what is asked, what is printed, what is kept."""

import contextlib
import itertools
import sys
from collections.abc import Callable, Generator, Iterator, Sequence

import msgspec

from app.cli.models_here import AnswerEngine
from app.cli.rendering import ProgressLine, print_error, remark, statistics, without_controls
from app.cli.run_options import OptionError
from app.core.engine_errors import refusal
from app.core.errors import AppError, EngineDied, ModelError
from app.core.presets import ExampleMessage
from backends.errors import BackendError, BadConstraint
from backends.types import (
    ChatMessage,
    ContextCut,
    Delta,
    Finish,
    FinishReason,
    GenerationEvent,
    GenerationRequest,
    Note,
    Progress,
    Usage,
)

_CUT: dict[FinishReason, str] = {
    "length": "The answer ended at --max-tokens: it is not whole.",
    "context": "The answer ended where the context is full: it is not whole.",
}
"""What is said of an answer that breaks off in the middle of its form."""


def _told(error: BackendError) -> AppError:
    """What the engine reported; what only the command line can mend is a usage error."""
    told = refusal(error)
    if not isinstance(error, BadConstraint):
        return told
    hint = "Change what --schema, --regex, --grammar or --json asks for, or leave it out."
    return OptionError(told.title, told.message, hint, told.detail)


class TerminalChat:
    """A conversation with a loaded model, kept in memory only."""

    def __init__(
        self,
        engine: AnswerEngine,
        *,
        system: str,
        asked: GenerationRequest,
        stats: bool,
        images: tuple[bytes, ...] = (),
        examples: Sequence[ExampleMessage] = (),
        hide_thinking: bool = False,
        answered: Callable[[Usage], object] = lambda _: None,
    ) -> None:
        """`asked` says how to answer; its messages are put in here, after `examples`.

        `images` go with the first message that is answered.
        """
        self.engine = engine
        self.system = system
        """What the model is told before the first message; may be changed at any time."""
        self.examples = tuple(examples)
        self.asked = asked
        """How to answer; may be changed at any time."""
        self.stats = stats
        """Say how fast each answer was."""
        self.hide_thinking = hide_thinking
        self.answered = answered
        """Hears what each answer took."""
        self.images = images
        """What goes with the next message."""
        self.last_usage: Usage | None = None
        """Of the last answer that came to its end."""
        self._ids = itertools.count(1)
        self._turns: list[ChatMessage] = []

    @property
    def turns(self) -> tuple[ChatMessage, ...]:
        """What was said, without the system prompt and the examples."""
        return tuple(self._turns)

    def prompt(self) -> tuple[ChatMessage, ...]:
        """Everything that the model is told before the next message."""
        told = [ChatMessage("system", self.system)] if self.system else []
        shown = [ChatMessage(each.role, each.content) for each in self.examples]
        return (*told, *shown, *self._turns)

    def clear(self) -> None:
        """Forget everything but the system prompt and the examples."""
        self._turns = []
        self.images = ()

    def talk(self, messages: Iterator[str]) -> None:
        """Answer each message; one that the model refuses is forgotten and the chat goes on.

        Raises `EngineDied`: no later message could be answered.
        """
        for text in messages:
            try:
                self.answer(text)
            except EngineDied:
                raise
            except AppError as error:
                print_error(error)

    def answer(self, text: str) -> bool:
        """Stream the answer to `text`; False if the person stopped it.

        Raises `ModelError`; the chat is then as it was before. Raises `OptionError` if no answer
        can have the form that was asked for.
        """
        question = ChatMessage("user", text, images=self.images)
        # The running Corral shares an engine with others, so that ids differ between programs.
        request = msgspec.structs.replace(
            self.asked,
            id=f"{self.asked.id}{next(self._ids)}",
            messages=(*self.prompt(), question),
        )
        try:
            answer, finish = self._stream(self.engine.generate(request))
        except BackendError as error:
            raise _told(error) from error
        except ModelError as error:
            if isinstance(error.__cause__, BackendError):
                raise _told(error.__cause__) from error
            raise
        self._turns += [question, ChatMessage("assistant", answer)]
        self.images = ()
        sys.stdout.write("\n")
        sys.stdout.flush()
        if finish and self.asked.constraint is not None and finish.reason in _CUT:
            remark(_CUT[finish.reason])
        if finish:
            self.last_usage = finish.usage
            self.answered(finish.usage)
            if self.stats:
                sys.stderr.write(statistics(finish) + "\n")
        return finish is not None and finish.reason != "cancelled"

    def _stream(self, events: Generator[GenerationEvent, None, None]) -> tuple[str, Finish | None]:
        """Print the answer as it comes, reasoning on standard error.

        Answers the text, and how it ended; None after Ctrl+C, which ends it early.
        """
        line = ProgressLine()
        pieces: list[str] = []
        with contextlib.closing(events), contextlib.suppress(KeyboardInterrupt):
            for event in events:
                if isinstance(event, Progress):
                    line.show(f"Reading your message {event.processed / event.total:.0%}")
                elif isinstance(event, Delta):
                    line.clear()
                    self._print(event)
                    if event.kind == "text":
                        pieces.append(event.text)
                elif isinstance(event, ContextCut):
                    line.clear()
                    count = "1 message" if event.left_out == 1 else f"{event.left_out} messages"
                    remark(f"The chat is longer than the context: {count} left out.")
                elif isinstance(event, Note):
                    line.clear()
                    remark(event.text)
                elif isinstance(event, Finish):
                    return "".join(pieces), event
        line.clear()
        return "".join(pieces), None

    def _print(self, piece: Delta) -> None:
        if piece.kind == "reasoning" and self.hide_thinking:
            return
        stream = sys.stdout if piece.kind == "text" else sys.stderr
        stream.write(without_controls(piece.text))
        stream.flush()
