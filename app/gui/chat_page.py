"""The chat page: list of chats, header, messages and composer, chat settings."""

import logging
from collections.abc import Callable, Sequence
from functools import partial

from msgspec import structs
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from app.core.chat import ChatRun
from app.core.conversations import Conversation, Message, Picture
from app.core.errors import AppError, ConversationError, EngineDied, StorageError
from app.core.library_types import LocalModel
from app.core.loaded_model import LoadedModel
from app.core.model_sight import sight_of
from app.core.presets import Preset
from app.gui.chat_answers import Answers
from app.gui.chat_empty import ChatEmpty
from app.gui.chat_header import ChatHeader
from app.gui.chat_layout import ChatLayout
from app.gui.chat_list import ChatList
from app.gui.chat_models import ChatModels
from app.gui.chat_pane import ChatPane
from app.gui.chat_recovery import ChatRecovery
from app.gui.chat_sender import ChatSender
from app.gui.context import AppContext
from app.gui.inspector import Inspector
from app.gui.message_item import Remedy
from app.gui.model_picker import ModelPicker
from app.gui.page import Page
from app.gui.preset_popover import PresetPopover
from app.gui.preset_view import PresetView
from app.gui.worker import Task
from backends.types import LoadConfig

log = logging.getLogger(__name__)

PLACE_DELAY_MS = 500


