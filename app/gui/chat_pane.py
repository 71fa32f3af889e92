"""One chat in view: its messages and composer, joined to the store, the engine and the answers."""

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from PySide6.QtCore import QTimer, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QDragEnterEvent, QDropEvent, QResizeEvent
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from app.core.chat import ChatRun, TokenCount
from app.core.conversations import Conversation, Message, Picture
from app.core.errors import AppError, ModelError, PromptRefused, RemedyKind
from app.gui.chat_answers import Answer, Answers
from app.gui.chat_branch import branch_off
from app.gui.chat_pictures import ChatPictures
from app.gui.composer import Composer
from app.gui.context import AppContext
from app.gui.find_bar import FindBar
from app.gui.message_item import MessageItem, Remedy, from_message
from app.gui.picture_images import PictureImages
from app.gui.transcript import TranscriptView
from app.gui.worker import Task
from backends.types import Progress

log = logging.getLogger(__name__)

COUNT_DELAY_MS = 250
DRAFT_DELAY_MS = 600
VISIBLE_INTERVAL_MS = 30
HIDDEN_INTERVAL_MS = 100


class ChatPane(QWidget):
    """Shows one conversation at a time; answers in others go on."""

    send_asked = Signal(str, object)
    """Text and pictures to send; the page makes sure that there is a conversation and a model."""
    act_asked = Signal(object)
    """A call that gives a `ChatRun`; the page makes sure that a model is ready first."""
    branched = Signal(int)
    """A new conversation was branched off."""
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
        self._counting: Task | None = None
        self._opening: Conversation | None = None
        self._waiting: str | None = None
        """What is sent as soon as it is counted."""
        self._names: dict[str, str] = {}
        self._errors: dict[int, AppError] = {}
        """What broke off the last answer, by conversation.

        Until the next one begins there, or the person closes it.
        """
        self.new_draft = context.settings.current.window.draft
        """What is typed in the chat that has not begun."""
        self.new_pictures = context.settings.current.window.draft_pictures
        """What is attached there."""
        self._build()
        self.composer.set_text(self.new_draft)
        self.composer.set_pictures(self.new_pictures)
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
        self._pictures = ChatPictures(context, self.composer, self._conversation_id, self)
        self.setAcceptDrops(True)
        self.composer.set_enter_sends(context.settings.current.chat.enter_sends)
        self.composer.set_context_policy(context.settings.current.chat.context_policy)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._body, 1)
        column.addWidget(self.composer)
        self.find_bar = FindBar(context.icons, self.transcript, self)
        self._count_soon = QTimer(self, singleShot=True, interval=COUNT_DELAY_MS)
        self._count_soon.timeout.connect(self.count_tokens)
        self._keep_soon = QTimer(self, singleShot=True, interval=DRAFT_DELAY_MS)
        self._keep_soon.timeout.connect(self.keep_draft)
        self.composer.send_requested.connect(self._send)
        self.composer.edit_last_requested.connect(self._edit_last)
        self.composer.stop_requested.connect(self.stop)
        self.composer.draft_changed.connect(self._draft_changed)
        self._pictures.changed.connect(self._draft_touched)
        self._pictures.for_new_chat.connect(self._keep_for_new_chat)
        transcript = self.transcript
        transcript.edit_submitted.connect(self._edited)
        transcript.regenerate_requested.connect(self._regenerate)
        transcript.continue_requested.connect(self._continue)
        transcript.delete_requested.connect(self._delete)
        transcript.branch_requested.connect(self._branch)
        transcript.version_requested.connect(self._other_version)
        transcript.link_activated.connect(self._open_link)
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
        self.composer.set_text(self.new_draft)
        self.composer.set_pictures(self.new_pictures)
        self.composer.set_generating(False)
        self.count_tokens()

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
            self.composer.set_text(conversation.draft)
            self.composer.set_pictures(conversation.draft_pictures)
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
        self.count_tokens()

    def conversation_changed(self, conversation: Conversation) -> None:
        """The store has another state of the conversation in view."""
        if self._conversation is not None and self._conversation.id == conversation.id:
            self._conversation = conversation
            self._count_soon.start()

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
        self.keep_draft()
        for task in (self._reading, self._counting):
            if task is not None:
                task.cancel()
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
            self.composer.set_text("")
            self.composer.set_pictures(())
            self.keep_draft()
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
        self.count_tokens()

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

    # What the person does

    def _send(self, text: str) -> None:
        # It stays in the field until it is stored: loading the model first may take long.
        self.composer.set_text(text)
        self._waiting = text
        self._count_soon.stop()
        if self._conversation is None and self._opening is None:
            self._ask_to_send()
        else:
            self._count(self._counted)

    def _edit_last(self) -> None:
        own = [item.id for item in self.transcript.items() if item.role == "user"]
        if own:
            self.transcript.begin_edit(own[-1])

    def _edited(self, message_id: int, text: str, send: bool) -> None:
        if send:
            self.act_asked.emit(partial(self._context.chat.edit_and_send, message_id, text))
            return
        self._change(partial(self._context.store.edit_message, message_id, text))

    def _regenerate(self, message_id: int) -> None:
        if self._conversation is not None:
            self._act(self._context.chat.regenerate, message_id)

    def _continue(self, message_id: int) -> None:
        self._act(self._context.chat.continue_, message_id)

    def continuing(self, message_id: int) -> Callable[[], ChatRun]:
        """What goes on writing an answer where it stopped."""
        assert self._conversation is not None
        return partial(self._context.chat.continue_, self._conversation.id, message_id)

    def offer(self, error: AppError, ways: tuple[Remedy, ...]) -> None:
        """Better ways out of the error that is shown."""
        items, conversation = self.transcript.items(), self._conversation
        closed = conversation is None or self._errors.get(conversation.id) is not error
        if items and ways and not closed:
            self.show_error(items[-1].id, error, ways)

    def _act(self, call: Callable[[int, int], ChatRun], message_id: int) -> None:
        if self._conversation is not None:
            self.act_asked.emit(partial(call, self._conversation.id, message_id))

    def _delete(self, message_id: int) -> None:
        store = self._context.store
        undo = partial(self._change, partial(store.restore_message, message_id))
        self._change(
            partial(store.delete_message, message_id),
            then=lambda: self._context.notifier.toast(
                self.tr("Message deleted"), action=self.tr("Undo"), callback=undo
            ),
        )

    def _other_version(self, message_id: int, by: int) -> None:
        store = self._context.store

        def select() -> None:
            versions = [each.id for each in store.siblings(message_id)]
            place = versions.index(message_id) + by
            if 0 <= place < len(versions):
                store.select_version(versions[place])

        self._change(select)

    def _branch(self, message_id: int) -> None:
        if self._conversation is None:
            return
        self._context.worker.run(
            branch_off,
            self._context.store,
            self._conversation.id,
            message_id,
            done=lambda conversation: self.branched.emit(conversation.id),
        )

    def _change(self, work: Callable[[], object], then: Callable[[], object] | None = None) -> None:
        """Change what is stored, then show it."""

        def done(_: object) -> None:
            self.reload()
            if then is not None:
                then()

        self._context.worker.run(work, done=done)

    def _open_link(self, url: str) -> None:
        def open_if(agreed: bool) -> None:
            if agreed:
                QDesktopServices.openUrl(QUrl(url))

        question = self.tr("Open this link in the browser?")
        self._context.notifier.confirm(question, url, self.tr("Open link"), open_if)

    # The draft and its size

    def _draft_changed(self, text: str) -> None:
        self._draft_touched()

    def _draft_touched(self) -> None:
        self._waiting = None
        self._count_soon.start()
        self._keep_soon.start()

    def keep_draft(self) -> None:
        """Store what is typed and not sent."""
        self._keep_soon.stop()
        change = self._draft_change()
        if change is not None:
            self._context.worker.run(change, done=self.conversation_changed)

    def close_draft(self) -> None:
        """Store what is typed before the program ends; a few milliseconds."""
        self._keep_soon.stop()
        change = self._draft_change()
        if change is not None:
            try:
                change()
            except AppError as error:
                log.warning("draft not kept: %s", error)

    def _draft_change(self) -> Callable[[], Conversation] | None:
        """What stores the draft; None if it is stored, or kept here for a chat to begin."""
        conversation = self._conversation
        text, pictures = self.composer.text(), self.composer.pictures()
        if conversation is None:
            self.new_draft, self.new_pictures = text, pictures
            return None
        if (text, pictures) == (conversation.draft, conversation.draft_pictures):
            return None
        update = self._context.store.update
        return partial(update, conversation.id, draft=text, draft_pictures=pictures)

    # Pictures

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Pictures may be dropped anywhere on the chat."""
        self._pictures.drag(event)

    def dropEvent(self, event: QDropEvent) -> None:
        """Attach them."""
        self._pictures.drop(event)

    def _keep_for_new_chat(self, picture: Picture) -> None:
        self.new_pictures = (*self.new_pictures, picture)

    def set_opening(self, opening: Conversation | None) -> None:
        """What a chat that has not begun would be stored as, for counting its tokens."""
        self._opening = opening

    def count_tokens(self) -> None:
        """Ask how much of the context the prompt takes with what is typed."""
        self._count(self._counted)

    def _count(self, done: Callable[[TokenCount | None], object]) -> None:
        if self._counting is not None:
            self._counting.cancel()
        chat, text, pictures = self._context.chat, self.composer.text(), self.composer.pictures()
        count: Callable[[], TokenCount | None]
        if self._conversation is not None:
            count = partial(chat.prompt_tokens, self._conversation.id, text, pictures)
        elif self._opening is not None:
            count = partial(chat.opening_tokens, self._opening, text, pictures)
        else:
            self.composer.set_tokens(None)
            return
        self._counting = self._context.worker.run(count, done=done, failed=self._not_counted)

    def _not_counted(self, error: AppError) -> None:
        log.info("tokens not counted: %s", error)
        self._ask_to_send()

    def _counted(self, count: TokenCount | None) -> None:
        self.transcript.set_context_length(count.context if count else 0)
        if count is None:
            self.composer.set_tokens(None)
        else:
            self.composer.set_tokens(count.total, count.context, sendable=count.sendable)
        self._ask_to_send()

    def _ask_to_send(self) -> None:
        """Send what waited for its count, unless it is too long: the gauge says so then."""
        text, self._waiting = self._waiting, None
        if text is not None and self.composer.can_send():
            self.send_asked.emit(text, self.composer.pictures())
