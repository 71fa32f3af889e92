"""What an import does to the files of one model: all of it or nothing, over no other file."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from app.core.checksums import Broken, Cancelled, Moved
from app.core.errors import StorageError
from app.core.file_copies import copy_new
from app.core.file_moves import MovedFile, bring, give_up, take_back
from app.core.files import link_new, storage_error, sync_folders
from app.core.transfer_parts import lock_path

Way = Literal["link", "copy", "move"]
TITLE = "The models were not imported"

_LOCK_PATIENCE = 1.0


@dataclass(frozen=True)
class Step:
    """One file, and what is done with it."""

    source: Path
    target: Path
    way: Way


def take_in(steps: Sequence[Step], folder: Path, moved: Moved, cancelled: Cancelled) -> None:
    """Do all steps or none; all files go to `folder`, which is made.

    Raises `Broken` or StorageError; then everything is where it was.
    """
    done: list[MovedFile] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as locks:
            for step in sorted(steps, key=lambda each: each.target):
                locks.enter_context(_alone(step.target))
            try:
                for step in steps:
                    done.append(_take(step, moved, cancelled))
                    if cancelled():
                        raise Broken("The import was broken off")
                sync_folders(folder, folder.parents[1])  # the models folder
            except BaseException:
                take_back(done)
                raise
    except BaseException as error:
        for empty in (folder, folder.parent):
            with contextlib.suppress(OSError):  # not empty
                empty.rmdir()
        if isinstance(error, OSError):
            raise storage_error(TITLE, Path(error.filename or folder), error) from error
        raise
    give_up(done)  # those that stay are there twice: no failure


def _take(step: Step, moved: Moved, cancelled: Cancelled) -> MovedFile:
    if step.way == "move":
        if os.path.islink(step.source):  # it was a file when the plan was made
            raise StorageError(TITLE, f"{step.source} is a link by now.", "Link or copy it.")
        return bring(step.source, step.target, moved, cancelled)
    source = Path(os.path.realpath(step.source))
    if step.way == "copy":
        copy_new(source, step.target, moved, cancelled)
    elif not link_new(source, step.target):
        raise StorageError(
            TITLE,
            f"The system or the disk lets nobody give {source.name} a second name (hard link).",
            "Copy the models.",
        )
    return MovedFile(source, step.target)


@contextlib.contextmanager
def _alone(target: Path) -> Iterator[None]:
    """Hold the lock that a download of this very file would hold."""
    import filelock  # takes a while, and most starts import nothing

    lock = filelock.FileLock(lock_path(target), thread_local=False)
    try:
        held = lock.acquire(timeout=_LOCK_PATIENCE, poll_interval=0.05)
    except filelock.Timeout as error:
        raise StorageError(
            TITLE,
            f"{target.name} is being downloaded to the same place. Nothing was changed.",
            "Cancel that download, or wait until it is done.",
        ) from error
    with held:
        try:
            yield
        finally:
            if os.name != "nt":  # there filelock does it
                lock_path(target).unlink(missing_ok=True)
