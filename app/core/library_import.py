"""Take models from elsewhere into a models folder: by hard link, copy or move.

A plan says beforehand what would be done, and is the dry run.
"""

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from app.core.checksums import Cancelled, Moved, Progress
from app.core.errors import ModelError, NotFoundError, StorageError
from app.core.files import may_be_linked, storage_error
from app.core.library import ModelLibrary
from app.core.library_found import Found
from app.core.library_import_steps import TITLE, Step, Way, take_in
from app.core.library_read import read_model
from app.core.library_scan import find_at, find_models
from app.core.library_types import LocalModel
from app.core.other_programs import (
    ProgramFolder,
    program_folders,
    program_holding,
    program_of,
)
from app.core.safe_names import safe_segment
from app.core.transfer_names import SUFFIXES

__all__ = ["ImportItem", "ImportPlan", "Way", "import_models", "plan_import"]

IMPORTED = "imported"
"""Folder, in the models folder, of models whose publisher is not known."""


@dataclass(frozen=True)
class ImportItem:
    """One model and what becomes of it."""

    name: str
    """For people."""
    files: tuple[tuple[Path, Path], ...]
    """From, to; the one that the model is opened by comes first."""
    companions: tuple[tuple[Path, Path], ...]
    """What lies beside it and may belong to others too: never moved."""
    size: int
    """Bytes of all files."""
    way: Way
    problem: str = ""
    """Why it stays where it is; empty if it is imported."""

    @property
    def target(self) -> Path:
        """Folder that it goes to."""
        return self.files[0][1].parent


@dataclass(frozen=True)
class ImportPlan:
    """What an import would do."""

    folder: Path
    """The models folder that the models go to."""
    items: tuple[ImportItem, ...]
    empty: tuple[Path, ...]
    """Paths that were named and hold no model."""
    needed: int
    """Bytes that the disk of the models folder must have free."""
    free: int

    @property
    def possible(self) -> tuple[ImportItem, ...]:
        """What would be imported."""
        return tuple(item for item in self.items if not item.problem)


def plan_import(
    paths: Sequence[Path],
    folder: Path,
    way: Way | None = None,
    programs: Sequence[ProgramFolder] | None = None,
) -> ImportPlan:
    """What importing files and folders into a models folder would do. Changes nothing.

    `way` None links where both are on one disk and the system allows it, and copies elsewhere.
    `programs` are folders from which nothing is moved; by default those of the other programs
    known.
    Raises NotFoundError for a path that is not there, ModelError for one that is no model or if
    none holds any, StorageError for a disk that cannot be read.
    """
    folder = folder.absolute()
    programs = program_folders() if programs is None else programs
    items: list[ImportItem] = []
    taken: set[str] = set()
    empty: list[Path] = []
    try:
        place = next(each for each in (folder, *folder.parents) if os.path.isdir(each))
        device, free = place.stat().st_dev, shutil.disk_usage(place).free
        for path in paths:
            before = len(items)
            for found in _found(path.expanduser().absolute(), programs):
                item = _item(found, folder, way, device)
                if item is not None:
                    items.append(_judged(item, folder, device, programs, taken))
                    taken.update(_spelled(target) for _, target in item.files)
            if len(items) == before:
                empty.append(path)
        along = {source for item in items for source, _ in item.companions}
        empty = [path for path in empty if path.expanduser().absolute() not in along]
        needed = sum(_needed(item, device) for item in items if not item.problem)
    except OSError as error:
        raise storage_error(TITLE, Path(error.filename or folder), error) from error
    if not items:
        raise _no_model(*paths)
    return ImportPlan(folder, tuple(items), tuple(empty), needed, free)


def _no_model(*paths: Path) -> ModelError:
    names = ", ".join(path.name for path in paths)
    return ModelError(
        f"There is no model to import in {names}",
        "GGUF files and MLX folders can be imported; files that could run code cannot.",
        "Choose a .gguf file, or a folder that holds some.",
    )


def _found(path: Path, programs: Sequence[ProgramFolder]) -> Iterator[Found]:
    if not os.path.lexists(path):
        raise NotFoundError(
            f"{path.name} is not there",
            f"There is neither a file nor a folder at {path}.",
            "See whether the path is written right, and whether its drive is connected.",
        )
    program = program_of(path, programs)
    is_folder = os.path.isdir(path)
    if is_folder and not (path / "config.json").is_file():
        yield from find_models(path, "folder", program)
        return
    if not is_folder and path.suffix.lower() != ".gguf" and not path.name.startswith("sha256-"):
        raise _no_model(path)
    yield find_at(path, "folder", program)


