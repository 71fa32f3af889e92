"""The panel at the right of a chat: preset, system prompt, sampling, limits, memory."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.core.conversations import Conversation
from app.core.runtime import LoadedModel
from app.gui.context import AppContext
from app.gui.controls.card import Region
from app.gui.preset_choice import ChatDraft, draft_of


class Inspector(Region):
    """Chat settings."""

    conversation_changed = Signal(int)
    draft_changed = Signal()
    close_requested = Signal()
    edit_presets = Signal(str)

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__("sidebar", parent)
        self._context = context
        self._conversation: Conversation | None = None
        self._draft = ChatDraft()

    def show_conversation(
        self, conversation: Conversation | None, model: LoadedModel | None
    ) -> None:
        """Show what is in force."""
        if conversation is None and self._conversation is not None:
            self._draft = ChatDraft()
        self._conversation = conversation

    def draft(self) -> ChatDraft:
        """What a chat that is not stored yet has been given."""
        return self._draft

    def choose_preset(self, preset_id: str) -> None:
        """Another preset."""
        self._draft = ChatDraft(preset_id)
        self.draft_changed.emit()

    def is_changed(self) -> bool:
        """Whether the chat differs from its preset."""
        if self._conversation is not None:
            return draft_of(self._conversation).is_changed
        return self._draft.is_changed

    def flush(self) -> None:
        """Store what is not stored yet."""
