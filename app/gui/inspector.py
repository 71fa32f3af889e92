"""The panel at the right of a chat: preset, system prompt, sampling, limits, answers, memory."""

from functools import partial

from msgspec import structs
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app.core.conversations import Conversation
from app.core.model_sampling import sampling_for
from app.core.presets import Preset
from app.core.runtime import LoadedModel
from app.core.settings import Settings
from app.gui.answer_rows import AnswerRows
from app.gui.context import AppContext
from app.gui.controls.badges import StatusDot
from app.gui.controls.buttons import Button, GhostButton, IconButton
from app.gui.controls.card import Line, Region
from app.gui.controls.combo import ComboBox
from app.gui.controls.labels import Label
from app.gui.inspector_memory import MemoryFoot
from app.gui.inspector_writer import OverrideWriter
from app.gui.name_question import NameQuestion
from app.gui.preset_choice import ChatDraft, draft_for, draft_of, preset_of
from app.gui.preset_prompt import LargerPrompt, TokenLabel, VariableEdit
from app.gui.sampling_panel import LimitRows, SamplingRows
from backends.types import SamplingParams

PROMPT_HEIGHT = 100
_MANAGE = "manage"


class Inspector(Region):
    """Chat settings. What is changed here belongs to the chat until it is saved to the preset."""

    conversation_changed = Signal(int)
    """A stored conversation was changed."""
    draft_changed = Signal()
    """What a chat not stored yet has been given changed."""
    close_requested = Signal()
    edit_presets = Signal(str)
    """The editor is wanted, with this preset open."""

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__("sidebar", parent)
        self._context = context
        self._conversation: Conversation | None = None
        self._model: LoadedModel | None = None
        self._draft = ChatDraft()
        self._model_sampling = context.settings.current.models.sampling
        self._writer = OverrideWriter(context.store, context.worker, self)
        self._writer.stored.connect(self._took)
        self._writer.failed.connect(self._not_stored)
        self._build()
        self._connect()
        self._fill_presets()
        self._show()

    # Built once

    def _build(self) -> None:
        icons = self._context.icons
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._head())
        column.addWidget(Line())
        inner = QWidget()
        groups = QVBoxLayout(inner)
        groups.setContentsMargins(0, 0, 0, 0)
        groups.setSpacing(0)
        self.sampling = SamplingRows(icons)
        self.limits = LimitRows(icons)
        self.answers = AnswerRows(self._context)
        for group in (
            self._preset_group(),
            self._prompt_group(),
            _group(Label(self.tr("Sampling"), "group-title"), self.sampling),
            _group(Label(self.tr("Limits"), "group-title"), self.limits),
            _group(Label(self.tr("Answers"), "group-title"), self.answers),
        ):
            groups.addWidget(group)
            groups.addWidget(Line())
        groups.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(inner)
        column.addWidget(scroll, 1)
        column.addWidget(Line())
        self.memory = MemoryFoot(self._context)
        column.addWidget(self.memory)

    def _head(self) -> QWidget:
        head = QWidget()
        head.setFixedHeight(self._context.theme.metric("header") - 1)  # the line below counts
        row = QHBoxLayout(head)
        row.setContentsMargins(16, 1, 10, 0)
        row.addWidget(Label(self.tr("Chat settings"), "group-title"), 1)
        self.close_button = IconButton(
            self._context.icons, "x", self.tr("Close the chat settings"), shortcut="Ctrl+I"
        )
        row.addWidget(self.close_button)
        return head

    def _preset_group(self) -> QWidget:
        icons = self._context.icons
        self.presets = ComboBox(icons, self.tr("Preset"))
        self.presets.setToolTip(self.tr("How the model should behave (system-prompt preset)"))
        self.changed_mark = QWidget()
        mark = QHBoxLayout(self.changed_mark)
        mark.setContentsMargins(0, 0, 0, 0)
        mark.setSpacing(6)
        dot = StatusDot(icons, "accent")
        dot.setFixedSize(6, 6)
        mark.addWidget(dot)
        mark.addWidget(Label(self.tr("Changed"), "caption", "accent"))
        self.buttons = QWidget()
        row = QHBoxLayout(self.buttons)
        row.setContentsMargins(0, 4, 0, 0)
        row.setSpacing(8)
        self.save = Button(icons, self.tr("Save"), small=True)
        self.save.setToolTip(self.tr("Change the preset itself to what is set here"))
        self.save_as = Button(icons, self.tr("Save as…"), small=True)
        self.save_as.setToolTip(self.tr("Make a new preset of what is set here"))
        self.revert = GhostButton(icons, self.tr("Revert"), small=True)
        self.revert.setToolTip(self.tr("Back to what the preset says"))
        for button in (self.save, self.save_as, self.revert):
            row.addWidget(button)
        row.addStretch(1)
        title = _title(self.tr("Preset"), self.changed_mark)
        return _group(title, self.presets, self.buttons)

    def _prompt_group(self) -> QWidget:
        icons = self._context.icons
        self.tokens = TokenLabel(self._context)
        self.larger = IconButton(
            icons, "maximize-2", self.tr("Write in a larger field"), small=True, icon_size=14
        )
        self.prompt = VariableEdit(
            icons, self.tr("System prompt"), self.tr("What the model is told before every chat")
        )
        self.prompt.setFixedHeight(PROMPT_HEIGHT)
        self.prompt.setToolTip(self.tr("Sent before every message (system prompt)"))
        title = _title(self.tr("System prompt"), self.tokens, self.larger)
        return _group(title, self.prompt)

    def _connect(self) -> None:
        self.close_button.clicked.connect(self.close_requested)
        self.presets.activated.connect(self._picked)
        self.save.clicked.connect(self._save)
        self.save_as.clicked.connect(self._ask_name)
        self.revert.clicked.connect(self._revert)
        self.larger.clicked.connect(self._enlarge)
        self.prompt.textChanged.connect(self._prompt_typed)
        self.sampling.changed.connect(self._sampling_moved)
        self.limits.changed.connect(self._sampling_moved)
        self.answers.changed.connect(self._answers_moved)
        self._context.bridge.on(self._context.presets.changed, self._presets_changed)
        self._context.bridge.on(self._context.settings.changed, self._settings_changed)

    # What the page uses

    def show_conversation(
        self, conversation: Conversation | None, model: LoadedModel | None
    ) -> None:
        """Show what is in force for a chat. Writes nothing; what is being typed stays."""
        before = self._conversation
        if conversation is None and before is not None:
            self._draft = ChatDraft()
        other = (conversation.id if conversation else None) != (before.id if before else None)
        if other:
            self._writer.flush()
        self._conversation, self._model = conversation, model
        self._show()
        self.memory.show_model(model)

    def draft(self) -> ChatDraft:
        """What a chat that is not stored yet has been given."""
        return self._draft

    def choose_preset(self, preset_id: str) -> None:
        """Another preset; the changes of the one before are gone."""
        self._put(ChatDraft(preset_id, answers=self._state().answers))

    def try_edit(self, edited: Preset) -> None:
        """A preset as it was edited and not saved: its changes become this chat's own."""
        stored = self._context.presets.find(edited.id)
        if stored is not None:
            self._put(structs.replace(draft_for(stored, edited), answers=self._state().answers))

    def is_changed(self) -> bool:
        """Whether the chat differs from its preset."""
        return self._state().is_changed

    def flush(self) -> None:
        """Store what was changed a moment ago, before a message is sent or the window closes."""
        self._writer.flush()

    # What is in force

    def _state(self) -> ChatDraft:
        if self._conversation is None:
            return self._draft
        return self._writer.wish(self._conversation.id) or draft_of(self._conversation)

    def _preset(self) -> Preset:
        settings = self._context.settings.current
        return preset_of(self._context.presets, settings, None, self._state())

    def _standard(self, preset: Preset) -> SamplingParams:
        """The sampling of a chat that changes nothing: the preset's, and its model's."""
        model_id = self._conversation.model_id if self._conversation else None
        if self._model is not None:
            model_id = self._model.model.id
        return sampling_for(self._context.settings.current, model_id, preset.sampling)

    def _put(self, state: ChatDraft, *, soon: bool = False) -> None:
        if self._conversation is None:
            self._draft = state
            self._show()
            self.draft_changed.emit()
            return
        self._writer.put(self._conversation.id, state, soon=soon)
        self._show()

    def _took(self, conversation: Conversation) -> None:
        if self._conversation is not None and self._conversation.id == conversation.id:
            self._conversation = conversation
            self._show()
        self.conversation_changed.emit(conversation.id)

    def _not_stored(self, error: object) -> None:
        self._show()
        self._context.worker.unhandled.emit(error)

    def _show(self) -> None:
        state, preset = self._state(), self._preset()
        self.presets.choose(preset.id)
        self.changed_mark.setVisible(state.is_changed)
        self.buttons.setVisible(state.is_changed)
        text = preset.system_prompt if state.system_prompt is None else state.system_prompt
        self.prompt.show_text(text)
        self.tokens.show_text(text, self._model)
        standard = self._standard(preset)
        sampling = state.sampling or standard
        self.sampling.show_values(sampling, standard)
        self.limits.show_values(sampling, standard)
        number = self._conversation.id if self._conversation else None
        self.answers.show_options(state.answers, self._model, number)

    # What the person does

    def _prompt_typed(self) -> None:
        text, preset = self.prompt.toPlainText(), self._preset()
        state = self._state()
        prompt = None if text == preset.system_prompt else text
        if prompt != state.system_prompt:
            self._put(structs.replace(state, system_prompt=prompt), soon=True)

    def _sampling_moved(self) -> None:
        standard, state = self._standard(self._preset()), self._state()
        before = state.sampling or standard  # with what no row shows
        shown = self.limits.apply_to(self.sampling.apply_to(before))
        sampling: SamplingParams | None = None if shown == standard else shown
        if sampling != state.sampling:
            self._put(structs.replace(state, sampling=sampling), soon=True)

    def _answers_moved(self) -> None:
        state, answers = self._state(), self.answers.options()
        if answers != state.answers:
            self._put(structs.replace(state, answers=answers), soon=True)

    def _picked(self, index: int) -> None:
        value = self.presets.itemData(index)
        if value == _MANAGE:
            preset = self._preset()
            self.presets.choose(preset.id)
            self.edit_presets.emit(preset.id)
        elif value != self._preset().id or self.is_changed():
            self.choose_preset(value)

    def _revert(self) -> None:
        self._put(structs.replace(self._state(), system_prompt=None, sampling=None))

    def _merged(self) -> Preset:
        state, preset = self._state(), self._preset()
        prompt = preset.system_prompt if state.system_prompt is None else state.system_prompt
        sampling = state.sampling or preset.sampling
        return structs.replace(preset, system_prompt=prompt, sampling=sampling)

    def _save(self) -> None:
        self._context.worker.run(
            self._context.presets.save,
            self._merged(),
            done=partial(self._saved, self._conversation),
        )

    def _ask_name(self) -> None:
        name = self.tr("%1, my way").replace("%1", self._preset().name)
        question = NameQuestion(
            self._context.icons,
            self.window(),
            self.tr("Save as a preset of yours"),
            name,
            self._save_as,
            confirm=self.tr("Save"),
        )
        question.open(question.field)

    def _save_as(self, name: str) -> None:
        merged = self._merged()
        create = partial(
            self._context.presets.create,
            name,
            icon=merged.icon,
            description=merged.description,
            system_prompt=merged.system_prompt,
            sampling=merged.sampling,
            model=merged.model,
        )
        self._context.worker.run(create, done=partial(self._saved, self._conversation))

    def _saved(self, conversation: Conversation | None, preset: Preset) -> None:
        """The chat that it was saved from now follows the preset."""
        toast = self.tr("Preset “%1” saved").replace("%1", preset.name)
        self._context.notifier.toast(toast)
        here = self._conversation
        if (here.id if here else None) == (conversation.id if conversation else None):
            self.choose_preset(preset.id)
        elif conversation is not None:
            before = self._writer.wish(conversation.id) or draft_of(conversation)
            self._writer.put(conversation.id, ChatDraft(preset.id, answers=before.answers))

    def _enlarge(self) -> None:
        panel = LargerPrompt(
            self._context.icons, self.window(), self.prompt.toPlainText(), self._take_prompt
        )
        panel.open(panel.edit)

    def _take_prompt(self, text: str) -> None:
        if text != self.prompt.toPlainText():
            self.prompt.replace_text(text)

    # Presets

    def _presets_changed(self) -> None:
        self._fill_presets()
        self._show()

    def _settings_changed(self, settings: Settings) -> None:
        if settings.models.sampling != self._model_sampling:
            self._model_sampling = settings.models.sampling
            self._show()

    def _fill_presets(self) -> None:
        blocked = self.presets.blockSignals(True)
        self.presets.clear()
        for preset in self._context.presets.list():
            self.presets.add(preset.name, preset.id, preset.icon)
        self.presets.add(self.tr("Manage presets…"), _MANAGE, "sliders-horizontal")
        self.presets.blockSignals(blocked)


def _title(text: str, *right: QWidget) -> QWidget:
    head = QWidget()
    head.setFixedHeight(24)
    row = QHBoxLayout(head)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(6)
    row.addWidget(Label(text, "group-title"), 1)
    for widget in right:
        row.addWidget(widget)
    return head


def _group(title: QWidget, *parts: QWidget) -> QWidget:
    """One group between two lines."""
    group = QWidget()
    column = QVBoxLayout(group)
    column.setContentsMargins(16, 12, 16, 12)
    column.setSpacing(4)
    title.setFixedHeight(24)
    column.addWidget(title)
    for part in parts:
        column.addWidget(part)
    return group