def _item(found: Found, folder: Path, way: Way | None, device: int) -> ImportItem | None:
    """Where a model's files would go; None for what is no model of its own."""
    model = read_model(found)
    if model is None:
        return None
    publisher, _, repo = (model.repo or "").partition("/")
    name = repo or (found.folder_name or _stem(found))
    target = folder / safe_segment(publisher or IMPORTED) / safe_segment(name)
    files = tuple((path, target / _file_name(path, found)) for path in _data_files(found))
    beside = tuple((path, target / _file_name(path, found)) for path in found.companions)
    size = sum(path.stat().st_size for path, _ in (*files, *beside))
    linkable = _on(device, files) and all(may_be_linked(path) for path, _ in (*files, *beside))
    chosen: Way = way or ("link" if linkable else "copy")
    return ImportItem(model.name, files, beside, size, chosen, model.problem or "")


def _stem(found: Found) -> str:
    return found.title or (found.path.name if found.path not in found.files else found.path.stem)


def _data_files(found: Found) -> list[Path]:
    """A GGUF file is known by its content; in an MLX folder only data is taken along."""
    if found.path in found.files:
        return list(found.files)
    return [path for path in found.files if path.suffix.lower() in SUFFIXES]


def _file_name(path: Path, found: Found) -> str:
    """The file's own name, or one by what its program calls it where that is a checksum."""
    if path.suffix.lower() in SUFFIXES:
        return safe_segment(path.stem, path.suffix.lower())
    kind = "mmproj-" if path in found.companions else ""
    return safe_segment(kind + _stem(found), ".gguf")


def _on(device: int, files: Iterable[tuple[Path, Path]]) -> bool:
    return all(path.stat().st_dev == device for path, _ in files)


def _judged(
    item: ImportItem,
    folder: Path,
    device: int,
    programs: Sequence[ProgramFolder],
    taken: set[str],
) -> ImportItem:
    """The item with what is against it."""
    problem = item.problem
    sources, targets = zip(*item.files, strict=True)
    owner = next(filter(None, (program_holding(path, programs) for path in sources)), "")
    if not problem and any(_is_below(path, folder) for path in sources):
        problem = "It is in the models folder already."
    if not problem and item.way == "link" and not _on(device, item.files):
        problem = "It is on another disk, where no link can lead. Copy or move it."
    if not problem and item.way == "link" and not all(map(may_be_linked, sources)):
        problem = "It belongs to another user, whose files the system lets nobody link. Copy it."
    if not problem and item.way == "move" and owner:
        problem = f"It belongs to {owner}, which would miss it. Link or copy it."
    if not problem and item.way == "move" and any(map(os.path.islink, sources)):
        problem = "It is a link to a file elsewhere, which others may need. Link or copy it."
    taken_now = (path for path in targets if os.path.lexists(path) or _spelled(path) in taken)
    if not problem and (there := next(taken_now, None)) is not None:
        problem = f"{there.relative_to(folder).as_posix()} is there already."
    every = [target for _, target in (*item.files, *item.companions)]
    if not problem and len({_spelled(path) for path in every}) < len(every):
        problem = "Two of its files would get the same name. Rename them first."
    return replace(item, problem=problem)


def _spelled(path: Path) -> str:
    """The same for two paths that are one on macOS and Windows."""
    return str(path).casefold()


def _is_below(path: Path, folder: Path) -> bool:
    real = Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))
    return real or path.is_relative_to(folder)


def _needed(item: ImportItem, device: int) -> int:
    if item.way == "link" or (item.way == "move" and _on(device, item.files)):
        return 0
    return item.size


def import_models(
    library: ModelLibrary, plan: ImportPlan, progress: Progress, cancelled: Cancelled
) -> tuple[LocalModel, ...]:
    """Do what the plan says; the models as they are listed now.

    A model whose import fails or is broken off is where it was; those before it stay imported.
    Raises `Broken` or StorageError.
    """
    if plan.needed > plan.free:
        raise StorageError(
            TITLE,
            f"They need {plan.needed / 1e9:.1f} GB and the disk of {plan.folder} has "
            f"{plan.free / 1e9:.1f} GB free.",
            "Free some space there, or link the models.",
        )
    folders = library.own_folders
    folders.claim(plan.folder, library.silent_folders())
    total, before = sum(item.size for item in plan.possible), 0
    with library.hold_folder("Models are being imported into it."):
        if plan.folder not in [each.absolute() for each in folders.all()]:
            raise StorageError(TITLE, f"{plan.folder} is no models folder.", "Choose another one.")
        try:
            for item in plan.possible:
                done = before

                def moved(count: int) -> None:
                    nonlocal done
                    done += count
                    progress(done, total)

                _run(item, moved, cancelled)
                before += item.size
                progress(before, total)
        finally:
            models = library.scan()
    opened = {target for item in plan.possible for _, target in item.files}
    return tuple(each for each in models if opened.intersection(each.files))


def _run(item: ImportItem, moved: Moved, cancelled: Cancelled) -> None:
    """All of a model or nothing of it."""
    beside: Way = "copy" if item.way == "move" else item.way
    steps = [Step(source, target, item.way) for source, target in item.files]
    for source, target in item.companions:
        if not os.path.lexists(target):  # another model has brought it along
            steps.append(Step(source, target, beside))
    take_in(steps, item.target, moved, cancelled)
