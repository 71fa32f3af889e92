"""The end of a download: verified parts get their final names, and old files go to the trash.

Several files cannot be renamed in one step. So `NAME.part.naming` lies beside each of them from
before the first new name until after the last one: whatever is killed in between, files of two
versions are never taken for a whole model.
"""

import contextlib
import errno
import logging
import os
from collections.abc import Collection, Sequence
from pathlib import Path

from app.core.errors import DownloadError
from app.core.files import link_new, rename_new, replace, sync_folder
from app.core.transfer_parts import discard, discard_states, load_state, lock_path, part_path
from app.core.trash import move_to_trash

log = logging.getLogger(__name__)

_DROP_PATIENCE = 2.0
"""Seconds that a lock may be held by a process that is just ending."""
OLD = "older version"
"""Name of the folder that a replaced file comes back to from the trash."""
NAMING = ".part.naming"
"""What is added to the name of a file that is about to be named or replaced."""


def naming_path(target: Path) -> Path:
    """The mark beside `target`."""
    return target.with_name(target.name + NAMING)


def is_being_named(target: Path) -> bool:
    """Whether naming began and did not come to its end."""
    return naming_path(target).exists()


def in_the_way(target: Path) -> DownloadError:
    """Somebody's own file has the name that one of a download is to get."""
    return DownloadError(
        f"Another “{target.name}” is in the way",
        f"{target} is not the file that the hub has, and Corral did not download it. "
        "It was left as it is.",
        "Move or rename that file, then resume the download.",
    )


def finish(targets: Sequence[Path], old: Collection[Path], own: Collection[Path]) -> None:
    """Give verified parts their final names, in this order, and drop their states.

    Files of `old` may be replaced: they go to the trash. Where there is no trash, those of `own`,
    which Corral has downloaded itself, are written over.

    Raises `DownloadError` where any other file has the name, and what the disk gives. What was
    fetched is kept then.
    """
    _check_verified(targets)
    named: set[Path] = set()
    try:
        for target in targets:
            _mark(target)
        for target in targets:
            if target in old:
                _put_away(target, own)
                replace(part_path(target), target)
            else:
                rename_new(part_path(target), target)
            named.add(target)
            sync_folder(target.parent)
            discard_states(target)
    except FileExistsError as error:
        # No mark may stay beside somebody's own file: it would say that it may be replaced.
        unmark([target for target in targets if target not in named])
        raise in_the_way(target) from error
    except OSError:
        if not named:  # all is as it was
            unmark(targets)
        raise


def unmark(targets: Collection[Path]) -> None:
    """All of them are whole, and of one version."""
    for target in targets:
        naming_path(target).unlink(missing_ok=True)


def give_up(targets: Collection[Path]) -> None:
    """Delete what there is of unfinished files; marks stay only where versions may be mixed."""
    marked = [target for target in targets if is_being_named(target)]
    if all(part_path(target).exists() for target in marked):
        unmark(marked)  # none of them has got its new name
    for target in targets:
        try:
            if not os.path.lexists(target):
                naming_path(target).unlink(missing_ok=True)
            _drop(target)
        except OSError as error:
            log.warning("what was fetched of %s stays: %s", target, error)


def _drop(target: Path) -> None:
    """Delete what there is of an unfinished file and its lock, unless somebody is writing it."""
    import filelock

    if not target.parent.is_dir():
        return
    lock = filelock.FileLock(lock_path(target), thread_local=False)
    try:
        held = lock.acquire(timeout=_DROP_PATIENCE, poll_interval=0.05)
    except filelock.Timeout:
        log.info("%s is written by somebody else; it stays", target)
        return
    with held:
        try:
            discard(target)
        finally:
            if os.name != "nt":  # there filelock does it
                lock_path(target).unlink(missing_ok=True)


def _check_verified(targets: Sequence[Path]) -> None:
    for target in targets:
        state = load_state(target)
        if state is None or not state.verified:
            raise OSError(errno.EIO, "Somebody has changed the unfinished file", str(target))


def _mark(target: Path) -> None:
    with naming_path(target).open("wb") as mark:
        os.fsync(mark.fileno())
    sync_folder(target.parent)


def _put_away(target: Path, own: Collection[Path]) -> None:
    """Move an old file to the trash.

    What goes there is a second name of it, where the disk has such: so there is always a file of
    its own name, and who takes the old one out of the trash gets it beside the new one.
    """
    if not os.path.lexists(target):
        return
    old = target.parent / OLD / target.name
    linked = _link(target, old)
    try:
        move_to_trash(old if linked else target)
    except OSError as error:
        if target not in own:
            raise
        log.info("%s is replaced without a copy in the trash: %s", target, error)
    finally:
        with contextlib.suppress(OSError):
            if linked:
                old.unlink(missing_ok=True)
            old.parent.rmdir()


def _link(target: Path, old: Path) -> bool:
    """Whether `old` is a second name of `target` now."""
    try:
        old.parent.mkdir(exist_ok=True)
        return link_new(target, old)
    except FileExistsError:  # left by a kill, or taken out of the trash before
        return old.exists() and old.samefile(target)
    except OSError as error:
        log.info("%s gets no second name: %s", target, error)
        return False
