"""Chats and messages in the form that the page in the browser knows."""

from app.api.corral.chat_types import ChatInfo, ChatTurn, Choices, ModelChoice, PresetChoice
from app.api.work import Work
from app.core.conversations import Conversation, Message
from app.core.library_types import LocalModel
from backends.types import Usage


class ChatRows:
    """Makes them. Quick; touches no disk."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._parts = work.parts

    def chat(self, chat: Conversation, answering: bool) -> ChatInfo:
        """A row of the list."""
        return ChatInfo(
            chat.id,
            chat.title,
            chat.preview,
            chat.updated,
            chat.model_id,
            chat.preset_id,
            answering,
        )

    def turn(self, message: Message) -> ChatTurn:
        """A message."""
        usage = message.usage or Usage()
        return ChatTurn(
            message.id,
            message.role,
            message.content,
            message.reasoning,
            message.created,
            message.state,
            message.finish_reason,
            self._name(message.model),
            usage.completion_tokens,
            usage.tokens_per_second,
            message.version,
            message.versions,
            message.notes,
            message.first_kept is not None,
        )

    def choices(self) -> Choices:
        """Models and presets, and which of them a new chat has."""
        loaded = {each.model.id for each in self._parts.runtime.loaded() if each.state == "ready"}
        usable = [
            each for each in self._work.names.usable() if "embeddings" not in each.capabilities
        ]
        models = [
            ModelChoice(each.id, each.name, each.quantization, each.id in loaded, each.is_remote)
            for each in usable
        ]
        presets = [
            PresetChoice(each.id, each.name, each.icon, each.description, each.built_in)
            for each in self._parts.presets.list()
        ]
        preset = self._parts.presets.find(self._parts.settings.current.chat.default_preset)
        first = next((each.id for each in models if each.loaded), None)
        if first is None and usable:
            first = max(usable, key=_added).id
        return Choices(models, presets, first, preset.id if preset is not None else "general")

    def _name(self, model_id: str | None) -> str:
        found = next((m for m in self._parts.library.models() if m.id == model_id), None)
        return found.name if found is not None else (model_id or "").rpartition("/")[2]


def _added(model: LocalModel) -> float:
    return model.added
