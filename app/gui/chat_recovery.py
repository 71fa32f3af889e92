"""Ways on after an answer was broken off: looked for, offered, and taken."""

import logging
from functools import partial

from PySide6.QtCore import QObject, Signal

from app.core.conversations import Conversation
from app.core.errors import AppError, EngineDied, RemedyKind
from app.core.library_types import LocalModel
from app.core.runtime import LoadedModel
from app.gui.chat_models import ChatModels
from app.gui.chat_sender import Ask, ChatSender
from app.gui.context import AppContext
from app.gui.load_advice import config_for, remedies
from app.gui.message_item import Remedy

log = logging.getLogger(__name__)


class ChatRecovery(QObject):
    """Knows what may help when an engine ended, and does what the person chose of it."""

    found = Signal(int, object, object)
    """Conversation id, its `EngineDied`, and the ways on: a tuple of `Remedy`."""

    def __init__(
        self,
        context: AppContext,
        models: ChatModels,
        sender: ChatSender,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._context = context
        self._models = models
        self._sender = sender

    def look(self, conversation_id: int, error: EngineDied, model: LocalModel) -> None:
        """Look for better ways than loading the model again as it was."""
        stopped = self._context.runtime.get(model.id)
        if stopped is not None and error.remedies not in ((), (RemedyKind.RELOAD,)):
            self._context.worker.run(
                self._ways_on,
                stopped,
                error,
                done=partial(self.found.emit, conversation_id, error),
                failed=_no_better_way,
            )

    def _ways_on(self, stopped: LoadedModel, error: EngineDied) -> tuple[Remedy, ...]:
        """Blocks: reads the model's header."""
        library = self._context.library
        header = library.header(stopped.model.id)
        memory = self._context.runtime.free_memory(look_at_gpus=True)
        models = library.models()
        return remedies(error, stopped.model, header, stopped.config, memory, models)

    def go_on(
        self, key: str, ask: Ask, conversation: Conversation, model: LocalModel
    ) -> LocalModel:
        """Load as the chosen remedy says, then ask again; answers the model that will be used."""
        choice = config_for(key)
        if choice is None:
            self._sender.ask(ask, conversation, model)
            return model
        other, config = choice
        if other is not None:
            model = self._context.library.get(other)
        again = partial(self._sender.ask, ask, conversation, model)
        self._models.load(model, config if other is None else None, then=again)
        return model


def _no_better_way(error: AppError) -> None:
    """The model's file cannot be read: what the card offers by itself has to do."""
    log.info("no ways on were found: %s", error)
