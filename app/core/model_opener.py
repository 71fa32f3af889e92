"""Has an engine's child load a model: what it is told to open, where, and in which engine."""

from pathlib import Path

from msgspec import structs

from app.core.engine import EngineProcess
from app.core.engine_shelf import EngineChoice
from app.core.errors import ModelError
from app.core.library_types import LocalModel
from app.core.loaded_model import LoadedModel
from app.core.remotes import RemoteStore
from backends.base import LoadProgressCallback
from backends.types import LoadConfig, ModelInfo


class ModelOpener:
    """Makes engines for models and lets them load."""

    def __init__(self, remotes: RemoteStore | None, kept_conversations: Path | None) -> None:
        """`remotes` knows how to reach servers; `kept_conversations` is the folder for chats."""
        self._remotes = remotes
        self._kept_conversations = kept_conversations

    def engine(self, backend: str, choice: EngineChoice | None) -> EngineProcess:
        """A child that tells of its connections to whoever hears of those to servers."""
        return EngineProcess(
            backend,
            tell=self._remotes.tell if self._remotes else None,
            environment=choice.environment if choice else None,
        )

    def open(self, entry: LoadedModel, on_progress: LoadProgressCallback) -> ModelInfo:
        """Start the engine of `entry` and load its model.

        Raises what `EngineProcess.start` and `load` raise, and ModelError for a model on a server
        of which nothing is known.
        """
        entry.engine.start()
        told = self._told(entry.model)
        info = entry.engine.load(told, self._with_folder(entry), on_progress)
        note = entry.choice.note if entry.choice is not None else ""
        return structs.replace(info, notes=(*info.notes, note)) if note else info

    def _with_folder(self, entry: LoadedModel) -> LoadConfig:
        """The settings in force, with the place for chats that shall be kept on disk."""
        folder = self._kept_conversations
        if folder is None or entry.engine.backend != "llamacpp":
            return entry.config
        return structs.replace(entry.config, parking_folder=str(folder))

    def _told(self, model: LocalModel) -> str:
        """What the engine is told to load: a path, or the descriptor of a remote model."""
        if not model.is_remote:
            return str(model.path)
        if self._remotes is None:
            raise ModelError("This model is on a server", "Nothing is known of it here.")
        return self._remotes.descriptor(model)
