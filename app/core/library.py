"""The models on this computer: found, named, adopted, deleted."""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from msgspec import structs

from app.core import library_files
from app.core.checksums import Cancelled, Progress
from app.core.errors import AppError, ModelError, NotFoundError
from app.core.events import EventHook
from app.core.file_records import FileRecords, Origin
from app.core.gguf import read_header
from app.core.gguf_types import GgufHeader
from app.core.library_choices import Choices, change_choices, load_choices
from app.core.library_find import find_model
from app.core.library_move import FolderChange
from app.core.library_places import AWAY, Place
from app.core.library_programs import FoundProgram, find_programs
from app.core.library_scan import find_at, find_models
from app.core.library_scanner import PATIENCE, LibraryScanner
from app.core.library_types import AmbiguousModel, LocalModel
from app.core.mlx_header import read_mlx_header
from app.core.mlx_support import WHY_NOT, runs_mlx
from app.core.model_roots import ModelRoots
from app.core.other_programs import ProgramFolder, program_folders, program_of
from app.core.paths import AppPaths
from app.core.remotes import remote_models, without_model
from app.core.settings import Settings, SettingsStore
from app.core.variants import RepoFile

__all__ = ["AmbiguousModel", "LocalModel", "ModelLibrary"]

log = logging.getLogger(__name__)


