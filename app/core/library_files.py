"""Delete the files of models, and tell exactly what happened when that fails."""

import contextlib
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import send2trash

from app.core.errors import StorageError
from app.core.file_moves import remove_empty
from app.core.files import storage_error
from app.core.library_types import LocalModel
from app.core.transfer_naming import naming_path


def others_than(model: LocalModel, models: Iterable[LocalModel]) -> list[LocalModel]:
    """All models but this one and its variants, which go with it."""
    return [each for each in models if model.id not in (each.id, each.variant_of)]


def files_to_delete(model: LocalModel, others: Iterable[LocalModel]) -> list[Path]:
    """Those files of a model that belong to no other: a shared projector stays."""
    needed = {path for other in others for path in other.files}
    return [path for path in model.files if path not in needed]


def size_to_delete(model: LocalModel, models: Iterable[LocalModel]) -> int:
    """Bytes of what deleting a model would delete. Asks no disk."""
    doomed = set(files_to_delete(model, others_than(model, models)))
    sizes = model.file_sizes_by_path()
    return sum(size for path, size in sizes.items() if path in doomed)


def delete_files(
    model: LocalModel, others: Sequence[LocalModel], root: Path, *, to_trash: bool
) -> None:
    """Delete a model's files, and the folders below `root` that are empty then.

    What belongs to another model too, or to none, stays. Raises StorageError.
    """
    doomed = files_to_delete(model, others)
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
        with contextlib.suppress(OSError):
            naming_path(path).unlink(missing_ok=True)
    remove_empty(folder, root)


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


def check_writable(folder: Path) -> None:
    """Create `folder` if need be and try to write there. Raises StorageError."""
    probe = folder / ".corral-write-test"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise storage_error("This folder cannot hold models", folder, error) from error
