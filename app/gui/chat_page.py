"""The chat page: list of chats, header, messages and composer, chat settings."""

from collections.abc import Callable, Sequence
from functools import partial

from msgspec import structs
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from app.core.chat import ChatRun
from app.core.conversations import Conversation, Message, Picture
from app.core.errors import AppError, EngineDied
from app.core.library_types import LocalModel
from app.gui.chat_agreement import ChatAgreement
from app.gui.chat_answers import Answers
from app.gui.chat_empty import ChatEmpty
from app.gui.chat_header import ChatHeader
from app.gui.chat_layout import ChatLayout
from app.gui.chat_list import ChatList
from app.gui.chat_model_choice import ChatModelChoice
from app.gui.chat_models import ChatModels
from app.gui.chat_pane import ChatPane
from app.gui.chat_presets import ChatPresets
from app.gui.chat_reading import ChatReading
from app.gui.chat_recovery import ChatRecovery
from app.gui.chat_sender import ChatSender
from app.gui.context import AppContext
from app.gui.inspector import Inspector
from app.gui.library_look import FolderLooks
from app.gui.message_item import Remedy
from app.gui.model_picker import ModelPicker
from app.gui.page import Page


class ChatPage(Page):
    """Keeps the conversation, its model and its preset together."""

    page_id = "chat"

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._narrow = False
        self.answers = Answers(context.worker, self)
        self.models = ChatModels(context, self)
        self.sending = ChatSender(context, self.models, self.answers, self)
        self.recovery = ChatRecovery(context, self.models, self.sending, self)
        self._build()
        self._connect()
        self.presets.show()
        last = context.settings.current.window.conversation_id
        self.open_conversation(last) if last is not None else self.new_chat()

    def _build(self) -> None:
        context = self._context
        window = context.settings.current.window
        self.list = ChatList(context, self.answers)
        self.header = ChatHeader(context.icons)
        self.empty = ChatEmpty(context.icons)
        self.looks = FolderLooks(context, self.empty)
        self.pane = ChatPane(context, self.answers, self.empty)
        self.inspector = Inspector(context)
        self.picker = ModelPicker(context, self)
        self.layout_of_chat = ChatLayout(
            context.theme,
            self.list,
            self.header,
            self.pane,
            self.inspector,
            list_width=window.chat_list_width,
        )
        self._views = QStackedWidget()
        self._views.addWidget(self.layout_of_chat)
        self.presets = ChatPresets(
            context,
            self._views,
            self.inspector,
            self.empty,
            self.pane.composer,
            lambda: self.conversation,
            self,
        )
        self.choice = ChatModelChoice(
            context,
            self.models,
            self.sending,
            self.picker,
            lambda: self.conversation,
            lambda: self.presets.preset,
            self,
        )
        self.agreement = ChatAgreement(
            context, self.header, self.pane, self.empty, self.inspector, self.presets, self.choice
        )
        self.reading = ChatReading(context, self.pane, self.layout_of_chat, self)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self._views)
        self._show_inspector(window.inspector_open)

    def _connect(self) -> None:
        context = self._context
        self.list.chosen.connect(self.open_conversation)
        self.list.new_chat.connect(self.new_chat)
        self.list.removed.connect(self._removed)
        self.header.preset_clicked.connect(self._open_presets)
        self.header.model_clicked.connect(self.open_picker)
        self.header.load_cancelled.connect(self.choice.cancel_load)
        self.header.inspector_toggled.connect(self._toggle_inspector)
        self.inspector.close_requested.connect(partial(self._toggle_inspector, False))
        self.inspector.conversation_changed.connect(self._stored)
        self.inspector.draft_changed.connect(self._show_state)
        self.presets.changed.connect(self._show_state)
        self.presets.new_chat_wanted.connect(self.new_chat)
        self.choice.changed.connect(self._show_state)
        self.reading.opened.connect(self._opened)
        self.reading.missing.connect(self.new_chat)
        self.reading.changed.connect(self._took_changes)
        self.picker.open_page.connect(self.open_page)
        self.pane.writing.send_asked.connect(self._send)
        self.pane.changes.act_asked.connect(self._act)
        self.pane.changes.branched.connect(self.open_conversation)
        self.pane.remedy_chosen.connect(self._remedy)
        self.sending.stored.connect(self._begun)
        self.sending.bound.connect(self._took_changes)
        self.sending.refused.connect(self._not_sent)
        self.sending.model_wanted.connect(self.open_picker)
        self.recovery.found.connect(self._offer)
        self.models.noted.connect(self._context.notifier.toast)
        self.answers.ended.connect(self._answer_ended)
        context.bridge.on(context.store.changed, self._stored)
        context.bridge.on(context.library.changed, self._show_state)
        shortcut = QShortcut(QKeySequence("Ctrl+I"), self)
        shortcut.activated.connect(self.header.inspector.click)

    # Page

    def activated(self) -> None:
        """Ready to type."""
        self.pane.composer.focus_field()

    def open_with(self, argument: object) -> None:
        """A conversation, words to search for, a new chat with a model or preset, or the picker.

        "switch_model" gives the chat in view another model.
        """
        wanted = argument if isinstance(argument, dict) else {}
        if self.presets.editing:
            self.presets.leave()
        if "conversation_id" in wanted:
            self.open_conversation(int(wanted["conversation_id"]))
            return
        if "search" in wanted:
            self.list.start_search(str(wanted["search"]))
            return
        if wanted.get("pick_model"):
            self.open_picker()
            return
        if "switch_model" in wanted:
            self.choice.switch(str(wanted["switch_model"]))
            return
        model_id = wanted.get("model_id")
        if wanted.get("new") or self.conversation is not None:
            self.new_chat()
        if wanted.get("preset_id"):
            self.presets.choose(str(wanted["preset_id"]))
        if model_id:
            self.choice.start_with(str(model_id))

    def find_in_page(self) -> None:
        """Find in the chat."""
        self.pane.find_bar.open_bar()

    def escape(self) -> bool:
        """Close what is open over the chat, else stop the answer."""
        if self.presets.editing:
            return False
        if self.pane.find_bar.isVisible():
            self.pane.find_bar.close_bar()
            return True
        if self.layout_of_chat.is_narrow() and self.inspector.isVisible():
            self._show_inspector(False)
            self.header.inspector.setFocus(Qt.FocusReason.OtherFocusReason)
            return True
        if self.conversation is not None and self.answers.of(self.conversation.id) is not None:
            self.pane.stop()
            return True
        return False

    def regions(self) -> Sequence[QWidget]:
        """List, header, messages, composer, settings."""
        pane = self.pane
        parts = [self.list.view, self.header.preset, pane.transcript, pane.composer]
        return [*parts, self.inspector] if self.inspector.isVisible() else parts

    def foot(self) -> int:
        """Nothing covers what is being written."""
        return self.pane.composer.height() if self.pane.isVisible() else 0

    def leaving(self) -> None:
        """Keep the draft and what was open; answers end and are kept as far as they came."""
        self.pane.writing.close()
        self.inspector.flush()
        self.answers.close()
        self.reading.keep_place()
        self.presets.flush()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where there is little room the settings give way until they are asked for."""
        super().resizeEvent(event)
        narrow = self.layout_of_chat.is_narrow()
        if narrow != self._narrow:
            self._narrow = narrow
            wanted = self._context.settings.current.window.inspector_open
            self._show_inspector(wanted and not narrow)

    # Conversation

    @property
    def conversation(self) -> Conversation | None:
        """The stored conversation in view."""
        return self.pane.conversation

    def new_chat(self) -> None:
        """An empty chat; it is stored with its first message."""
        self.reading.wanted = None
        self.pane.show_new()
        self.list.show_current(None)
        self._show_state()
        self.pane.composer.focus_field()

    def open_conversation(self, conversation_id: int, message_id: int | None = None) -> None:
        """Read and show a stored conversation; one that is in view already stays as it is."""
        shown = self.conversation.id if self.conversation is not None else None
        if (
            shown != conversation_id
            or conversation_id != self.reading.wanted
            or message_id is not None
        ):
            self.reading.open(conversation_id, message_id)

    def _opened(
        self, conversation: Conversation, messages: tuple[Message, ...], message_id: int | None
    ) -> None:
        self.choice.choose(None)
        self.agreement.name_models()
        self.pane.show_conversation(conversation, messages, message_id)
        self.list.show_current(conversation.id)
        self._show_state()

    def _removed(self, conversation_id: int) -> None:
        if self.conversation is not None and self.conversation.id == conversation_id:
            self.new_chat()

    def _stored(self, conversation_id: int) -> None:
        """Something about a conversation changed in the store."""
        if self.conversation is not None and self.conversation.id == conversation_id:
            self.reading.look_again(conversation_id)

    def _took_changes(self, conversation: Conversation) -> None:
        if self.conversation is not None and self.conversation.id == conversation.id:
            self.pane.conversation_changed(conversation)
            self._show_state()

    # Sending

    def _send(self, text: str, pictures: tuple[Picture, ...]) -> None:
        self.inspector.flush()
        if self.conversation is None:
            self.sending.begin(text, self.inspector.draft(), self.model, pictures)
        else:
            self.sending.send(text, self.conversation, self.model, pictures)

    def _begun(self, conversation: Conversation, text: str, pictures: tuple[Picture, ...]) -> None:
        """The new chat is stored; if it is still in view, show it with what was typed."""
        if self.conversation is not None or self.reading.wanted is not None:
            return
        self.reading.wanted = conversation.id
        self.pane.writing.clear()  # it is the draft of this chat now
        begun = structs.replace(conversation, draft=text, draft_pictures=pictures)
        self.pane.show_conversation(begun, ())
        self.list.show_current(conversation.id)
        self._show_state()

    def _act(self, ask: Callable[[], ChatRun]) -> None:
        self.inspector.flush()
        if self.conversation is not None:
            self.sending.ask(ask, self.conversation, self.model)

    def _not_sent(self, error: AppError) -> None:
        self.pane.reload()
        self._context.notifier.error(error)

    def _answer_ended(self, conversation_id: int, error: object) -> None:
        self._show_state()
        shown = self.conversation is not None and self.conversation.id == conversation_id
        if isinstance(error, EngineDied):
            if shown and self.model is not None:
                self.recovery.look(conversation_id, error, self.model)
        elif isinstance(error, AppError) and not shown:
            self._context.notifier.error(error)

    def _offer(self, conversation_id: int, error: AppError, ways: tuple[Remedy, ...]) -> None:
        if self.conversation is not None and self.conversation.id == conversation_id:
            self.pane.offer(error, ways)

    def _remedy(self, message_id: int, key: str) -> None:
        """One way out of an error was chosen."""
        conversation, model = self.conversation, self.model
        if key == "picker":
            self.open_picker()
        elif key == "new":
            self.new_chat()
        elif conversation is not None and model is not None:
            ask = self.pane.changes.continuing(message_id)
            self.choice.choose(self.recovery.go_on(key, ask, conversation, model).id)

    # Model and preset

    @property
    def model(self) -> LocalModel | None:
        """The model this chat uses, loaded or not."""
        return self.choice.model

    def open_picker(self) -> None:
        """Choose and load a model."""
        self.choice.open_picker(self.header.model)

    def _open_presets(self) -> None:
        self.presets.open_popover(self.header.preset)

    def _show_state(self) -> None:
        self.agreement.show()
        self.reading.note_place()

    # The chat settings

    def _toggle_inspector(self, shown: bool) -> None:
        if not self.layout_of_chat.is_narrow():  # there it is opened for a moment
            window = self._context.settings.current.window
            self._context.settings.update(window=structs.replace(window, inspector_open=shown))
        self._show_inspector(shown)

    def _show_inspector(self, shown: bool) -> None:
        self.layout_of_chat.show_inspector(shown)
        self.header.inspector.setChecked(shown)
