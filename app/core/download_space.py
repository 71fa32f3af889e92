"""Whether the disk has room for what is to be downloaded."""

import logging
import shutil
from collections.abc import Iterable
from pathlib import Path

from app.core.errors import StorageError

log = logging.getLogger(__name__)

RESERVE = 1_000_000_000
"""Bytes that downloads leave free on the disk."""


def check_space(folder: Path, need: int) -> None:
    """Raise `StorageError` unless `need` more bytes fit into `folder` and the reserve stays."""
    free = free_space(folder)
    if need + RESERVE > free:
        raise StorageError(
            "There is not enough space on this disk",
            f"All downloads together need {_gb(need)} and {_gb(RESERVE)} stays free; "
            f"{_gb(free)} are free at {folder}. Nothing more was fetched.",
            "Free some space, choose a smaller variant, or choose another models folder.",
        )


def check_room(root: Path, folder: Path, need: int, others: Iterable[tuple[Path, int]]) -> None:
    """Raise `StorageError` unless `folder` has room for `need` bytes and those of `others`.

    Of these, which are bytes with the models folder they go to, those on the same disk count.
    """
    check_space(folder, need + sum(left for other, left in others if on_same_disk(other, root)))


def full_disks(folders: Iterable[Path]) -> dict[Path, int]:
    """Those folders where the reserve is touched, with the bytes that are free there."""
    full: dict[Path, int] = {}
    for folder in folders:
        try:
            free = free_space(folder)
        except StorageError as error:  # who writes there will say it better
            log.info("the free space is not known: %s", error)
            continue
        if free < RESERVE:
            full[folder] = free
    return full


def on_same_disk(folder: Path, other: Path) -> bool:
    """Whether two folders, that are or will be there, share their free space."""
    if folder == other:
        return True
    device = _device(folder)
    return device is not None and device == _device(other)


def _device(folder: Path) -> int | None:
    for place in (folder, *folder.parents):
        try:
            return place.stat().st_dev
        except FileNotFoundError:
            continue
        except OSError as error:
            log.info("the disk of %s is not known: %s", folder, error)
            return None
    return None


def free_space(folder: Path) -> int:
    """Bytes free where `folder` is or will be. Raises `StorageError`."""
    for place in (folder, *folder.parents):
        if place.exists():
            try:
                return shutil.disk_usage(place).free
            except OSError as error:
                raise StorageError(
                    "The models folder cannot be used",
                    f"{place}: {error.strerror}.",
                    "Choose another models folder in Settings.",
                ) from error
    raise StorageError("The models folder cannot be used", f"There is no disk for {folder}.")


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
