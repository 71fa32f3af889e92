"""What an import does to the files of one model: each is safe in its place before one is given up.

At no time is there less than one whole file, and never is another file written over.
"""

import contextlib
import errno
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from app.core.checksums import Broken, Cancelled, Moved
from app.core.errors import StorageError
from app.core.file_copies import copy_new
from app.core.files import link_new, rename_new, storage_error, sync_folder
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


@dataclass(frozen=True)
class _Done:
    """A file that is in its new place."""

    source: Path
    target: Path
    renamed: bool = False
    left_over: os.stat_result | None = None
    """How the source was; it is deleted once all of the model is there, and is there till then."""


def take_in(steps: Sequence[Step], folder: Path, moved: Moved, cancelled: Cancelled) -> None:
    """Do all steps or none; all files go to `folder`, which is made.

    Raises `Broken` or StorageError; then everything is where it was.
    """
    done: list[_Done] = []
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
                sync_folder(folder)
            except BaseException:
                _undo(done)
                raise
    except BaseException as error:
        for empty in (folder, folder.parent):
            with contextlib.suppress(OSError):  # not empty
                empty.rmdir()
        if isinstance(error, OSError):
            raise storage_error(TITLE, Path(error.filename or folder), error) from error
        raise
    for each in done:
        if each.left_over is not None:
            with contextlib.suppress(OSError):  # it is there whole: that it stays is no failure
                _delete(each.source, each.left_over)


def _delete(source: Path, seen: os.stat_result) -> None:
    """Unless another file has taken its place, or more was written to it."""
    now = source.lstat()
    if (now.st_ino, now.st_size, now.st_mtime_ns) == (seen.st_ino, seen.st_size, seen.st_mtime_ns):
        source.unlink()


def _take(step: Step, moved: Moved, cancelled: Cancelled) -> _Done:
    if step.way == "move":
        return _move(step, moved, cancelled)
    source = Path(os.path.realpath(step.source))
    if step.way == "copy":
        copy_new(source, step.target, moved, cancelled)
    elif not link_new(source, step.target):
        raise StorageError(
            TITLE,
            f"The system or the disk lets nobody give {source.name} a second name (hard link).",
            "Copy the models.",
        )
    return _Done(source, step.target)


def _move(step: Step, moved: Moved, cancelled: Cancelled) -> _Done:
    source, target = step.source, step.target
    if os.path.islink(source):  # it was a file when the plan was made
        raise StorageError(TITLE, f"{source} is a link by now.", "Link or copy it.")
    seen = source.stat()
    if seen.st_dev == target.parent.stat().st_dev:
        if link_new(source, target):
            return _Done(source, target, left_over=seen)
        try:
            rename_new(source, target)
        except OSError as error:
            if error.errno != errno.EXDEV:  # else it is one disk that is mounted twice
                raise
        else:
            return _Done(source, target, renamed=True)
    copy_new(source, target, moved, cancelled)
    return _Done(source, target, left_over=seen)


def _undo(done: Sequence[_Done]) -> None:
    for each in reversed(done):
        with contextlib.suppress(OSError):
            if each.renamed:
                rename_new(each.target, each.source)
            else:
                each.target.unlink()


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
