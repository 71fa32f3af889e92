"""Loading models for chats: which one, how it goes, what happens afterwards."""

from collections.abc import Callable, Hashable
from functools import partial

from msgspec import structs
from PySide6.QtCore import QObject, Signal

from app.core.conversations import Conversation
from app.core.errors import AppError, NotFoundError
from app.core.library_types import LocalModel
from app.core.runtime import EjectReason, LoadedModel, LoadStopped
from app.core.settings import SettingsStore
from app.gui.context import AppContext
from backends.types import LoadConfig

RECENT = 20


def remember_recent(settings: SettingsStore, model_id: str) -> None:
    """Put a model first among those used last."""
    models = settings.current.models
    recent = (model_id, *(each for each in models.recent if each != model_id))[:RECENT]
    settings.update(models=structs.replace(models, recent=recent))


class ChatModels(QObject):
    """The models of the chat page."""

    changed = Signal(str)
    """Id of a model whose state changed: loading, ready, stopped, ejected."""
    noted = Signal(str)
    """A sentence for the person: of the engine, or what was done to have enough memory."""
    failed = Signal(str, object)
    """Model id and `AppError`; a load that the person stopped does not fail."""

    def __init__(self, context: AppContext, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._waiting: dict[str, dict[Hashable, Callable[[], object]]] = {}
        context.bridge.on(context.runtime.changed, self.changed.emit)
        context.bridge.on(context.runtime.put_away, self._put_away)

    def of(self, conversation: Conversation | None, preset_model: str | None) -> LocalModel | None:
        """A chat's model: its own, its preset's, a loaded one, the last used, or any one here.

        Nothing is sent to a server that nobody has chosen.
        """
        own = conversation.model_id if conversation else None
        wanted = [model_id for model_id in (own, preset_model) if model_id]
        wanted += [each.model.id for each in self._context.runtime.loaded()]
        wanted += self._context.settings.current.models.recent
        for model_id in wanted:
            try:
                return self._context.library.get(model_id)
            except NotFoundError:
                continue
        here = (each for each in self._context.library.models() if not each.is_remote)
        return next((each for each in here if each.problem is None), None)

    def load(
        self,
        model: LocalModel,
        config: LoadConfig | None = None,
        *,
        force: bool = False,
        then: Callable[[], object] | None = None,
        purpose: Hashable = None,
    ) -> None:
        """Load a model; `then` is called once it is ready, and not at all if it fails.

        What waited for another model, or for this one, with the same `purpose` is forgotten.
        """
        if purpose is not None:
            self.forget(purpose)
        waiting = self._waiting.setdefault(model.id, {})
        first = not waiting
        waiting[object() if purpose is None else purpose] = then or _nothing
        loaded = self._context.runtime.get(model.id)
        if not first and loaded is not None and loaded.state == "loading":
            return
        config = config or self._context.settings.current.models.load.get(model.id)
        self._context.worker.run(
            partial(self._context.runtime.load, model, config, force=force),
            done=self._loaded,
            failed=partial(self._load_failed, model.id),
        )

    def forget(self, purpose: Hashable) -> None:
        """Do not do any more what waits for a model with this purpose; the load goes on."""
        for waiting in self._waiting.values():
            if purpose in waiting:
                waiting[purpose] = _nothing

    def cancel(self, model_id: str) -> None:
        """Stop a load that is under way."""
        self._context.worker.run(self._context.runtime.cancel_load, model_id)

    def eject(self, model_id: str) -> None:
        """Give a model's memory back."""
        self._context.worker.run(self._context.runtime.eject, model_id)

    def _loaded(self, loaded: LoadedModel) -> None:
        model_id = loaded.model.id
        remember = partial(remember_recent, self._context.settings, model_id)
        self._context.worker.run(remember)
        notes = loaded.info.notes if loaded.info else ()
        for note in (*notes, *filter(None, [loaded.warning])):
            self.noted.emit(note)
        for then in self._waiting.pop(model_id, {}).values():
            then()

    def _put_away(self, loaded: LoadedModel, reason: EjectReason) -> None:
        words = {
            "idle": self.tr("%1 was ejected: nobody used it."),
            "room": self.tr("%1 was ejected to make room."),
        }[reason]
        self.noted.emit(words.replace("%1", loaded.model.name))

    def _load_failed(self, model_id: str, error: AppError) -> None:
        self._waiting.pop(model_id, None)
        if not isinstance(error, LoadStopped):
            self.failed.emit(model_id, error)


def _nothing() -> None:
    return None