class ChatPage(Page):
    """Keeps the conversation, its model and its preset together."""

    page_id = "chat"

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._chosen_model: str | None = None
        self._wanted: int | None = None
        self._narrow = False
        self._changing: Task | None = None
        self._place = QTimer(self, singleShot=True, interval=PLACE_DELAY_MS)
        self._place.timeout.connect(self._keep_place_if_possible)
        self.answers = Answers(context.worker, self)
        self.models = ChatModels(context, self)
        self.sending = ChatSender(context, self.models, self.answers, self)
        self.recovery = ChatRecovery(context, self.models, self.sending, self)
        self._build()
        self._connect()
        self._show_presets()
        last = context.settings.current.window.conversation_id
        self.open_conversation(last) if last is not None else self.new_chat()

    def _build(self) -> None:
        context = self._context
        window = context.settings.current.window
        self.list = ChatList(context, self.answers)
        self.header = ChatHeader(context.icons)
        self.empty = ChatEmpty(context.icons)
        self.pane = ChatPane(context, self.answers, self.empty)
        self.inspector = Inspector(context)
        self.picker = ModelPicker(context, self)
        self.preset_popover = PresetPopover(context, self)
        self._preset_view: PresetView | None = None
        self._beginning = ""
        """What stands in front of what was typed in a new chat, from its suggestions."""
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
        self.header.load_cancelled.connect(self._cancel_load)
        self.header.inspector_toggled.connect(self._toggle_inspector)
        self.inspector.close_requested.connect(partial(self._toggle_inspector, False))
        self.inspector.edit_presets.connect(self.manage_presets)
        self.inspector.conversation_changed.connect(self._stored)
        self.inspector.draft_changed.connect(self._show_state)
        self.empty.preset_chosen.connect(self._choose_preset)
        self.empty.manage_presets.connect(partial(self.manage_presets, ""))
        self.empty.started.connect(self._start_with)
        self.preset_popover.chosen.connect(self._choose_preset)
        self.preset_popover.manage.connect(partial(self.manage_presets, ""))
        self.picker.use_model.connect(self._use_model)
        self.picker.eject.connect(self.models.eject)
        self.picker.cancel_load.connect(self.models.cancel)
        self.picker.open_page.connect(self.open_page)
        self.pane.send_asked.connect(self._send)
        self.pane.act_asked.connect(self._act)
        self.pane.branched.connect(self.open_conversation)
        self.pane.remedy_chosen.connect(self._remedy)
        self.sending.stored.connect(self._begun)
        self.sending.bound.connect(self._took_changes)
        self.sending.refused.connect(self._not_sent)
        self.sending.model_wanted.connect(self.open_picker)
        self.recovery.found.connect(self._offer)
        self.models.changed.connect(self._model_changed)
        self.models.failed.connect(self._load_failed)
        self.models.noted.connect(self._context.notifier.toast)
        self.answers.ended.connect(self._answer_ended)
        context.bridge.on(context.store.changed, self._stored)
        context.bridge.on(context.presets.changed, self._show_presets)
        context.bridge.on(context.library.changed, self._show_state)
        context.bridge.on(context.settings.changed, self._settings_changed)
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
        if self._views.currentWidget() is not self.layout_of_chat:
            self.leave_presets()
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
            self._switch_model(str(wanted["switch_model"]))
            return
        model_id = wanted.get("model_id")
        if wanted.get("new") or self.conversation is not None:
            self.new_chat()
        if wanted.get("preset_id"):
            self._choose_preset(str(wanted["preset_id"]))
        if model_id:
            self._chosen_model = str(model_id)
            self._show_state()
            model = self.model
            if model is not None and self._context.runtime.get(model.id) is None:
                self.models.load(model)

    def find_in_page(self) -> None:
        """Find in the chat."""
        self.pane.find_bar.open_bar()

    def escape(self) -> bool:
        """Close what is open over the chat, else stop the answer."""
        if self._preset_view is not None and self._views.currentWidget() is self._preset_view:
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
        self.pane.close_draft()
        self.inspector.flush()
        self.answers.close()
        self._keep_place()
        if self._preset_view is not None:
            self._preset_view.edits.flush()

    def _open_id(self) -> int | None:
        """The stored chat that is open, or is about to be."""
        return self._wanted if self.conversation is None else self.conversation.id

    def _keep_place_if_possible(self) -> None:
        try:
            self._keep_place()
        except StorageError as error:  # the end of the program tries again
            log.warning("the open chat could not be noted: %s", error)

    def _keep_place(self) -> None:
        """Store which chat is open, for the next start."""
        self._place.stop()
        self._context.settings.update(
            window=structs.replace(
                self._context.settings.current.window,
                conversation_id=self._open_id(),
                draft=self.pane.new_draft,
                draft_pictures=self.pane.new_pictures,
                chat_list_width=self.layout_of_chat.list_width,
            )
        )

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
        self._wanted = None
        self.pane.show_new()
        self.list.show_current(None)
        self._show_state()
        self.pane.composer.focus_field()

    def open_conversation(self, conversation_id: int, message_id: int | None = None) -> None:
        """Read and show a stored conversation; one that is in view already stays as it is."""
        shown = self.conversation.id if self.conversation is not None else None
        if shown == conversation_id == self._wanted and message_id is None:
            return
        self._wanted = conversation_id
        store = self._context.store

        def read() -> tuple[Conversation, tuple[Message, ...]]:
            if message_id is not None:
                store.reveal(message_id)
            return store.get(conversation_id), store.path(conversation_id)

        self._context.worker.run(
            read,
            done=partial(self._opened, message_id),
            failed=partial(self._not_opened, conversation_id),
        )

    def _not_opened(self, conversation_id: int, error: AppError) -> None:
        if conversation_id == self._wanted:
            self.new_chat()
            if not isinstance(error, ConversationError):  # that one was deleted for good
                self._context.notifier.error(error)

    def _opened(
        self, message_id: int | None, read: tuple[Conversation, tuple[Message, ...]]
    ) -> None:
        conversation, messages = read
        if conversation.id != self._wanted:
            return
        if conversation.deleted is not None:
            self.new_chat()
            return
        self._chosen_model = None
        self.pane.set_model_names(self._names())
        self.pane.show_conversation(conversation, messages, message_id)
        self.list.show_current(conversation.id)
        self._show_state()

    def _removed(self, conversation_id: int) -> None:
        if self.conversation is not None and self.conversation.id == conversation_id:
            self.new_chat()

    def _stored(self, conversation_id: int) -> None:
        """Something about a conversation changed in the store."""
        if self.conversation is not None and self.conversation.id == conversation_id:
            if self._changing is not None:
                self._changing.cancel()  # an older answer may come later than a newer one
            self._changing = self._context.worker.run(
                self._context.store.get, conversation_id, done=self._took_changes
            )

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
        if self.conversation is not None or self._wanted is not None:
            return
        self._wanted = conversation.id
        self.pane.composer.set_text("")  # it is the draft of this chat now
        self.pane.composer.set_pictures(())
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
            ask = self.pane.continuing(message_id)
            self._chosen_model = self.recovery.go_on(key, ask, conversation, model).id

    # Model

    @property
    def model(self) -> LocalModel | None:
        """The model this chat uses, loaded or not."""
        if self._chosen_model is not None:
            for model in self._context.library.models():
                if model.id == self._chosen_model:
                    return model
        wanted = self.preset.model if self.conversation is None else None
        return self.models.of(self.conversation, wanted)

    def open_picker(self) -> None:
        """Choose and load a model."""
        model = self.model
        chosen = model.id if model else None
        self.picker.open_under(self.header.model, chosen, gap=7)  # 6 below the line of the header

    def _use_model(self, model: LocalModel, config: LoadConfig | None, force: bool) -> None:
        self._chosen_model = model.id
        self.models.load(model, config, force=force, then=partial(self._model_ready, model))
        self._show_state()

    def _switch_model(self, model_id: str) -> None:
        """Use a model as it is loaded, or load it as usual."""
        model = self._context.library.get(model_id)
        loaded = self._context.runtime.get(model_id)
        if loaded is not None and loaded.state == "ready":
            self._chosen_model = model_id
            self._model_ready(model)
        else:
            self._use_model(model, None, False)

    def _model_ready(self, model: LocalModel) -> None:
        self.picker.hide()
        if self._chosen_model == model.id and self.conversation is not None:
            self.sending.bind(self.conversation, model, self._show_state)
        else:
            self._show_state()

    def _cancel_load(self) -> None:
        model = self.model
        if model is not None:
            self.models.cancel(model.id)

    def _model_changed(self, model_id: str) -> None:
        model = self.model
        if model is not None and model.id == model_id:
            self._show_state()

    def _load_failed(self, model_id: str, error: AppError) -> None:
        self._show_state()
        if self.picker.isVisible():
            self.picker.show_error(model_id, error)
        else:
            self._context.notifier.error(error)

    def _names(self) -> dict[str, str]:
        return {model.id: model.name for model in self._context.library.models()}

    # Preset

    @property
    def preset(self) -> Preset:
        """The preset in force."""
        if self.conversation is not None:
            return self._context.chat.preset_of(self.conversation)
        chosen = (
            self.inspector.draft().preset_id or self._context.settings.current.chat.default_preset
        )
        return self._context.presets.find(chosen) or self._context.presets.list()[0]

    def _open_presets(self) -> None:
        self.preset_popover.open_under(self.header.preset, self.preset.id)

    def _choose_preset(self, preset_id: str) -> None:
        self.inspector.choose_preset(preset_id)
        self._show_state()

    def _show_presets(self) -> None:
        self.empty.show_presets(self._context.presets.list(), self.preset.id)
        self._show_state()

    def _start_with(self, preset_id: str, text: str) -> None:
        """Put a beginning in front of what is typed; another one takes its place."""
        self._choose_preset(preset_id)
        self._show_presets()
        composer = self.pane.composer
        typed = composer.text().removeprefix(self._beginning).lstrip()
        if typed and not text.endswith("\n"):
            text += "\n\n"
        self._beginning = text
        composer.set_text(text + typed)
        composer.focus_field()

    def manage_presets(self, preset_id: str = "") -> None:
        """The preset editor in place of the chat."""
        if self._preset_view is None:
            self._preset_view = PresetView(self._context, self)
            self._preset_view.back.connect(self.leave_presets)
            self._preset_view.try_in_chat.connect(self._try_preset)
            self._views.addWidget(self._preset_view)
        self._preset_view.edit(preset_id or self.preset.id)
        self._views.setCurrentWidget(self._preset_view)

    def leave_presets(self) -> None:
        """Back from the preset editor to the chat."""
        self._views.setCurrentWidget(self.layout_of_chat)
        self._show_presets()

    def _try_preset(self, preset_id: str) -> None:
        edited = self._preset_view.unsaved(preset_id) if self._preset_view else None
        self.leave_presets()
        self.new_chat()
        if edited is not None:
            self.inspector.try_edit(edited)
        else:
            self.inspector.choose_preset(preset_id)
        self._show_presets()

    # What the header and the settings show

    def _show_state(self) -> None:
        """Header, composer and chat settings agree with the conversation and its model."""
        conversation, model = self.conversation, self.model
        loaded = self._context.runtime.get(model.id) if model else None
        self.header.show_conversation(conversation)
        self.header.preset.show_preset(self.preset, changed=self.inspector.is_changed())
        if model is None:
            self.header.model.show_nothing()
        else:
            place = model.publisher if model.is_remote else model.quantization
            self.header.model.show_model(model.name, place, loaded)
        self.inspector.show_conversation(conversation, loaded)
        self.empty.mark(self.preset.id)
        self.empty.show_server(model.publisher if model and model.is_remote else "")
        self.pane.composer.set_model_name(model.name if model else "")
        self.pane.composer.set_picture_obstacle(self._picture_obstacle(model, loaded))
        self.pane.set_model_names(self._names())
        self.pane.set_opening(self._opening(model) if conversation is None else None)
        self.pane.count_tokens()
        if self._open_id() != self._context.settings.current.window.conversation_id:
            self._place.start()  # a kill must not lose it, and who looks through chats has no wait

    def _picture_obstacle(self, model: LocalModel | None, loaded: LoadedModel | None) -> str:
        """Why pictures cannot be sent; empty where they can, or nobody knows yet."""
        if model is None:
            return ""
        config = self._context.settings.current.models.load.get(model.id)
        words = {
            "blind": self.tr("%1 cannot see pictures. Remove them, or choose a model with vision."),
            "no_projector": self.tr(
                "%1 cannot see pictures: its projector file (mmproj) is missing. Put it beside the "
                "model, or choose another model."
            ),
        }
        return words.get(sight_of(model, loaded, config), "").replace("%1", model.name)

    def _opening(self, model: LocalModel | None) -> Conversation:
        """What the chat in view will be stored as with its first message."""
        draft = self.inspector.draft()
        return Conversation(
            id=0,
            title="",
            created=0,
            updated=0,
            preset_id=draft.preset_id,
            system_prompt=draft.system_prompt,
            sampling=draft.sampling,
            model_id=model.id if model else None,
        )

    def _toggle_inspector(self, shown: bool) -> None:
        if not self.layout_of_chat.is_narrow():  # there it is opened for a moment
            window = self._context.settings.current.window
            self._context.settings.update(window=structs.replace(window, inspector_open=shown))
        self._show_inspector(shown)

    def _show_inspector(self, shown: bool) -> None:
        self.layout_of_chat.show_inspector(shown)
        self.header.inspector.setChecked(shown)

    def _settings_changed(self, _: object) -> None:
        chat = self._context.settings.current.chat
        composer = self.pane.composer
        composer.set_enter_sends(chat.enter_sends)
        if composer.context_policy != chat.context_policy:
            composer.set_context_policy(chat.context_policy)
            self.pane.count_tokens()  # what can be sent depends on it
