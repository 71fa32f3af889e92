"""Writing files so that a crash or a power cut leaves the old or the new one, never half of it."""

import contextlib
import errno
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from app.core.errors import StorageError

_REPLACE_ATTEMPTS = 10
_REPLACE_PAUSE = 0.02
_LOCK_PATIENCE = 5.0
_IN_USE = frozenset({32, 33})
"""Windows: ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION."""
_NO_LINK = frozenset(
    {
        errno.EPERM,  # FAT on Linux and macOS, or somebody else's file (fs.protected_hardlinks)
        errno.EACCES,
        errno.EINVAL,  # FAT on Windows
        errno.EMLINK,
        errno.ENOSYS,
        errno.ENOTSUP,
        errno.EOPNOTSUPP,
        errno.EXDEV,  # one disk that is mounted twice
    }
)


def write_atomically(path: Path, data: bytes) -> None:
    """Write `data` to `path`, creating its folder; on the disk when this returns.

    A symbolic link is followed, so that a linked settings file stays linked.
    Raises `StorageError`; the old file is then untouched.
    """
    target = Path(os.path.realpath(path))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(
            dir=target.parent, prefix=f".{target.name}.", suffix=".tmp"
        )
        temporary = Path(name)
        try:
            with open(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            replace(temporary, target)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
        sync_folder(target.parent)
    except OSError as error:
        raise storage_error(f"{target.name} could not be written", target, error) from error


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """While inside, no other program that asks changes `path`: read it, change it, write it.

    Raises `StorageError` if another one does not let go, or if there can be no lock.
    """
    import filelock  # takes a while, and most starts never write

    title = f"{path.name} could not be written"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        held = filelock.FileLock(f"{path}.lock").acquire(timeout=_LOCK_PATIENCE, poll_interval=0.01)
    except filelock.Timeout as error:
        raise StorageError(
            title,
            f"Another Corral has been writing it for {_LOCK_PATIENCE:.0f} seconds.",
            "Close it, then try again.",
        ) from error
    except OSError as error:
        raise storage_error(title, path, error) from error
    with held:
        yield


def set_aside(path: Path) -> Path:
    """Rename a file that cannot be used to `NAME.broken-TIME` beside it, and say where it is.

    Raises `StorageError` if it cannot be renamed.
    """
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
    aside = path.with_name(f"{path.name}.broken-{stamp}")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.broken-{stamp}-{number}")
    try:
        replace(path, aside)
    except OSError as error:
        raise storage_error(f"{path.name} could not be set aside", path, error) from error
    return aside


def storage_error(title: str, path: Path, error: OSError) -> StorageError:
    """`error` in words a person can act on."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        hint = "Free some space on this disk, then try again."
    elif getattr(error, "winerror", None) in _IN_USE:  # its errno is that of a missing permission
        hint = "Close what else uses it, then try again."
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        hint = "Check that you may write to this folder."
    else:
        hint = "Check that the disk is there and can be written to."
    reason = error.strerror or type(error).__name__
    return StorageError(title, f"{path}: {reason}.", hint, detail=str(error))


def replace(source: Path, target: Path) -> None:
    """`os.replace`; on Windows it is tried again while a virus scanner holds the file."""
    _patiently(os.replace, source, target)


def rename_new(source: Path, target: Path) -> None:
    """Rename a file, but never over another one. Raises `FileExistsError`, or what the disk gives.

    Killed halfway it has both names, or on a disk without hard links its old name, and the new one
    is an empty file.
    """
    if os.name == "nt":  # there `os.rename` replaces nothing
        _patiently(os.rename, source, target)
        return
    linked = link_new(source, target)
    if not linked:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    try:
        if linked:
            source.unlink()
        else:
            os.replace(source, target)
    except OSError:
        target.unlink()
        raise


def link_new(source: Path, target: Path) -> bool:
    """Give a file a second name (hard link); False where the system or the disk makes none.

    Raises `FileExistsError`, or what the disk gives.
    """
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINK:
            raise
        return False
    return True


def may_be_linked(path: Path) -> bool:
    """Whether the system lets this person give a file a second name. Raises what the disk gives.

    Linux allows it for own files and those that one may write (proc(5), protected_hardlinks).
    """
    if os.name != "posix":
        return True
    return path.stat().st_uid == os.geteuid() or os.access(path, os.R_OK | os.W_OK)


def _patiently(rename: Callable[[Path, Path], object], source: Path, target: Path) -> None:
    for _ in range(_REPLACE_ATTEMPTS - 1 if os.name == "nt" else 0):
        try:
            rename(source, target)
        except PermissionError:
            time.sleep(_REPLACE_PAUSE)
        else:
            return
    rename(source, target)


def sync_folder(folder: Path) -> None:
    """Put the new name of a file on the disk; Windows does this by itself."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems refuse
            raise
    finally:
        os.close(descriptor)


def sync_folders(folder: Path, root: Path) -> None:
    """Put the new names of a folder, and of those above it up to `root`, on the disk."""
    for each in (folder, *folder.parents):
        sync_folder(each)
        if each == root:
            return
