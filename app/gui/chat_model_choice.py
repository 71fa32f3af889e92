"""Which model the chat in view uses: chosen in the picker, loaded, kept with the chat."""

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from app.core.conversations import Conversation
from app.core.errors import AppError
from app.core.library_types import LocalModel
from app.core.presets import Preset
from app.gui.chat_models import ChatModels
from app.gui.chat_sender import ChatSender
from app.gui.context import AppContext
from app.gui.model_picker import ModelPicker
from backends.types import LoadConfig

_PICKER_GAP = 7  # 6 below the line of the header


class ChatModelChoice(QObject):
    """A choice counts until another chat comes into view; then the chat's own model does."""

    changed = Signal()
    """Another model, or another state of it."""

    def __init__(
        self,
        context: AppContext,
        models: ChatModels,
        sending: ChatSender,
        picker: ModelPicker,
        conversation: Callable[[], Conversation | None],
        preset: Callable[[], Preset],
        parent: QObject,
    ) -> None:
        """`conversation` and `preset` tell those of the chat in view."""
        super().__init__(parent)
        self._context = context
        self._models = models
        self._sending = sending
        self._picker = picker
        self._conversation = conversation
        self._preset = preset
        self._chosen: str | None = None
        picker.use_model.connect(self.use)
        picker.eject.connect(models.eject)
        picker.cancel_load.connect(models.cancel)
        models.changed.connect(self._state_changed)
        models.failed.connect(self._failed)

    @property
    def model(self) -> LocalModel | None:
        """The model this chat uses, loaded or not."""
        if self._chosen is not None:
            for model in self._context.library.models():
                if model.id == self._chosen:
                    return model
        conversation = self._conversation()
        return self._models.of(conversation, self._preset().model if conversation is None else None)

    def choose(self, model_id: str | None) -> None:
        """Use this model from now on; None: the chat's own."""
        self._chosen = model_id

    def start_with(self, model_id: str) -> None:
        """Use a model, and load it if it is not."""
        self._chosen = model_id
        self.changed.emit()
        model = self.model
        if model is not None and self._context.runtime.get(model.id) is None:
            self._models.load(model)

    def open_picker(self, button: QWidget) -> None:
        """Choose and load a model, below the button."""
        model = self.model
        self._picker.open_under(button, model.id if model else None, gap=_PICKER_GAP)

    def use(self, model: LocalModel, config: LoadConfig | None, force: bool) -> None:
        """Load a model and use it; `force` even where memory is short."""
        self._chosen = model.id
        self._models.load(model, config, force=force, then=partial(self._ready, model))
        self.changed.emit()

    def switch(self, model_id: str) -> None:
        """Use a model as it is loaded, or load it as usual."""
        model = self._context.library.get(model_id)
        loaded = self._context.runtime.get(model_id)
        if loaded is not None and loaded.state == "ready":
            self._chosen = model_id
            self._ready(model)
        else:
            self.use(model, None, False)

    def cancel_load(self) -> None:
        """Give up loading the model of this chat."""
        model = self.model
        if model is not None:
            self._models.cancel(model.id)

    def _ready(self, model: LocalModel) -> None:
        self._picker.hide()
        conversation = self._conversation()
        if self._chosen == model.id and conversation is not None:
            self._sending.bind(conversation, model, self.changed.emit)
        else:
            self.changed.emit()

    def _state_changed(self, model_id: str) -> None:
        model = self.model
        if model is not None and model.id == model_id:
            self.changed.emit()

    def _failed(self, model_id: str, error: AppError) -> None:
        self.changed.emit()
        if self._picker.isVisible():
            self._picker.show_error(model_id, error)
        else:
            self._context.notifier.error(error)
