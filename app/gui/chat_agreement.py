"""Header, composer and chat settings agree with the chat in view, its model and its preset."""

from PySide6.QtCore import QCoreApplication

from app.core.conversations import Conversation
from app.core.library_types import LocalModel
from app.core.loaded_model import LoadedModel
from app.core.model_sight import sight_of
from app.gui.chat_empty import ChatEmpty
from app.gui.chat_header import ChatHeader
from app.gui.chat_model_choice import ChatModelChoice
from app.gui.chat_pane import ChatPane
from app.gui.chat_presets import ChatPresets
from app.gui.context import AppContext
from app.gui.inspector import Inspector


class ChatAgreement:
    """Shows in one part of the page what was chosen in another."""

    def __init__(
        self,
        context: AppContext,
        header: ChatHeader,
        pane: ChatPane,
        empty: ChatEmpty,
        inspector: Inspector,
        presets: ChatPresets,
        choice: ChatModelChoice,
    ) -> None:
        self._context = context
        self._header = header
        self._pane = pane
        self._empty = empty
        self._inspector = inspector
        self._presets = presets
        self._choice = choice

    def show(self) -> None:
        """Header, composer and chat settings agree with the conversation and its model."""
        conversation, model = self._pane.conversation, self._choice.model
        loaded = self._context.runtime.get(model.id) if model else None
        self._header.show_conversation(conversation)
        self._header.preset.show_preset(self._presets.preset, changed=self._inspector.is_changed())
        if model is None:
            self._header.model.show_nothing()
        else:
            place = model.publisher if model.is_remote else model.quantization
            self._header.model.show_model(model.name, place, loaded)
        self._inspector.show_conversation(conversation, loaded)
        self._empty.mark(self._presets.preset.id)
        self._empty.show_server(model.publisher if model and model.is_remote else "")
        self._pane.composer.set_model_name(model.name if model else "")
        self._pane.composer.set_picture_obstacle(self._picture_obstacle(model, loaded))
        self.name_models()
        self._pane.writing.set_opening(self._opening(model) if conversation is None else None)
        self._pane.writing.count()

    def name_models(self) -> None:
        """Tell the messages what people call the models that wrote them."""
        names = {model.id: model.name for model in self._context.library.models()}
        self._pane.set_model_names(names)

    def _picture_obstacle(self, model: LocalModel | None, loaded: LoadedModel | None) -> str:
        """Why pictures cannot be sent; empty where they can, or nobody knows yet."""
        if model is None:
            return ""
        config = self._context.settings.current.models.load.get(model.id)
        words = {
            "blind": _tr("%1 cannot see pictures. Remove them, or choose a model with vision."),
            "no_projector": _tr(
                "%1 cannot see pictures: its projector file (mmproj) is missing. Put it beside the "
                "model, or choose another model."
            ),
        }
        return words.get(sight_of(model, loaded, config), "").replace("%1", model.name)

    def _opening(self, model: LocalModel | None) -> Conversation:
        """What the chat in view will be stored as with its first message."""
        draft = self._inspector.draft()
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


def _tr(text: str) -> str:
    return QCoreApplication.translate("ChatAgreement", text)