class ModelLibrary:
    """Every model in the models folders, in others' folders, the starter model, those of servers.

    Laid out `publisher/repo/file.gguf`, or flat. Half-downloaded files are never listed. All
    methods but `models`, `get` and `find` touch the disk; `changed` fires in the calling thread.
    """

    def __init__(
        self,
        paths: AppPaths,
        settings: SettingsStore,
        *,
        patience: float = PATIENCE,
        program_folders: Callable[[], Sequence[ProgramFolder]] = program_folders,
    ) -> None:
        """`patience`: seconds without a sign of life after which a folder is left alone.

        `program_folders` tells where other programs may keep models.
        """
        self.changed: EventHook[[]] = EventHook()
        self._paths = paths
        self._settings = settings
        self.records = FileRecords(paths.model_files_file)
        """Checksums of files and where they came from."""
        self._scanner = LibraryScanner(paths.cache / "library.json", patience, self._tell_news)
        self._choices_file = paths.data / "library.json"
        self._program_folders = program_folders
        self.own_folders = ModelRoots(
            paths, settings, lambda path: program_of(path, program_folders())
        )
        """The folders that downloads may go to."""
        self._lock = threading.RLock()
        self.problem: AppError | None
        """What was wrong at the start with the list of models used where they lie."""
        self._choices, self.problem = load_choices(self._choices_file)
        self._models: tuple[LocalModel, ...] = ()
        """Those on this computer."""
        self._remote = remote_models(settings.current.remote)
        self._folder_change = FolderChange(
            self._lock, settings, self.records, lambda: self.folder, self._own_models
        )
        settings.changed.connect(self._settings_changed)

    @property
    def folder(self) -> Path:
        """Where downloads go by themselves."""
        return self.own_folders.standard

    def scan(self) -> tuple[LocalModel, ...]:
        """Look at all folders again. Only headers of new or changed files are read.

        What does not answer in time is shown as away, and taken up whenever it comes: `changed`
        then fires in another thread.
        """
        with self._lock:
            self._scanner.scan(self._places(), self._tell_news)
            changed = self._list()
        if changed:
            self.changed()
        return self.models()

    def _list(self) -> bool:
        """Make the list anew from what was seen; whether it is another one than before."""
        found = (
            _judged(each)
            for each in self._scanner.models(self._choices.names)
            if self._is_shown(each)
        )
        listed = self._choices.applied({each.id: each for each in found})
        before, self._models = self._models, tuple(sorted(listed, key=_order))
        return self._models != before

    def _tell_news(self) -> None:
        """There is more to list, while a scan goes on or after it."""
        with self._lock:
            changed = self._list()
        if changed:
            self.changed()

    def _settings_changed(self, settings: Settings) -> None:
        remote = remote_models(settings.remote)
        if remote != self._remote:
            self._remote = remote
            self.changed()

    def _is_shown(self, model: LocalModel) -> bool:
        return not (model.read_only and model.id in self._choices.forgotten)

    def _places(self) -> list[Place]:
        """Corral's own folders, others', models used where they lie, the starter."""
        programs = self._program_folders()
        extra = [Path(text).expanduser() for text in self._settings.current.models.extra_folders]
        adopted: dict[Path, list[Path]] = {}
        for path in map(Path, self._choices.adopted):
            adopted.setdefault(path.parent, []).append(path)
        places = [
            *(Place(root, "corral") for root in self.own_folders.all()),
            *(Place(root, "folder", program_of(root, programs)) for root in extra),
            *(
                Place(folder, "folder", program_of(folder, programs), tuple(files))
                for folder, files in adopted.items()
            ),
            Place(Path("starter"), "starter"),
        ]
        return list(dict.fromkeys(places))

    def roots(self) -> tuple[tuple[str, Path], ...]:
        """All folders but the standard one: the program that each belongs to or its own name, and
        its path.
        """
        programs = self._program_folders()
        folders = map(Path, self._settings.current.models.extra_folders)
        roots = (*self.own_folders.all()[1:], *(folder.expanduser() for folder in folders))
        return tuple((program_of(root, programs) or root.name, root) for root in roots)

    def silent_folders(self) -> frozenset[Path]:
        """Folders that do not answer now: whoever looks into them waits. Quick.

        Also those whose drive is not mounted: what is put there would lie on another one.
        """
        return self._scanner.silent_folders()

    def find_programs(self) -> tuple[FoundProgram, ...]:
        """Folders of other programs with models that are not listed yet. Touches the disk."""
        known = [self.folder, *(path for _, path in self.roots())]
        return find_programs(self._program_folders(), known)

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

    def find(self, text: str, *, whole: bool = False) -> LocalModel:
        """The model a person means: id, name, repo, repo:quantization, or a unique prefix.

        With `whole` no prefix: for what cannot be undone.

        Raises:
            NotFoundError: nothing fits.
            AmbiguousModel: several do; its message lists them.
        """
        return find_model(text, self.models(), whole=whole)

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
        inside = [found.path for found in find_models(path, "folder")]
        if not inside:
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
        return next(filter(None, map(self._by_path, inside)), None) or self._listed(inside[0])

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

    def register(
        self,
        files: Sequence[Path],
        origin: Origin | None = None,
        listed: Sequence[RepoFile] = (),
    ) -> LocalModel:
        """Take up a finished download; `files[0]` is what the model is opened by.

        `listed` are the same files as the hub lists them, and as they were found to be.
        Raises ModelError if the files make no model in the models folder.
        """
        if origin is not None:
            self.records.downloaded(zip(files, listed, strict=True), origin)
        self.scan()
        path = files[0].absolute()
        return self._by_path(path) or self._by_path(path.parent) or self._listed(path)

    def delete(self, model_id: str, to_trash: bool = True) -> None:
        """Delete a model's files; a read-only or remote one is only taken off the list.

        A variant has no files of its own; those of a deleted model go with it.

        Raises:
            NotFoundError: there is no such model.
            StorageError: the trash or the disk refused; says what was deleted before.
        """
        model = self.get(model_id)
        if model.is_remote:
            self._settings.update(remote=without_model(self._settings.current.remote, model))
            return
        with self._lock:
            if model.variant_of:
                self._choose(lambda choices: choices.without(model.id))
            elif model.read_only:
                self._choose(lambda choices: choices.dropping(model.path).forgetting(model.id))
            elif model.present:
                others = library_files.others_than(model, self._models)
                root = self.own_folders.of(model.path) or self.folder
                library_files.delete_files(model, others, root, to_trash=to_trash)
                self._choose(lambda choices: choices.without(model.id))
                self.records.forget(model.files)
            else:
                raise ModelError(
                    f"{model.name} cannot be deleted now",
                    model.problem or AWAY,
                    "Connect the drive and try again.",
                )
        self.scan()

    def keep_names(self, paths: Iterable[Path]) -> None:
        """Go on listing these paths even if they become names of one file. Raises StorageError."""
        with self._lock:
            self._choose(lambda choices: choices.naming(paths))

    # What a person says of a model

    def note(self, model_id: str, text: str) -> None:
        """Keep a note about a model; an empty one deletes it. Raises StorageError."""
        self._decide(lambda choices: choices.noting(model_id, text))

    def tag(self, model_id: str, tags: Sequence[str]) -> None:
        """Sort a model by other tags. Raises StorageError."""
        self._decide(lambda choices: choices.tagging(model_id, tuple(tags)))

    def add_variant(self, model_id: str, name: str) -> LocalModel:
        """List the same files once more, with a name and settings of their own.

        It begins with the settings of the model. Raises NotFoundError or StorageError.
        """
        base, added = self.get(model_id), ""

        def change(choices: Choices) -> Choices:
            nonlocal added
            changed, added = choices.adding_variant(base, " ".join(name.split()) or base.name)
            return changed

        self._decide(change)
        models = self._settings.current.models
        load, sampling = dict(models.load), dict(models.sampling)
        if model_id in load:
            load[added] = load[model_id]
        if model_id in sampling:
            sampling[added] = sampling[model_id]
        self._settings.update(models=structs.replace(models, load=load, sampling=sampling))
        return self.get(added)

    def rename_variant(self, model_id: str, name: str) -> None:
        """Another name for a variant. Raises NotFoundError or StorageError."""
        name = " ".join(name.split())
        if self.get(model_id).variant_of and name:
            self._decide(lambda choices: choices.renaming(model_id, name))

    def _decide(self, change: Callable[[Choices], Choices]) -> None:
        """Keep a choice and show it without a look at the folders."""
        with self._lock:
            self._choose(change)
            changed = self._list()
        if changed:
            self.changed()

    # The models folder

    def guard_folder(self, check: Callable[[Path], object]) -> None:
        """Have `check` called with the models folder before another one is used.

        It raises an `AppError` while something still writes to it.
        """
        self._folder_change.guards.append(check)

    def hold_folder(self, why: str) -> AbstractContextManager[None]:
        """While inside, the models folder stays the same; `why` is what goes on, in a sentence."""
        return self._folder_change.held(why)

    def change_folder(
        self,
        path: Path,
        move: bool = False,
        progress: Progress = lambda done, total: None,
        cancelled: Cancelled = lambda: False,
    ) -> tuple[Path, ...]:
        """Use another models folder; `move` takes the models along.

        Answers which files could not be deleted from the old folder: they are in both now.
        Raises `Broken`, StorageError or what a guard raises; then everything is as it was.
        """
        path = path.expanduser().absolute()
        left = self._folder_change.run(path, move, progress, cancelled)
        self.own_folders.marks.forget(path)
        self.scan()
        return left

    def _own_models(self) -> list[LocalModel]:
        """Those in the standard folder that are there now."""
        here = (each for each in self._models if each.source == "corral" and each.present)
        return [each for each in here if self.own_folders.of(each.path) == self.folder]


def _judged(model: LocalModel) -> LocalModel:
    """The model, with the problem that this computer has no engine for it."""
    if model.problem is None and model.format == "mlx" and not runs_mlx():
        return structs.replace(model, problem=WHY_NOT)
    return model


def _order(model: LocalModel) -> tuple[str, str]:
    return model.name.casefold(), model.id
