"""Files on their way to another folder: each is safe in its new place before the old one goes.

At no time is there less than one whole file, and never is another file written over.
"""

import contextlib
import errno
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.core.checksums import Cancelled, Moved
from app.core.file_copies import copy_new
from app.core.files import link_new, rename_new


@dataclass(frozen=True)
class MovedFile:
    """A file that is in its new place."""

    source: Path
    target: Path
    renamed: bool = False
    """It has left the old place already, as this disk has no hard links."""
    left_over: os.stat_result | None = None
    """How the source was, which is still there and is to be deleted at the end."""


def bring(source: Path, target: Path, moved: Moved, cancelled: Cancelled) -> MovedFile:
    """Have a file in its new place as well: by a second name, else a copy, else by renaming it.

    Raises `Broken`, `FileExistsError`, or what the disk gives; then nothing has changed.
    """
    seen = source.stat()
    if seen.st_dev == target.parent.stat().st_dev:
        if link_new(source, target):
            return MovedFile(source, target, left_over=seen)
        try:
            rename_new(source, target)
        except OSError as error:
            if error.errno != errno.EXDEV:  # else it is one disk that is mounted twice
                raise
        else:
            return MovedFile(source, target, renamed=True)
    copy_new(source, target, moved, cancelled, keep_time=True)
    return MovedFile(source, target, left_over=seen)


def take_back(files: Sequence[MovedFile]) -> None:
    """All is where it was; what cannot be put back stays whole in its new place."""
    for each in reversed(files):
        with contextlib.suppress(OSError):
            if each.renamed:
                rename_new(each.target, each.source)
            else:
                each.target.unlink()


def give_up(files: Iterable[MovedFile]) -> list[Path]:
    """Delete the files in their old places; those that could not be, or are other files by now."""
    stay = []
    for each in files:
        if (seen := each.left_over) is None:
            continue
        try:
            now = each.source.lstat()
            same = (now.st_ino, now.st_mtime_ns) == (seen.st_ino, seen.st_mtime_ns)
            if same and now.st_size == seen.st_size:
                each.source.unlink()
            else:
                stay.append(each.source)
        except FileNotFoundError:
            continue
        except OSError:
            stay.append(each.source)
    return stay


def remove_empty(folder: Path, root: Path) -> None:
    """Delete folders below `root` that are empty, from `folder` upwards."""
    while folder != root and folder.is_relative_to(root):
        try:
            if folder.exists():
                folder.rmdir()
        except OSError:  # not empty
            return
        folder = folder.parent
