"""Which chat is wanted in view: read from the store, and noted for the next start."""

import logging
from functools import partial

from msgspec import structs
from PySide6.QtCore import QObject, QTimer, Signal

from app.core.conversations import Conversation, Message
from app.core.errors import AppError, ConversationError, StorageError
from app.gui.chat_layout import ChatLayout
from app.gui.chat_pane import ChatPane
from app.gui.context import AppContext
from app.gui.worker import Task

log = logging.getLogger(__name__)

PLACE_DELAY_MS = 500


class ChatReading(QObject):
    """Reads one chat at a time; only what is still wanted when it has come is told."""

    opened = Signal(object, object, object)
    """A `Conversation`, its messages, and the id of the one to show, or None."""
    missing = Signal()
    """The wanted chat cannot be shown; a new one should be."""
    changed = Signal(object)
    """Another state of the `Conversation` in view was read."""

    def __init__(
        self, context: AppContext, pane: ChatPane, layout: ChatLayout, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._context = context
        self._pane = pane
        self._layout = layout
        self.wanted: int | None = None
        """The stored chat that is in view, or is about to be."""
        self._changing: Task | None = None
        self._place = QTimer(self, singleShot=True, interval=PLACE_DELAY_MS)
        self._place.timeout.connect(self._keep_place_if_possible)

    def open(self, conversation_id: int, message_id: int | None) -> None:
        """Read a stored conversation; `opened` tells it."""
        self.wanted = conversation_id
        store = self._context.store

        def read() -> tuple[Conversation, tuple[Message, ...]]:
            if message_id is not None:
                store.reveal(message_id)
            return store.get(conversation_id), store.path(conversation_id)

        self._context.worker.run(
            read,
            done=partial(self._read, message_id),
            failed=partial(self._failed, conversation_id),
        )

    def _failed(self, conversation_id: int, error: AppError) -> None:
        if conversation_id == self.wanted:
            self.missing.emit()
            if not isinstance(error, ConversationError):  # that one was deleted for good
                self._context.notifier.error(error)

    def _read(self, message_id: int | None, read: tuple[Conversation, tuple[Message, ...]]) -> None:
        conversation, messages = read
        if conversation.id != self.wanted:
            return
        if conversation.deleted is not None:
            self.missing.emit()
        else:
            self.opened.emit(conversation, messages, message_id)

    def look_again(self, conversation_id: int) -> None:
        """Something about the conversation in view changed in the store."""
        if self._changing is not None:
            self._changing.cancel()  # an older answer may come later than a newer one
        self._changing = self._context.worker.run(
            self._context.store.get, conversation_id, done=self.changed.emit
        )

    # The place

    def note_place(self) -> None:
        """Keep in a moment which chat is open, if it is another one than was kept.

        A kill must not lose it, and who looks through chats has no wait.
        """
        if self._open_id() != self._context.settings.current.window.conversation_id:
            self._place.start()

    def keep_place(self) -> None:
        """Store which chat is open, for the next start. Raises `StorageError`."""
        self._place.stop()
        self._context.settings.update(
            window=structs.replace(
                self._context.settings.current.window,
                conversation_id=self._open_id(),
                draft=self._pane.writing.new_text,
                draft_pictures=self._pane.writing.new_pictures,
                chat_list_width=self._layout.list_width,
            )
        )

    def _open_id(self) -> int | None:
        conversation = self._pane.conversation
        return self.wanted if conversation is None else conversation.id

    def _keep_place_if_possible(self) -> None:
        try:
            self.keep_place()
        except StorageError as error:  # the end of the program tries again
            log.warning("the open chat could not be noted: %s", error)
