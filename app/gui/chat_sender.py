"""From the Send button to the engine: a chat in the store, a model that is ready, the question.

Loading a model may take long, and the person may look at other chats meanwhile: what is sent
goes to the chat it was written in.
"""

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, Signal

from app.core.chat import ChatRun
from app.core.conversations import Conversation, Picture
from app.core.library_types import LocalModel
from app.gui.chat_answers import Answers
from app.gui.chat_models import ChatModels
from app.gui.context import AppContext
from app.gui.preset_choice import ChatDraft

Ask = Callable[[], ChatRun]


class ChatSender(QObject):
    """Asks the engine for answers, after all that has to come before."""

    stored = Signal(object, str, object)
    """A new chat's `Conversation`, and the text and pictures that are sent to it next."""
    bound = Signal(object)
    """A `Conversation` that uses another model now."""
    refused = Signal(object)
    """`AppError`: nothing was sent."""
    model_wanted = Signal()
    """There is no model to answer."""

    def __init__(
        self,
        context: AppContext,
        models: ChatModels,
        answers: Answers,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._context = context
        self._models = models
        self._answers = answers

    def send(
        self,
        text: str,
        conversation: Conversation,
        model: LocalModel | None,
        pictures: tuple[Picture, ...] = (),
    ) -> None:
        """Add a message to a stored chat and have it answered."""
        ask = partial(self._context.chat.send, conversation.id, text, pictures)
        self.ask(ask, conversation, model)

    def begin(
        self,
        text: str,
        draft: ChatDraft,
        model: LocalModel | None,
        pictures: tuple[Picture, ...] = (),
    ) -> None:
        """Store a new chat with what was chosen for it, and have its first message answered."""
        if model is None:
            self.model_wanted.emit()
            return
        store = partial(
            self._context.store.create,
            preset_id=draft.preset_id,
            model_id=model.id,
            system_prompt=draft.system_prompt,
            sampling=draft.sampling,
            reasoning=draft.answers.reasoning,
            constraint=draft.answers.constraint,
            keep_on_disk=draft.answers.keep_on_disk,
        )
        self._when_ready(
            model,
            None,
            lambda: self._context.worker.run(
                store, done=partial(self._begun, text, pictures), failed=self.refused.emit
            ),
        )

    def ask(self, ask: Ask, conversation: Conversation, model: LocalModel | None) -> None:
        """Have `ask` (such as `ChatService.regenerate`) called with the chat's model ready."""
        if model is None:
            self.model_wanted.emit()
            return
        start = partial(self._answers.start, ask, failed=self.refused.emit)
        self._when_ready(model, conversation.id, partial(self.bind, conversation, model, start))

    def bind(
        self, conversation: Conversation, model: LocalModel, then: Callable[[], object]
    ) -> None:
        """Store which model a chat uses, then go on."""
        if conversation.model_id == model.id:
            then()
            return

        def changed(conversation: Conversation) -> None:
            self.bound.emit(conversation)
            then()

        update = partial(self._context.store.update, conversation.id, model_id=model.id)
        self._context.worker.run(update, done=changed, failed=self.refused.emit)

    def _begun(self, text: str, pictures: tuple[Picture, ...], conversation: Conversation) -> None:
        self.stored.emit(conversation, text, pictures)
        ask = partial(self._context.chat.send, conversation.id, text, pictures)
        self._answers.start(ask, failed=self.refused.emit)

    def _when_ready(
        self, model: LocalModel, conversation_id: int | None, then: Callable[[], object]
    ) -> None:
        """Call `then` with the model ready: at once, after loading it, or never.

        Who presses Send again while the model is loading wants one answer, to what was sent last.
        """
        purpose = ("answer", conversation_id)
        self._models.forget(purpose)
        loaded = self._context.runtime.get(model.id)
        if loaded is not None and loaded.state == "ready":
            then()
        else:
            self._models.load(model, then=then, purpose=purpose)
