"""One chat in view: its messages, the answer on its way, and the composer below."""

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QResizeEvent
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from app.core.conversations import Conversation, Message
from app.core.errors import AppError, ModelError, PromptRefused, RemedyKind
from app.gui.chat_answers import Answer, Answers
from app.gui.chat_changes import ChatChanges
from app.gui.chat_writing import ChatWriting
from app.gui.composer import Composer
from app.gui.context import AppContext
from app.gui.find_bar import FindBar
from app.gui.message_item import MessageItem, Remedy, from_message
from app.gui.picture_images import PictureImages
from app.gui.transcript import TranscriptView
from app.gui.worker import Task
from backends.types import Progress

log = logging.getLogger(__name__)

VISIBLE_INTERVAL_MS = 30
HIDDEN_INTERVAL_MS = 100


class ChatPane(QWidget):
    """Shows one conversation at a time; answers in others go on."""

    remedy_chosen = Signal(int, str)
    """Message id and the key of a way out of an error."""

    def __init__(
        self,
        context: AppContext,
        answers: Answers,
        empty: QWidget,
        parent: QWidget | None = None,
    ) -> None:
        """`empty` is shown in place of the messages while there are none."""
        super().__init__(parent)
        self._context = context
        self._answers = answers
        self._empty = empty
        self._conversation: Conversation | None = None
        self._answer: Answer | None = None
        self._reading: Task | None = None
        self._names: dict[str, str] = {}
        self._errors: dict[int, AppError] = {}
        """What broke off the last answer, by conversation.

        Until the next one begins there, or the person closes it.
        """
        self._build()
        answers.began.connect(self._began)
        answers.ended.connect(self._ended)

    def _build(self) -> None:
        context = self._context
        images = PictureImages(context.store.picture, context.worker, self)
        self.transcript = TranscriptView(
            context.theme, context.icons, context.worker, self, pictures=images
        )
        self._body = QStackedWidget(self)  # at once: Tab goes in the order of adoption
        self._body.addWidget(self._empty)
        self._body.addWidget(self.transcript)
        self.composer = Composer(context.theme, context.icons, self, images=images)
        self.writing = ChatWriting(context, self.composer, lambda: self._conversation, self)
        self.changes = ChatChanges(context, self.transcript, self._conversation_id, self)
        self.setAcceptDrops(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._body, 1)
        column.addWidget(self.composer)
        self.find_bar = FindBar(context.icons, self.transcript, self)
        self.writing.stored.connect(self.conversation_changed)
        self.writing.context_told.connect(self.transcript.set_context_length)
        self.changes.changed.connect(self.reload)
        self.composer.edit_last_requested.connect(self.changes.edit_last)
        self.composer.stop_requested.connect(self.stop)
        transcript = self.transcript
        transcript.remedy_chosen.connect(self.remedy_chosen)
        transcript.error_dismissed.connect(self._forget_error)

    # What is shown

    @property
    def conversation(self) -> Conversation | None:
        """The conversation in view; None for one that has not begun."""
        return self._conversation

    def _conversation_id(self) -> int | None:
        return self._conversation.id if self._conversation else None

    def show_new(self) -> None:
        """An empty chat."""
        self._leave()
        self._conversation = None
        self._show_messages(())
        self.writing.show_new()
        self.composer.set_generating(False)
        self.writing.count()

    def show_conversation(
        self,
        conversation: Conversation,
        messages: tuple[Message, ...],
        message_id: int | None = None,
    ) -> None:
        """A stored chat, at its end or at a message that a search found."""
        again = self._conversation is not None and self._conversation.id == conversation.id
        self._leave()
        self._conversation = conversation
        if not again:  # what is typed is newer than what was read
            self.writing.show_of(conversation)
        answer = self._answers.of(conversation.id)
        self._answer = answer  # known before the messages are shown: it has the newest text
        self._show_messages(messages)
        self._join(answer)
        if answer is None and any(message.state == "streaming" for message in messages):
            self.reload()  # it ended after they were read
        if messages and conversation.id in self._errors:
            self.show_error(messages[-1].id, self._errors[conversation.id])
        if message_id is not None:
            self.transcript.scroll_to(message_id)
        self.writing.count()

    def conversation_changed(self, conversation: Conversation) -> None:
        """The store has another state of the conversation in view."""
        if self._conversation is not None and self._conversation.id == conversation.id:
            self._conversation = conversation
            self.writing.count_soon()

    def set_model_names(self, names: dict[str, str]) -> None:
        """What people call the models, by id; answers headed by an id get the name."""
        self._names = names
        for item in self.transcript.items():
            name = names.get(item.model_name, item.model_name)
            if name != item.model_name and item.state != "streaming":
                self.transcript.update_item(item.id, replace(item, model_name=name))

    def reload(self) -> None:
        """Read the messages in view anew."""
        if self._conversation is not None:
            self._read(self._conversation.id, self._show_messages)

    def _read(self, conversation_id: int, done: Callable[[tuple[Message, ...]], None]) -> None:
        """Only the newest reading is shown: an older one may come in later."""
        if self._reading is not None:
            self._reading.cancel()
        path = self._context.store.path
        self._reading = self._context.worker.run(path, conversation_id, done=done)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the find bar in its corner."""
        super().resizeEvent(event)
        self.find_bar.adjustSize()
        self.find_bar.move(self.width() - self.find_bar.width() - 24, 8)

    def _leave(self) -> None:
        self.writing.leave()
        if self._reading is not None:
            self._reading.cancel()
        self._part()

    def _show_messages(self, messages: tuple[Message, ...]) -> None:
        self.transcript.set_messages([self._item(message) for message in messages])
        self._body.setCurrentWidget(self.transcript if messages else self._empty)

    def _item(self, message: Message) -> MessageItem:
        item = from_message(message, self._names.get(message.model or "", ""))
        answer = self._answer
        if answer is not None and answer.run.assistant_message.id == message.id:
            # What the window was told counts: the store is behind it, or at the end ahead of it.
            return replace(
                item,
                text=answer.content,
                reasoning=answer.reasoning,
                state="streaming",
                first_kept=answer.run.first_kept,
                notes=answer.run.notes,
                is_json=answer.run.is_json,
            )
        return item

    # The answer on its way

    def _join(self, answer: Answer | None) -> None:
        self._answer = answer
        self.composer.set_generating(answer is not None)
        if answer is None:
            return
        answer.told.connect(self._told)
        answer.progressed.connect(self._progressed)
        answer.text_added.connect(self._grew)
        answer.set_interval(self._context.worker, VISIBLE_INTERVAL_MS)
        if not answer.started and answer.progress is not None:
            self._progressed(answer.progress)

    def _part(self) -> None:
        """Let the answer go on without being watched."""
        if self._answer is not None:
            self._answer.told.disconnect(self._told)
            self._answer.progressed.disconnect(self._progressed)
            self._answer.text_added.disconnect(self._grew)
            self._answer.set_interval(self._context.worker, HIDDEN_INTERVAL_MS)
            self._answer = None

    def _began(self, conversation_id: int, answer: Answer) -> None:
        self._errors.pop(conversation_id, None)
        self.transcript.clear_error(answer.run.assistant_message.id)
        if self._conversation is None or self._conversation.id != conversation_id:
            return
        asked, written = answer.run.user_message, self.composer
        same_words = asked.content.strip() == written.text().strip()
        if same_words and asked.pictures == written.pictures():
            self.writing.clear()
            self.writing.keep()
        self._join(answer)
        self.transcript.jump_to_end()  # wherever one was reading: what was asked for is there
        self.reload()

    def _told(self) -> None:
        if self._answer is not None:
            run = self._answer.run
            self.transcript.tell(run.assistant_message.id, run.first_kept, run.notes)

    def _progressed(self, progress: Progress) -> None:
        if self._answer is not None:
            message_id = self._answer.run.assistant_message.id
            seconds = self._answer.seconds_left()
            self.transcript.show_prompt_progress(message_id, progress, seconds)

    def _grew(self, text: str, kind: str, tokens: int) -> None:
        if self._answer is not None:
            message_id = self._answer.run.assistant_message.id
            self.transcript.stream_text(
                message_id, text, "reasoning" if kind == "reasoning" else "text", tokens
            )

    def _ended(self, conversation_id: int, error: AppError | None) -> None:
        if error is not None:
            self._errors[conversation_id] = error
        if self._conversation is None or self._conversation.id != conversation_id:
            return
        answer, self._answer = self._answer, None
        self.composer.set_generating(False)
        if answer is None:
            return
        message_id = answer.run.assistant_message.id
        self._read(conversation_id, partial(self._finish, message_id, error))
        self.writing.count()

    def _finish(
        self, message_id: int, error: AppError | None, messages: tuple[Message, ...]
    ) -> None:
        for message in messages:
            if message.id == message_id:
                self.transcript.finish(message_id, self._item(message))
        self._show_messages(messages)
        if error is not None:
            self.show_error(message_id, error)

    def show_error(
        self, message_id: int, error: AppError, remedies: tuple[Remedy, ...] = ()
    ) -> None:
        """What went wrong under a message, and ways out of it."""
        self.transcript.show_error(message_id, error, remedies or self._usual_ways(error))

    def _usual_ways(self, error: AppError) -> tuple[Remedy, ...]:
        if isinstance(error, PromptRefused):
            longer = Remedy("picker", self.tr("Choose…"), self.tr("A longer context for the model"))
            return longer, Remedy("new", self.tr("New chat"), self.tr("Begin anew"))
        if isinstance(error, ModelError) and error.is_lasting:
            return self._other_model(error)
        same = self.tr("With the same settings")
        return (Remedy("again", self.tr("Reload and continue"), same),)

    def _other_model(self, error: ModelError) -> tuple[Remedy, ...]:
        if RemedyKind.OTHER_MODEL not in error.remedies:
            return ()
        return (Remedy("picker", self.tr("Choose…"), self.tr("Another model")),)

    def _forget_error(self, message_id: int) -> None:
        if self._conversation is not None:
            self._errors.pop(self._conversation.id, None)

    def stop(self) -> None:
        """End the answer in view; what was written is kept."""
        if self._conversation is not None:
            self._answers.stop(self._conversation.id)

    def offer(self, error: AppError, ways: tuple[Remedy, ...]) -> None:
        """Better ways out of the error that is shown."""
        items, conversation = self.transcript.items(), self._conversation
        closed = conversation is None or self._errors.get(conversation.id) is not error
        if items and ways and not closed:
            self.show_error(items[-1].id, error, ways)

    # Pictures

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Pictures may be dropped anywhere on the chat."""
        self.writing.pictures.drag(event)

    def dropEvent(self, event: QDropEvent) -> None:
        """Attach them."""
        self.writing.pictures.drop(event)
