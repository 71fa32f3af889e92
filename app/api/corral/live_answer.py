"""An answer on its way, made by a task of its own: any number of clients follow it, or none."""

import asyncio
from collections.abc import AsyncGenerator

from app.api.corral.chat_types import (
    AnswerLine,
    Begun,
    ChatInfo,
    ChatTurn,
    Ended,
    Failed,
    Loading,
    Reading,
    Text,
    Waiting,
)
from app.api.errors import ApiError
from app.core.chat_run import ChatRun
from backends.types import Delta, GenerationEvent, Progress


class LiveAnswer:
    """What is known of it so far. Used from the server's event loop only."""

    def __init__(self) -> None:
        self.task: asyncio.Task[None] | None = None
        """What makes it."""
        self.run: ChatRun | None = None
        """None until the model is loaded and the message stored."""
        self.stopped = False
        """Somebody wants no more of it."""
        self.loading = True
        """The model is being loaded, so that nothing is stored yet."""
        self._step: Loading | Waiting | Reading | None = Loading(0.0)
        self._begun: Begun | None = None
        self._content = ""
        self._reasoning = ""
        self._failed: Failed | None = None
        self._ended: Ended | None = None
        self._news = asyncio.Event()

    def step(self, step: Loading | Waiting) -> None:
        """It is not being written yet, but this happens."""
        self._step = step
        self._tell()

    def begin(self, run: ChatRun, question: ChatTurn, answer: ChatTurn) -> None:
        """The message is stored."""
        self.run = run
        self._begun = Begun(question, answer)
        self._content, self._reasoning = answer.content, answer.reasoning
        self._tell()

    def take(self, event: GenerationEvent) -> None:
        """The engine says something."""
        match event:
            case Progress():
                self._step = Reading(event.processed, event.total)
            case Delta(kind="reasoning"):
                self._reasoning += event.text
            case Delta():
                self._content += event.text
            case _:
                return
        self._tell()

    def fail(self, error: ApiError) -> None:
        """It cannot be given, or not to its end."""
        self._failed = Failed(error.message, error.kind)

    def end(self, answer: ChatTurn | None, chat: ChatInfo | None) -> None:
        """It is stored as far as it goes; nothing comes any more."""
        self._ended = Ended(answer, chat)
        self._tell()

    async def lines(self) -> AsyncGenerator[AnswerLine, None]:
        """All about it from now on; first what there is already."""
        step: Loading | Waiting | Reading | None = None
        begun = False
        content = reasoning = 0
        while True:
            news = self._news
            if self._begun is not None and not begun:
                begun = True
                content = len(self._begun.answer.content)
                reasoning = len(self._begun.answer.reasoning)
                yield self._begun
            if self._step is not None and self._step is not step:
                step = self._step
                yield step
            if len(self._reasoning) > reasoning:
                piece, reasoning = self._reasoning[reasoning:], len(self._reasoning)
                yield Text(piece, True)
            if len(self._content) > content:
                piece, content = self._content[content:], len(self._content)
                yield Text(piece, False)
            if news is not self._news:
                continue  # more came while the client was written to
            if self._ended is not None:
                if self._failed is not None:
                    yield self._failed
                yield self._ended
                return
            await news.wait()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
