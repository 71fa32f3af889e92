"""The folders that downloads may go to, on any disk; what lies in them is Corral's own.

One of them is the standard: downloads go there unless somebody says otherwise.
"""

import os
from collections.abc import Callable, Collection
from pathlib import Path

from msgspec import structs

from app.core.errors import StorageError
from app.core.files import storage_error
from app.core.folder_marks import FolderMarks
from app.core.paths import AppPaths
from app.core.settings import Models, SettingsStore


class ModelRoots:
    """The models folders as the settings name them. Those that change them touch the disk."""

    def __init__(
        self,
        paths: AppPaths,
        settings: SettingsStore,
        program_of: Callable[[Path], str] = lambda _: "",
    ) -> None:
        """`program_of` tells the other program whose folder a path lies in; "" is none."""
        self._program_of = program_of
        self._paths = paths
        self._settings = settings
        self.marks = FolderMarks(paths.folders_file)
        """What tells the folders from mount points without their drive."""

    @property
    def standard(self) -> Path:
        """Where downloads go by themselves."""
        chosen = self._settings.current.models.folder
        return Path(chosen).expanduser() if chosen else self._paths.models

    def all(self) -> tuple[Path, ...]:
        """Every models folder, the standard one first."""
        others = self._settings.current.models.further_folders
        return tuple(dict.fromkeys([self.standard, *(Path(each).expanduser() for each in others)]))

    def of(self, path: Path) -> Path | None:
        """The innermost models folder that a path lies in; None for none."""
        holding = [root for root in self.all() if path.is_relative_to(root)]
        return max(holding, key=lambda root: len(root.parts), default=None)

    def named(self, text: str) -> Path | None:
        """The models folder that a person means: by its path, or by its name if only one has it."""
        wanted = Path(text).expanduser().absolute()
        if wanted in self.all():
            return wanted
        found = [root for root in self.all() if root.name.casefold() == text.casefold()]
        return found[0] if len(found) == 1 else None

    def add(self, path: Path) -> Path:
        """One more models folder, which has to be there; answers it as it is known from now on.

        Raises `StorageError` for one that cannot be used.
        """
        path = path.expanduser().absolute()
        if path in self.all():
            return path
        self._check_new(path)
        models = self._settings.current.models
        further = (*models.further_folders, str(path))
        self.marks.forget(path)
        self.marks.keep(path)
        self._update(structs.replace(models, further_folders=further))
        return path

    def _check_new(self, path: Path) -> None:
        """What lies in a models folder is Corral's own, so it must be nobody else's."""
        title = "Downloads cannot go to this folder"
        in_place = map(Path, self._settings.current.models.extra_folders)
        if program := self._program_of(path):
            raise StorageError(
                title,
                f"{path} belongs to {program}, and Corral changes nothing there.",
                "Choose a folder of its own for Corral.",
            )
        if path in (each.expanduser() for each in in_place):
            raise StorageError(
                title,
                f"The models in {path} are used where they lie, and Corral changes nothing there.",
                "Choose a folder inside it, made for this.",
            )
        for root in self.all():
            if path.is_relative_to(root) or root.is_relative_to(path):
                raise StorageError(
                    title,
                    f"One models folder cannot lie in another, and {root} is one already.",
                    "Choose a folder beside it.",
                )
        check_root(path)

    def drop(self, path: Path) -> None:
        """Use a further folder no more; what lies there stays. Raises like the settings."""
        models = self._settings.current.models
        others = tuple(each for each in models.further_folders if Path(each).expanduser() != path)
        self._update(structs.replace(models, further_folders=others))
        self.marks.forget(path)

    def make_standard(self, path: Path) -> None:
        """Downloads go to this one from now on; the standard so far stays a models folder."""
        if path == self.standard:
            return
        models = self._settings.current.models
        others = tuple(str(each) for each in self.all() if each != path)
        folder = None if path == self._paths.models else str(path)
        self._update(structs.replace(models, folder=folder, further_folders=others))

    def check(self, root: Path, silent: Collection[Path] = ()) -> None:
        """Raise `StorageError` unless models can be put into `root` now.

        Corral's own folder is made where it is lacking; any other one is on a drive that is away.
        `silent` are folders that do not answer, which nobody is to wait for.
        """
        if root in silent:
            raise silent_folder(root)
        if root != self._paths.models:
            check_there(root)
            self.marks.check(root)
            check_root(root)

    def claim(self, root: Path, silent: Collection[Path] = ()) -> None:
        """The same, for who is about to put models there: from now on it is known again."""
        self.check(root, silent)
        if root != self._paths.models:
            self.marks.keep(root)

    def _update(self, models: Models) -> None:
        self._settings.update(models=models)


def silent_folder(root: Path) -> StorageError:
    """A models folder that nobody is to wait for."""
    return StorageError(
        "This models folder does not answer",
        f"{root} is on a drive or network share that is not connected, or does not respond. "
        "Nothing was put there.",
        "Connect it again, or choose another models folder.",
    )


def check_root(root: Path) -> None:
    """Raise `StorageError` unless `root` is a folder that can be written to."""
    check_there(root)
    probe = root / f".corral-write-test-{os.getpid()}"
    try:
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise storage_error("This models folder cannot be written to", root, error) from error


def check_there(root: Path) -> None:
    """Raise `StorageError` unless `root` is a folder: a drive that is away is not made anew."""
    if not os.path.isdir(root):  # unlike Path.is_dir, False for a drive that fails
        raise StorageError(
            "This models folder is not there",
            f"{root} does not exist, or its drive is not connected. Nothing was put there.",
            "Connect the drive, or choose another models folder.",
        )
