"""ChatRun: one answer on its way from the engine to the disk and to whoever listens."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

import msgspec

from app.core.conversation_store import ConversationStore
from app.core.conversations import Message, MessageFinish, MessageState
from app.core.engine import EngineProcess
from app.core.engine_errors import refusal
from app.core.errors import ConversationError
from backends.errors import BackendError
from backends.types import (
    ContextCut,
    Delta,
    Finish,
    FinishReason,
    GenerationEvent,
    GenerationRequest,
    JsonObject,
    JsonSchema,
    Note,
    Usage,
)

log = logging.getLogger(__name__)


class ChatRun:
    """One answer on its way. Its row is on the disk, marked "streaming", when the run begins."""

    def __init__(
        self,
        store: ConversationStore,
        engine: EngineProcess,
        request: GenerationRequest,
        origins: Sequence[int | None],
        user_message: Message,
        assistant_message: Message,
        on_end: Callable[["ChatRun"], object],
        notes: Sequence[str] = (),
    ) -> None:
        """`origins` has the id of the stored message for each message of the request; `notes` are
        those that are known before the engine says anything.
        """
        self.id = request.id
        self.conversation_id = assistant_message.conversation_id
        self.user_message = user_message
        """The message that is answered."""
        self.assistant_message = assistant_message
        """The answer as it was when the run began; with text if it is continued."""
        self._store = store
        self._engine = engine
        self._request = request
        self._origins = origins
        self._on_end = on_end
        self._lock = threading.Lock()
        self._state: Literal["new", "running", "ended"] = "new"
        self._cancelled = threading.Event()
        self._interrupted = False
        self._content = assistant_message.content
        self._reasoning = assistant_message.reasoning
        self._told = False
        """The engine has said something, and first of all what it left out."""
        self._first_kept = assistant_message.first_kept
        self._notes = tuple(dict.fromkeys((*assistant_message.notes, *notes)))
        self.usage: Usage | None = None
        """Counts and times of this run, once it ended well."""

    def events(self) -> Iterator[GenerationEvent]:
        """What the engine says, stored as it goes; blocks, for one thread, once.

        Ends after `Finish`, which is yielded when the answer is stored. However it ends, the text
        until then is kept.

        Raises:
            EngineDied: the engine's process ended; the answer is marked interrupted.
            ModelError: the engine refused the request; its finish reason is "error".
            StorageError: the answer could not be stored; it will be as soon as there is room.
        """
        if not self._enter("running"):
            return
        broken_off: MessageFinish = "interrupted"
        stream = self._engine.generate(self._request)
        try:
            for event in stream:
                self._take(event)
                if isinstance(event, Finish):
                    state, reason = self._outcome(event.reason)
                    self._end(state, reason, event.usage)
                if self._cancelled.is_set() and not self.ended:
                    # The first time may have been before the engine knew the request.
                    self._engine.cancel(self.id)
                yield event
        except BackendError as error:
            broken_off = "error"
            raise refusal(error) from error
        finally:
            # Whoever stops listening stops the engine, too.
            if not self.ended:
                self._engine.cancel(self.id)
                self._end("interrupted", broken_off, None)

    def cancel(self) -> None:
        """Stop the answer soon; what was written is kept. From any thread.

        The events then end with `Finish("cancelled")`; there are none if nobody listened yet.
        """
        self._cancelled.set()
        if self._enter("ended"):
            self._store_end(*self._outcome("cancelled"), None)
        elif not self.ended:
            self._engine.cancel(self.id)

    def interrupt(self) -> None:
        """Like `cancel`, but because the program ends: the answer is kept as interrupted."""
        self._interrupted = True
        self.cancel()

    @property
    def first_kept(self) -> int | None:
        """`Message.first_kept` of the answer; what it was before while the engine is silent."""
        return self._first_kept

    @property
    def notes(self) -> tuple[str, ...]:
        """`Message.notes` of the answer so far."""
        return self._notes

    @property
    def is_json(self) -> bool:
        """Whether the answer is to be nothing but JSON."""
        return isinstance(self._request.constraint, JsonObject | JsonSchema)

    @property
    def ended(self) -> bool:
        """Whether the answer is stored as far as it goes."""
        return self._state == "ended"

    def _enter(self, state: Literal["running", "ended"]) -> bool:
        """Leave "new" for `state`; False if another call did so before."""
        with self._lock:
            if self._state != "new":
                return False
            self._state = state
            return True

    def _take(self, event: GenerationEvent) -> None:
        if not self._told:
            self._told, self._first_kept = True, None
        if isinstance(event, Delta):
            self._write(event)
        elif isinstance(event, ContextCut):
            self._first_kept = self._origins[event.first_message]
        elif isinstance(event, Note) and event.text not in self._notes:
            self._notes = (*self._notes, event.text)

    def _write(self, piece: Delta) -> None:
        if piece.kind == "reasoning":
            self._reasoning += piece.text
        else:
            self._content += piece.text
        self._store.save_soon(self.assistant_message.id, self._content, self._reasoning)

    def _outcome(self, reason: FinishReason) -> tuple[MessageState, MessageFinish]:
        """How an answer that ended for `reason` is kept."""
        if self._interrupted and reason == "cancelled":
            return "interrupted", "interrupted"
        return "complete", reason

    def _end(self, state: MessageState, reason: MessageFinish, usage: Usage | None) -> None:
        self._state = "ended"
        self.usage = usage
        self._store_end(state, reason, usage)

    def _store_end(self, state: MessageState, reason: MessageFinish, usage: Usage | None) -> None:
        try:
            self._store.update_message(
                self.assistant_message.id,
                content=self._content,
                reasoning=self._reasoning,
                state=state,
                finish_reason=reason,
                usage=self._total(usage),
                first_kept=self._first_kept,
                notes=self._notes,
                retry=True,
            )
        except ConversationError as error:  # deleted meanwhile, or Corral is ending
            log.info("answer %d: %s", self.assistant_message.id, error)
        finally:
            self._on_end(self)

    def _total(self, usage: Usage | None) -> Usage | None:
        """`usage` with the tokens of the part that is continued; speeds are of the last part."""
        before = self.assistant_message.usage
        if usage is None or before is None:
            return usage or before
        return msgspec.structs.replace(
            usage, completion_tokens=before.completion_tokens + usage.completion_tokens
        )
