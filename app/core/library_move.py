"""Models on their way to another models folder.

First all are in the new folder too, then the setting changes, and only then they leave the old one:
whatever is killed at whatever moment, the folder in force holds every model. (A disk without hard
links is the exception within itself: there each file has one place at a time.)
"""

import contextlib
import os
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from msgspec import structs

from app.core.checksums import Cancelled, Progress, Sum
from app.core.errors import StorageError
from app.core.file_copies import same_content, working_path
from app.core.file_moves import MovedFile, bring, give_up, remove_empty, take_back
from app.core.file_records import FileRecords
from app.core.files import storage_error, sync_folders
from app.core.library_files import check_writable
from app.core.library_types import LocalModel
from app.core.settings import SettingsStore

_TITLE = "The models were not moved"


class ModelMove:
    """One move, from `old` to `new`. Not safe for threads."""

    def __init__(self, old: Path, new: Path, progress: Progress, cancelled: Cancelled) -> None:
        self._old = old
        self._new = new
        self._progress = progress
        self._cancelled = cancelled
        self._moved: list[MovedFile] = []
        self._there: list[MovedFile] = []
        """What an earlier move that was killed had brought already."""
        self._gone: set[Path] = set()
        """What was deleted in the old folder meanwhile."""
        self._folders: set[Path] = set()

    @property
    def pairs(self) -> tuple[tuple[Path, Path], ...]:
        """What goes where, of what is in both places."""
        return tuple((each.source, each.target) for each in (*self._there, *self._moved))

    def lacks(self, models: Iterable[LocalModel]) -> bool:
        """Whether some files of `models` are not in the new folder."""
        return bool(self._missing(models))

    def bring(self, models: Sequence[LocalModel]) -> None:
        """Have all files of `models` in the new folder too, in the same layout.

        Raises `Broken` or StorageError; `take_back` is then to be called.
        """
        missing = self._missing(models)
        try:
            moved = Sum(sum(_size(source) for source, _ in missing), self._progress)
            self._check_targets(missing, moved)
            missing = self._missing(models)
            self._check_space(missing)
            for source, target in missing:
                self._bring(source, target, moved)
            for folder in {each.target.parent for each in self._moved}:
                sync_folders(folder, self._new)
        except OSError as error:
            raise storage_error(_TITLE, Path(error.filename or self._new), error) from error

    def _bring(self, source: Path, target: Path, moved: Sum) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        self._folders.add(target.parent)
        try:
            if source.is_symlink():  # a relative one would lead nowhere
                target.symlink_to(os.path.realpath(source))
                self._moved.append(MovedFile(source, target, left_over=source.lstat()))
            else:
                self._moved.append(bring(source, target, moved, self._cancelled))
        except FileNotFoundError:
            if os.path.lexists(source) or not os.path.isdir(self._old):
                raise
            self._gone.add(source)

    def leave_out_deleted(self) -> None:
        """Forget what was deleted in the old folder meanwhile. Raises StorageError."""
        if self._moved and not os.path.isdir(self._old):
            raise StorageError(
                _TITLE,
                f"{self._old} is not there any more. Nothing was changed.",
                "Connect its drive and try again.",
            )
        gone = [e for e in self._moved if not e.renamed and not os.path.lexists(e.source)]
        take_back(gone)
        self._moved = [each for each in self._moved if each not in gone]

    def take_back(self) -> None:
        """Everything is as it was."""
        take_back(self._moved)
        for folder in self._folders:
            remove_empty(folder, self._new)

    def finish(self) -> tuple[Path, ...]:
        """Delete what is in the new folder from the old one; what could not be deleted."""
        stay = give_up([*self._there, *self._moved])
        for source, target in self.pairs:
            with contextlib.suppress(OSError):  # of a move that was killed
                working_path(target).unlink(missing_ok=True)
            remove_empty(source.parent, self._old)
        return tuple(stay)

    def _missing(self, models: Iterable[LocalModel]) -> list[tuple[Path, Path]]:
        known = self._gone.union(source for source, _ in self.pairs)
        files = (path for model in models for path in model.files if path not in known)
        return [(path, self._new / path.relative_to(self._old)) for path in dict.fromkeys(files)]

    def _check_targets(self, missing: Sequence[tuple[Path, Path]], moved: Sum) -> None:
        for source, target in missing:
            if not os.path.lexists(target):
                continue
            if source.parent.samefile(target.parent):  # one file under two paths
                raise StorageError(
                    _TITLE,
                    f"{target.parent} is a link into the folder used so far. Nothing was changed.",
                    "Choose another folder, or remove that link.",
                )
            if not target.is_file() or not same_content(source, target, moved, self._cancelled):
                raise StorageError(
                    _TITLE,
                    f"{target} is there already. Nothing was changed.",
                    "Choose an empty folder, or remove that file.",
                )
            self._there.append(MovedFile(source, target, left_over=source.lstat()))

    def _check_space(self, missing: Sequence[tuple[Path, Path]]) -> None:
        if not missing or self._old.stat().st_dev == self._new.stat().st_dev:
            return
        need = sum(_size(source) for source, _ in missing if not source.is_symlink())
        free = shutil.disk_usage(self._new).free
        if need > free:
            raise StorageError(
                _TITLE,
                f"They need {need / 1e9:.1f} GB and the new disk has {free / 1e9:.1f} GB free.",
                "Free some space there, or choose another disk.",
            )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


