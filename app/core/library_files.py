"""Delete and move the files of models, and tell exactly what happened when that fails."""

import contextlib
import shutil
from collections.abc import Sequence
from pathlib import Path

import send2trash

from app.core.errors import StorageError
from app.core.files import storage_error
from app.core.library_types import LocalModel


def delete_files(
    model: LocalModel, others: Sequence[LocalModel], root: Path, *, to_trash: bool
) -> None:
    """Delete a model's files, and the folders below `root` that are empty then.

    What belongs to another model too, or to none, stays. Raises StorageError.
    """
    needed = {path for other in others for path in other.files}
    doomed = [path for path in model.files if path not in needed]
    folder = model.path if model.path.is_dir() else model.path.parent
    whole_folder = folder == model.path != root and set(folder.iterdir()) == set(doomed)
    if whole_folder:  # one thing in the trash instead of a dozen
        doomed = [folder]
    deleted: list[Path] = []
    for path in doomed:
        try:
            if to_trash:
                send2trash.send2trash(path)
            elif whole_folder:
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise _delete_error(model, path, deleted, error, to_trash=to_trash) from error
        deleted.append(path)
    _remove_empty(folder, root)


def _delete_error(
    model: LocalModel, path: Path, deleted: Sequence[Path], error: OSError, *, to_trash: bool
) -> StorageError:
    before = "Nothing was deleted."
    if deleted:
        names = ", ".join(each.name for each in deleted)
        before = f"Deleted before that: {names}."
    why = error.strerror or str(error) or type(error).__name__
    if to_trash:
        return StorageError(
            f"{model.name} could not be moved to the trash",
            f"{path}: {why}. {before}",
            "Delete it for good instead, or in the file manager.",
            detail=str(error),
        )
    return StorageError(
        f"{model.name} could not be deleted",
        f"{path}: {why}. {before}",
        "Eject the model if it is loaded, then try again.",
        detail=str(error),
    )


def _remove_empty(folder: Path, root: Path) -> None:
    while folder != root and folder.is_relative_to(root):
        try:
            if folder.exists():
                folder.rmdir()
        except OSError:  # not empty
            return
        folder = folder.parent


def check_writable(folder: Path) -> None:
    """Create `folder` if need be and try to write there. Raises StorageError."""
    probe = folder / ".corral-write-test"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise storage_error("This folder cannot hold models", folder, error) from error


def move_files(models: Sequence[LocalModel], old: Path, new: Path) -> Sequence[tuple[Path, Path]]:
    """Move models from one models folder to another, keeping the layout; what went where.

    Raises StorageError, and puts back what was moved already.
    """
    pairs = [(path, new / path.relative_to(old)) for model in models for path in model.files]
    moves = list(dict.fromkeys(pairs))
    taken = next((target for _, target in moves if target.exists()), None)
    if taken is not None:
        raise StorageError(
            "The models were not moved",
            f"{taken} is there already. Nothing was changed.",
            "Choose an empty folder, or remove that file.",
        )
    if moves:
        _check_space(moves, old, new)
    done: list[tuple[Path, Path]] = []
    for source, target in moves:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(source, target)
        except OSError as error:
            if source.exists():  # what was copied of it until the disk was full
                with contextlib.suppress(OSError):
                    target.unlink(missing_ok=True)
            for back, moved in reversed(done):
                with contextlib.suppress(OSError):  # it then stays where it was moved to
                    shutil.move(moved, back)
            raise storage_error("The models were not moved", target, error) from error
        done.append((source, target))
    for source, _ in moves:
        _remove_empty(source.parent, old)
    return moves


def _check_space(moves: Sequence[tuple[Path, Path]], old: Path, new: Path) -> None:
    try:
        if old.stat().st_dev == new.stat().st_dev:
            return
        need = sum(source.stat().st_size for source, _ in moves)
        free = shutil.disk_usage(new).free
    except OSError as error:
        raise storage_error("The models were not moved", new, error) from error
    if need > free:
        raise StorageError(
            "The models were not moved",
            f"They need {need / 1e9:.1f} GB and the new disk has {free / 1e9:.1f} GB free.",
            "Free some space there, or choose another disk.",
        )
