"""Stores what a chat changes of its preset, soon after it was changed and in order."""

from PySide6.QtCore import QMutex, QMutexLocker, QObject, QTimer, Signal

from app.core.conversation_store import ConversationStore
from app.core.conversations import Conversation
from app.core.errors import AppError
from app.gui.preset_choice import ChatDraft, draft_of
from app.gui.worker import Worker

DELAY_MS = 300


class OverrideWriter(QObject):
    """What one conversation should say, until the store says it.

    A write always takes the newest wish and is repeated until the store holds it, so the order
    in which threads come to write does not matter.
    """

    stored = Signal(object)
    """The `Conversation` as it is stored now."""
    failed = Signal(object)
    """`AppError`; the wish is given up."""

    def __init__(
        self, store: ConversationStore, worker: Worker, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._store = store
        self._worker = worker
        self._wishes: dict[int, ChatDraft] = {}
        self._busy: set[int] = set()
        self._writing = QMutex()
        self._soon = QTimer(self, singleShot=True, interval=DELAY_MS)
        self._soon.timeout.connect(self._write_all)

    def wish(self, conversation_id: int) -> ChatDraft | None:
        """What the conversation should say and does not yet."""
        return self._wishes.get(conversation_id)

    def put(self, conversation_id: int, wanted: ChatDraft, *, soon: bool = False) -> None:
        """Store this: at once, or `soon` while something is being typed or dragged."""
        self._wishes[conversation_id] = wanted
        if soon:
            self._soon.start()
        else:
            self._write_all()

    def flush(self) -> None:
        """Store everything before this returns: a few milliseconds, where there is something.

        For the moments that must not be overtaken: a message is sent, the window closes.
        """
        self._soon.stop()
        for conversation_id in tuple(self._wishes):
            try:
                conversation = self._write(conversation_id)
            except AppError as error:
                self._give_up(conversation_id, error)
            else:
                self._settle(conversation)

    def _write_all(self) -> None:
        self._soon.stop()
        for conversation_id in self._wishes.keys() - self._busy:
            self._begin(conversation_id)

    def _begin(self, conversation_id: int) -> None:
        self._busy.add(conversation_id)

        def failed(error: AppError) -> None:
            self._busy.discard(conversation_id)
            self._give_up(conversation_id, error)

        self._worker.run(self._write, conversation_id, done=self._written, failed=failed)

    def _write(self, conversation_id: int) -> Conversation:
        """Any thread; one at a time, so that an older wish never lands after a newer one."""
        with QMutexLocker(self._writing):
            wanted = self._wishes.get(conversation_id)
            if wanted is None:
                return self._store.get(conversation_id)
            return self._store.update(
                conversation_id,
                preset_id=wanted.preset_id,
                system_prompt=wanted.system_prompt,
                sampling=wanted.sampling,
                reasoning=wanted.answers.reasoning,
                constraint=wanted.answers.constraint,
                keep_on_disk=wanted.answers.keep_on_disk,
            )

    def _written(self, conversation: Conversation) -> None:
        self._busy.discard(conversation.id)
        self._settle(conversation)
        if conversation.id in self._wishes and not self._soon.isActive():
            self._begin(conversation.id)

    def _settle(self, conversation: Conversation) -> None:
        if self._wishes.get(conversation.id) == draft_of(conversation):
            del self._wishes[conversation.id]
        self.stored.emit(conversation)

    def _give_up(self, conversation_id: int, error: AppError) -> None:
        self._wishes.pop(conversation_id, None)
        self.failed.emit(error)