class FolderChange:
    """Another models folder instead of the one in force. Thread-safe; one change at a time."""

    def __init__(
        self,
        lock: threading.RLock,
        settings: SettingsStore,
        records: FileRecords,
        folder: Callable[[], Path],
        models: Callable[[], Sequence[LocalModel]],
    ) -> None:
        """`lock` guards what `models` answers: those that are in the folder now."""
        self.guards: list[Callable[[Path], object]] = []
        """Called with the folder in force; raise an AppError while it must stay so."""
        self._lock = lock
        self._settings = settings
        self._records = records
        self._folder = folder
        self._models = models
        self._changing = threading.Lock()

    def run(
        self, path: Path, move: bool, progress: Progress, cancelled: Cancelled
    ) -> tuple[Path, ...]:
        """Use `path`; `move` takes the models along. Answers what could not be deleted then.

        Raises `Broken`, StorageError or what a guard raises; then everything is as it was.
        """
        if not self._changing.acquire(blocking=False):
            raise StorageError(
                "The models folder was not changed",
                "It is being changed already.",
                "Wait until that is done.",
            )
        try:
            return self._change(self._folder().absolute(), path, move, progress, cancelled)
        finally:
            self._changing.release()

    @contextlib.contextmanager
    def held(self, why: str) -> Iterator[None]:
        """While inside, the folder in force stays so; `why` is what goes on, in a sentence."""

        def refuse(folder: Path) -> None:
            raise StorageError(
                "The models folder was not changed", why, "Wait until that is done, then try again."
            )

        with self._lock:
            self.guards.append(refuse)
        try:
            yield
        finally:
            with self._lock:
                self.guards.remove(refuse)

    def _change(
        self, old: Path, new: Path, move: bool, progress: Progress, cancelled: Cancelled
    ) -> tuple[Path, ...]:
        if new == old:
            return ()
        self._check(old)
        check_writable(new)
        if not move or (os.path.isdir(old) and old.samefile(new)):
            self._use(old, new, None)
            return ()
        moving = ModelMove(old, new, progress, cancelled)
        try:
            while not self._use(old, new, moving):
                moving.bring(self._models())
        except BaseException:
            moving.take_back()
            raise
        left = moving.finish()
        self._records.forget(source for source, _ in moving.pairs if source not in left)
        return left

    def _use(self, old: Path, new: Path, moving: ModelMove | None) -> bool:
        """Change the setting, unless there are models that have not been brought yet."""
        with self._lock:
            if moving is not None and moving.lacks(self._models()):
                return False
            self._check(old)
            if moving is not None:
                moving.leave_out_deleted()
                self._records.copied(moving.pairs)
            models = self._settings.current.models
            further = (each for each in models.further_folders if Path(each).expanduser() != new)
            self._settings.update(
                models=structs.replace(models, folder=str(new), further_folders=tuple(further))
            )
        return True

    def _check(self, folder: Path) -> None:
        for check in tuple(self.guards):
            check(folder)
