"""Copy big files so that a copy is whole or not there, and compare them byte by byte."""

import contextlib
import errno
import os
from pathlib import Path

from app.core.checksums import Broken, Cancelled, Moved
from app.core.files import rename_new, sync_folder

_PIECE = 4 * 1024**2


def working_path(target: Path) -> Path:
    """What a copy is called until it is whole; never what an unfinished download is called."""
    return target.with_name(f"{target.name}.importing.part")


def copy_new(
    source: Path, target: Path, moved: Moved, cancelled: Cancelled, *, keep_time: bool = False
) -> None:
    """Copy a file to a name that is not taken; all of it is on the disk when this returns.

    `keep_time` gives it the original's time of writing. What a kill left is written over.
    Raises `Broken`, `FileExistsError`, or what the disk gives; nothing is left of it then.
    """
    working = working_path(target)
    try:
        working.unlink(missing_ok=True)
        with source.open("rb", buffering=0) as reading, working.open("xb", buffering=0) as writing:
            size = 0
            while piece := reading.read(_PIECE):
                done = 0
                while done < len(piece):  # a disk that is nearly full takes less than it is given
                    done += writing.write(memoryview(piece)[done:]) or 0
                size += len(piece)
                moved(len(piece))
                if cancelled():
                    raise Broken("The copying was broken off")
            os.fsync(writing.fileno())
        stat = source.stat()
        if not working.stat().st_size == size == stat.st_size:
            raise OSError(errno.EIO, "The copy is not whole, or the file has just changed", target)
        if keep_time:
            os.utime(working, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        rename_new(working, target)
        sync_folder(target.parent)
    except BaseException:
        with contextlib.suppress(OSError):  # the drive is gone: so is the copy
            working.unlink(missing_ok=True)
        raise


def same_content(one: Path, other: Path, moved: Moved, cancelled: Cancelled) -> bool:
    """Whether two files are equal byte by byte; both are read now.

    Raises `Broken`, or what the disk gives.
    """
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as first, other.open("rb") as second:
        while piece := first.read(_PIECE):
            if piece != second.read(_PIECE):
                return False
            moved(len(piece))
            if cancelled():
                raise Broken("The comparison was broken off")
        return not second.read(1)
