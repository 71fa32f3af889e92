"""The models on this computer: found, named, adopted, deleted."""

from collections.abc import Callable, Sequence
from pathlib import Path

from app.core.events import EventHook
from app.core.gguf_types import GgufHeader
from app.core.library_types import AmbiguousModel, LocalModel
from app.core.paths import AppPaths
from app.core.settings import SettingsStore

__all__ = ["AmbiguousModel", "LocalModel", "ModelLibrary"]


class ModelLibrary:
    """Every model in the models folder, in further folders, and the starter model.

    Laid out `publisher/repo/file.gguf`, or flat. Half-downloaded files are never listed. All
    methods but `models`, `get` and `find` touch the disk; `changed` fires in the calling thread.
    """

    def __init__(self, paths: AppPaths, settings: SettingsStore) -> None:
        self._paths = paths
        self._settings = settings
        self.changed: EventHook[[]] = EventHook()

    def scan(self) -> tuple[LocalModel, ...]:
        """Look at all folders again."""
        raise NotImplementedError

    def models(self) -> tuple[LocalModel, ...]:
        """What the last scan found, by name. Quick."""
        raise NotImplementedError

    def get(self, model_id: str) -> LocalModel:
        """The model with this id. Raises NotFoundError. Quick."""
        raise NotImplementedError

    def find(self, text: str) -> LocalModel:
        """The model a person means: id, name, repo, repo:quantization, or a unique prefix.

        Raises:
            NotFoundError: nothing fits.
            AmbiguousModel: several do; its message lists them.
        """
        raise NotImplementedError

    def header(self, model_id: str) -> GgufHeader:
        """The whole GGUF header of a model. Raises NotFoundError or a ModelError."""
        raise NotImplementedError

    def adopt(self, path: Path) -> LocalModel:
        """List a model file or folder where it lies, and keep listing it."""
        raise NotImplementedError

    def register(self, files: Sequence[Path]) -> LocalModel:
        """Take up a finished download; `files[0]` is what the model is opened by."""
        raise NotImplementedError

    def delete(self, model_id: str, to_trash: bool = True) -> None:
        """Delete a model's files; one that is read-only is only taken off the list."""
        raise NotImplementedError

    def change_folder(
        self, path: Path, move: bool = False, on_progress: Callable[[float], None] | None = None
    ) -> None:
        """Use another models folder; `move` takes the models along."""
        raise NotImplementedError
