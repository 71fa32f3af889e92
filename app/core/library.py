"""The models on this computer: found, named, adopted, deleted."""

import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from msgspec import structs

from app.core import library_files
from app.core.errors import AppError, ModelError, NotFoundError
from app.core.events import EventHook
from app.core.gguf import read_header
from app.core.gguf_types import GgufHeader
from app.core.library_find import find_model
from app.core.library_index import (
    Choices,
    Index,
    KnownModel,
    change_choices,
    load_choices,
    load_index,
    save_index,
)
from app.core.library_read import read_model
from app.core.library_scan import Found, find_at, find_models, starter_models
from app.core.library_types import AmbiguousModel, LocalModel
from app.core.mlx_header import read_mlx_header
from app.core.mlx_support import WHY_NOT, runs_mlx
from app.core.paths import AppPaths
from app.core.remotes import remote_models, without_model
from app.core.settings import Settings, SettingsStore

__all__ = ["AmbiguousModel", "LocalModel", "ModelLibrary"]

log = logging.getLogger(__name__)

_AWAY = "The folder or drive it is on is not connected."


class ModelLibrary:
    """Every model in the models folder, in further folders, the starter model, those of servers.

    Laid out `publisher/repo/file.gguf`, or flat. Half-downloaded files are never listed. All
    methods but `models`, `get` and `find` touch the disk; `changed` fires in the calling thread.
    """

    def __init__(self, paths: AppPaths, settings: SettingsStore) -> None:
        self.changed: EventHook[[]] = EventHook()
        self._paths = paths
        self._settings = settings
        self._index_file = paths.cache / "library.json"
        self._choices_file = paths.data / "library.json"
        self._lock = threading.RLock()
        self._index = load_index(self._index_file)
        self.problem: AppError | None
        """What was wrong at the start with the list of models used where they lie."""
        self._choices, self.problem = load_choices(self._choices_file)
        self._models: tuple[LocalModel, ...] = ()
        """Those on this computer."""
        self._remote = remote_models(settings.current.remote)
        settings.changed.connect(self._settings_changed)

    @property
    def folder(self) -> Path:
        """Where downloads go."""
        chosen = self._settings.current.models.folder
        return Path(chosen).expanduser() if chosen else self._paths.models

    def scan(self) -> tuple[LocalModel, ...]:
        """Look at all folders again. Only headers of new or changed files are read."""
        with self._lock:
            before = self._models
            known: dict[str, KnownModel] = {}
            models: dict[str, LocalModel] = {}
            seen: set[tuple[int, int]] = set()
            for found in self._found():
                entry = None if str(found.path) in known else self._read(found)
                if entry is None:
                    continue
                known[str(found.path)] = entry
                if entry.model is not None and _is_new(found.path, seen):
                    models.setdefault(entry.model.id, entry.model)
            for away in self._away(known):
                known[str(away.path)] = self._index.known[str(away.path)]
                models.setdefault(away.id, away)
            if known != self._index.known:
                self._index = Index(known=known)
                save_index(self._index_file, self._index)
            shown = (_judged(model) for model in models.values() if self._is_shown(model))
            self._models = tuple(sorted(shown, key=_order))
            result = self._models
        if result != before:
            self.changed()
        return self.models()

    def _settings_changed(self, settings: Settings) -> None:
        remote = remote_models(settings.remote)
        if remote != self._remote:
            self._remote = remote
            self.changed()

    def _is_shown(self, model: LocalModel) -> bool:
        return not (model.read_only and model.id in self._choices.forgotten)

    def _roots(self) -> list[tuple[Path, bool]]:
        """The folders to look at, and whether each is Corral's own."""
        extra = [Path(text).expanduser() for text in self._settings.current.models.extra_folders]
        return [(self.folder, True), *((root, False) for root in extra)]

    def _found(self) -> Iterator[Found]:
        for root, own in self._roots():
            yield from find_models(root, "corral" if own else "folder")
        for text in self._choices.adopted:
            if os.path.exists(text):  # unlike Path.exists, False for a drive that answers by errors
                try:
                    found = find_at(Path(text), "folder")
                except OSError as error:  # there, but not for us to read
                    log.info("%s was left out: %s", text, error)
                else:
                    yield found
        yield from starter_models()

    def _read(self, found: Found) -> KnownModel | None:
        """From the index if the files are as they were; None if one vanished meanwhile."""
        try:
            fingerprint = found.fingerprint()
            old = self._index.known.get(str(found.path))
            if (
                old is not None
                and old.fingerprint == fingerprint
                and (old.model is None or old.model.source == found.source)
            ):
                return old
            return KnownModel(fingerprint=fingerprint, model=read_model(found))
        except OSError as error:
            log.info("%s was left out: %s", found.path, error)
            return None

    def _away(self, known: dict[str, KnownModel]) -> Iterator[LocalModel]:
        """Models seen before whose folder or drive is not there now."""
        roots = [root for root, _ in self._roots() if not os.path.isdir(root)]
        adopted = {text for text in self._choices.adopted if not os.path.exists(text)}
        for text, entry in self._index.known.items():
            if text in known or entry.model is None:
                continue
            if text in adopted or any(Path(text).is_relative_to(root) for root in roots):
                yield structs.replace(entry.model, present=False, problem=_AWAY)

    def models(self) -> tuple[LocalModel, ...]:
        """What the last scan found and what servers offer, by name. Quick."""
        return tuple(sorted((*self._models, *self._remote), key=_order))

    def get(self, model_id: str) -> LocalModel:
        """The model with this id. Raises NotFoundError. Quick."""
        for model in (*self._models, *self._remote):
            if model.id == model_id:
                return model
        raise NotFoundError(
            "This model is not on this computer any more",
            f"Nothing in the library is called {model_id}.",
            "Choose another model, or download it again.",
        )

    def find(self, text: str) -> LocalModel:
        """The model a person means: id, name, repo, repo:quantization, or a unique prefix.

        Raises:
            NotFoundError: nothing fits.
            AmbiguousModel: several do; its message lists them.
        """
        return find_model(text, self.models())

    def header(self, model_id: str) -> GgufHeader:
        """The whole GGUF header of a model; of an MLX model what its config tells in those terms.

        Raises NotFoundError or a ModelError.
        """
        model = self.get(model_id)
        return read_mlx_header(model.path) if model.format == "mlx" else read_header(model.path)

    def adopt(self, path: Path) -> LocalModel:
        """List a model where it lies: a GGUF file, an MLX folder, or a folder of models.

        A folder of models is added to the further folders of the settings.
        Raises ModelError if there is no model, StorageError if the choice cannot be kept.
        """
        path = path.expanduser().absolute()
        is_model = not path.is_dir() or (path / "config.json").is_file()
        if not is_model:
            return self._adopt_folder(path)
        found = find_at(path, "folder")
        if not path.is_dir():
            read_header(found.path)
        self._choose(Choices.recalling)
        self.scan()
        if self._by_path(found.path) is None:
            self._choose(lambda choices: choices.adopting(found.path))
            self.scan()
        if self._by_path(found.path) is None:
            self._choose(lambda choices: choices.dropping(found.path))
        return self._listed(found.path)

    def _adopt_folder(self, path: Path) -> LocalModel:
        first = next(find_models(path, "folder"), None)
        if first is None:
            raise ModelError(
                "There is no model in this folder",
                f"No GGUF file was found below {path}.",
                "Choose the folder that holds the .gguf files.",
            )
        models = self._settings.current.models
        if str(path) not in models.extra_folders:
            folders = (*models.extra_folders, str(path))
            self._settings.update(models=structs.replace(models, extra_folders=folders))
        self._choose(Choices.recalling)
        self.scan()
        return self._listed(first.path)

    def _choose(self, change: Callable[[Choices], Choices]) -> None:
        """Keep a choice. Adopting anything brings back what was taken off the list."""
        with self._lock:
            self._choices = change_choices(self._choices_file, change)

    def _by_path(self, path: Path) -> LocalModel | None:
        return next((model for model in self._models if model.path == path), None)

    def _listed(self, path: Path) -> LocalModel:
        model = self._by_path(path)
        if model is None:
            raise ModelError(
                f"{path.name} could not be added",
                "It is listed already from another folder, or is no model.",
                "Look for it in the list of models.",
            )
        return model

    def register(self, files: Sequence[Path]) -> LocalModel:
        """Take up a finished download; `files[0]` is what the model is opened by.

        Raises ModelError if the files make no model in the models folder.
        """
        self.scan()
        path = files[0].absolute()
        return self._by_path(path) or self._by_path(path.parent) or self._listed(path)

    def delete(self, model_id: str, to_trash: bool = True) -> None:
        """Delete a model's files; a read-only or remote one is only taken off the list.

        Raises:
            NotFoundError: there is no such model.
            StorageError: the trash or the disk refused; says what was deleted before.
        """
        model = self.get(model_id)
        if model.is_remote:
            self._settings.update(remote=without_model(self._settings.current.remote, model))
            return
        with self._lock:
            if model.read_only:
                self._choose(lambda choices: choices.dropping(model.path).forgetting(model.id))
            elif model.present:
                others = [other for other in self._models if other.id != model.id]
                library_files.delete_files(model, others, self.folder, to_trash=to_trash)
            else:
                raise ModelError(
                    f"{model.name} cannot be deleted now",
                    _AWAY,
                    "Connect the drive and try again.",
                )
        self.scan()

    def change_folder(self, path: Path, move: bool = False) -> None:
        """Use another models folder; `move` takes the models along.

        Raises StorageError; then everything is as it was.
        """
        path = path.expanduser().absolute()
        with self._lock:
            old = self.folder.absolute()
            if path == old:
                return
            library_files.check_writable(path)
            if move:
                own = [each for each in self._models if each.source == "corral" and each.present]
                library_files.move_files(own, old, path)
            models = self._settings.current.models
            self._settings.update(models=structs.replace(models, folder=str(path)))
        self.scan()


def _is_new(path: Path, seen: set[tuple[int, int]]) -> bool:
    """Whether this file was not listed before under another name (hard or symbolic link).

    False also for one that vanished since it was found.
    """
    try:
        stat = path.stat()
    except OSError:
        return False
    identity = (stat.st_dev, stat.st_ino)
    if stat.st_ino and identity in seen:
        return False
    seen.add(identity)
    return True


def _judged(model: LocalModel) -> LocalModel:
    """The model, with the problem that this computer has no engine for it."""
    if model.problem is None and model.format == "mlx" and not runs_mlx():
        return structs.replace(model, problem=WHY_NOT)
    return model


def _order(model: LocalModel) -> tuple[str, str]:
    return model.name.casefold(), model.id
