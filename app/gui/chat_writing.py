"""What is being written in a chat: kept in the store, counted in tokens, and sent."""

import logging
from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, QTimer, Signal

from app.core.chat import TokenCount
from app.core.conversations import Conversation, Picture
from app.core.errors import AppError
from app.gui.chat_pictures import ChatPictures
from app.gui.composer import Composer
from app.gui.context import AppContext
from app.gui.worker import Task

log = logging.getLogger(__name__)

COUNT_DELAY_MS = 250
DRAFT_DELAY_MS = 600


class ChatWriting(QObject):
    """Joins the composer to the store and the engine, for whatever chat is in view."""

    send_asked = Signal(str, object)
    """Text and pictures to send."""
    stored = Signal(object)
    """The `Conversation` with what is typed in it, as it is stored now."""
    context_told = Signal(int)
    """Tokens that the model's context holds; 0 where no model is loaded."""

    def __init__(
        self,
        context: AppContext,
        composer: Composer,
        conversation: Callable[[], Conversation | None],
        parent: QObject,
    ) -> None:
        """`conversation` tells the chat in view, None for one that has not begun."""
        super().__init__(parent)
        self._context = context
        self._composer = composer
        self._conversation = conversation
        self._opening: Conversation | None = None
        self._counting: Task | None = None
        self._waiting: str | None = None
        """What is sent as soon as it is counted."""
        window = context.settings.current.window
        self.new_text = window.draft
        """What is typed in the chat that has not begun."""
        self.new_pictures = window.draft_pictures
        """What is attached there."""
        self._count_soon = QTimer(self, singleShot=True, interval=COUNT_DELAY_MS)
        self._count_soon.timeout.connect(self.count)
        self._keep_soon = QTimer(self, singleShot=True, interval=DRAFT_DELAY_MS)
        self._keep_soon.timeout.connect(self.keep)
        self.pictures = ChatPictures(context, composer, self._conversation_id, self)
        """What is chosen, pasted or dropped."""
        self.pictures.changed.connect(self._touched)
        self.pictures.for_new_chat.connect(self._keep_for_new_chat)
        composer.send_requested.connect(self._send)
        composer.draft_changed.connect(self._touched)
        self._settings_changed()
        context.bridge.on(context.settings.changed, self._settings_changed)
        self.show_new()

    def _settings_changed(self, _: object = None) -> None:
        chat = self._context.settings.current.chat
        self._composer.set_enter_sends(chat.enter_sends)
        if self._composer.context_policy != chat.context_policy:
            self._composer.set_context_policy(chat.context_policy)
            self.count()  # what can be sent depends on it

    def _conversation_id(self) -> int | None:
        conversation = self._conversation()
        return conversation.id if conversation else None

    # The draft

    def show_new(self) -> None:
        """Put what is typed in the chat that has not begun into the composer."""
        self._show(self.new_text, self.new_pictures)

    def show_of(self, conversation: Conversation) -> None:
        """Put what is typed in a stored chat into the composer."""
        self._show(conversation.draft, conversation.draft_pictures)

    def clear(self) -> None:
        """Nothing is typed any more."""
        self._show("", ())

    def _show(self, text: str, pictures: tuple[Picture, ...]) -> None:
        self._composer.set_text(text)
        self._composer.set_pictures(pictures)

    def leave(self) -> None:
        """Another chat comes into view: keep what is typed in this one, count it no more."""
        self.keep()
        if self._counting is not None:
            self._counting.cancel()

    def keep(self) -> None:
        """Store what is typed and not sent."""
        self._keep_soon.stop()
        change = self._change()
        if change is not None:
            self._context.worker.run(change, done=self.stored.emit)

    def close(self) -> None:
        """Store what is typed before the program ends; a few milliseconds."""
        self._keep_soon.stop()
        change = self._change()
        if change is not None:
            try:
                change()
            except AppError as error:
                log.warning("draft not kept: %s", error)

    def _change(self) -> Callable[[], Conversation] | None:
        """What stores the draft; None if it is stored, or kept here for a chat to begin."""
        conversation = self._conversation()
        text, pictures = self._composer.text(), self._composer.pictures()
        if conversation is None:
            self.new_text, self.new_pictures = text, pictures
            return None
        if (text, pictures) == (conversation.draft, conversation.draft_pictures):
            return None
        update = self._context.store.update
        return partial(update, conversation.id, draft=text, draft_pictures=pictures)

    def _touched(self, _: object = None) -> None:
        self._waiting = None
        self._count_soon.start()
        self._keep_soon.start()

    def _keep_for_new_chat(self, picture: Picture) -> None:
        self.new_pictures = (*self.new_pictures, picture)

    # Its size

    def set_opening(self, opening: Conversation | None) -> None:
        """What a chat that has not begun would be stored as, for counting its tokens."""
        self._opening = opening

    def count_soon(self) -> None:
        """Count when nothing else has changed for a moment."""
        self._count_soon.start()

    def count(self) -> None:
        """Ask how much of the context the prompt takes with what is typed."""
        if self._counting is not None:
            self._counting.cancel()
        chat, conversation = self._context.chat, self._conversation()
        text, pictures = self._composer.text(), self._composer.pictures()
        count: Callable[[], TokenCount | None]
        if conversation is not None:
            count = partial(chat.prompt_tokens, conversation.id, text, pictures)
        elif self._opening is not None:
            count = partial(chat.opening_tokens, self._opening, text, pictures)
        else:
            self._composer.set_tokens(None)
            return
        run = self._context.worker.run
        self._counting = run(count, done=self._counted, failed=self._not_counted)

    def _not_counted(self, error: AppError) -> None:
        log.info("tokens not counted: %s", error)
        self._ask_to_send()

    def _counted(self, count: TokenCount | None) -> None:
        self.context_told.emit(count.context if count else 0)
        if count is None:
            self._composer.set_tokens(None)
        else:
            self._composer.set_tokens(count.total, count.context, sendable=count.sendable)
        self._ask_to_send()

    # Sending

    def _send(self, text: str) -> None:
        # It stays in the field until it is stored: loading the model first may take long.
        self._composer.set_text(text)
        self._waiting = text
        self._count_soon.stop()
        if self._conversation() is None and self._opening is None:
            self._ask_to_send()
        else:
            self.count()

    def _ask_to_send(self) -> None:
        """Send what waited for its count, unless it is too long: the gauge says so then."""
        text, self._waiting = self._waiting, None
        if text is not None and self._composer.can_send():
            self.send_asked.emit(text, self._composer.pictures())
