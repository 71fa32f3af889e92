"""Answers on their way: one per conversation, going on whatever the window shows."""

import time
from collections.abc import Callable
from itertools import groupby

from PySide6.QtCore import QObject, Signal

from app.core.chat import ChatRun
from app.core.errors import AppError
from app.gui.worker import Worker
from backends.types import ContextCut, Delta, Finish, GenerationEvent, Note, Progress


class Answer(QObject):
    """One answer from the first progress to its end, kept so that a page can join late."""

    told = Signal()
    """`first_kept` and `notes` of the run are known, or others than before."""
    progressed = Signal(object)
    """`Progress` of the prompt."""
    text_added = Signal(str, str, int)
    """A piece of text, its kind ("text" or "reasoning"), and its tokens."""
    ended = Signal(object)
    """None, or the `AppError` that ended it."""

    def __init__(self, run: ChatRun, worker: Worker, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.run = run
        self.progress: Progress | None = None
        self.finish: Finish | None = None
        self.started = False
        """Whether text has come."""
        self._heard = False
        self._first: tuple[float, int] | None = None
        self._text = {
            "text": run.assistant_message.content,
            "reasoning": run.assistant_message.reasoning,
        }
        self._task = worker.stream(
            run.events, items=self._take, done=self._done, failed=self.ended.emit
        )

    @property
    def content(self) -> str:
        """The answer so far."""
        return self._text["text"]

    @property
    def reasoning(self) -> str:
        """The model's reasoning so far."""
        return self._text["reasoning"]

    def seconds_left(self) -> float | None:
        """Until the prompt is processed, at the speed so far; None while it cannot be told."""
        if self._first is None or self.progress is None:
            return None
        began, processed = self._first
        done = self.progress.processed - processed
        if done <= 0:
            return None
        rest = self.progress.total - self.progress.processed
        return rest * (time.monotonic() - began) / done

    def set_interval(self, worker: Worker, milliseconds: int) -> None:
        """How often text is handed over; a hidden window wants it less often."""
        worker.set_interval(self._task, milliseconds)

    def _take(self, events: list[GenerationEvent]) -> None:
        for event in events:
            if isinstance(event, Progress):
                self.progress = event
                self._first = self._first or (time.monotonic(), event.processed)
            elif isinstance(event, Finish):
                self.finish = event
        if not self._heard or any(isinstance(event, (ContextCut, Note)) for event in events):
            self._heard = True
            self.told.emit()
        if isinstance(events[-1], Progress):
            self.progressed.emit(events[-1])
        deltas = (event for event in events if isinstance(event, Delta))
        for kind, group in groupby(deltas, key=lambda delta: delta.kind):
            pieces = list(group)
            text = "".join(piece.text for piece in pieces)
            self.started = True
            self._text[kind] += text
            self.text_added.emit(text, kind, sum(piece.tokens for piece in pieces))

    def _done(self, _: None) -> None:
        self.ended.emit(None)


class Answers(QObject):
    """The answers under way in all conversations."""

    began = Signal(int, object)
    """Conversation id and its `Answer`."""
    ended = Signal(int, object)
    """Conversation id and None or the `AppError`."""

    def __init__(self, worker: Worker, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._worker = worker
        self._running: dict[int, Answer] = {}

    def start(
        self,
        ask: Callable[[], ChatRun],
        *,
        failed: Callable[[AppError], object] | None = None,
    ) -> None:
        """Call `ask` (such as `ChatService.send`) off the GUI thread and follow its answer."""
        self._worker.run(ask, done=self._follow, failed=failed)

    def of(self, conversation_id: int) -> Answer | None:
        """The answer under way in a conversation."""
        return self._running.get(conversation_id)

    def running(self) -> dict[int, Answer]:
        """All of them, by conversation id."""
        return dict(self._running)

    def stop(self, conversation_id: int) -> None:
        """End an answer soon; what was written is kept."""
        answer = self._running.get(conversation_id)
        if answer is not None:
            answer.run.cancel()

    def close(self) -> None:
        """The program ends: so do they, to be continued; their streams end with the worker."""
        for answer in self._running.values():
            answer.run.interrupt()

    def _follow(self, run: ChatRun) -> None:
        answer = Answer(run, self._worker, self)
        conversation = run.conversation_id
        self._running[conversation] = answer
        answer.ended.connect(lambda error: self._end(conversation, error))
        self.began.emit(conversation, answer)

    def _end(self, conversation_id: int, error: AppError | None) -> None:
        answer = self._running.pop(conversation_id)
        self.ended.emit(conversation_id, error)
        answer.deleteLater()
