"""Whether a models folder is the one it was, or only the mount point that its drive left behind.

A small file lies in each further models folder; what is in it is remembered here. Where a drive is
not mounted, or another one has its place, the file is not there or says something else, and nothing
is to be written.
"""

import logging
import os
import uuid
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct

from app.core.errors import StorageError
from app.core.files import locked, write_atomically
from app.core.kept_json import load_json

log = logging.getLogger(__name__)

MARK = ".corral-folder"
"""Name of the file."""
_LONGEST = 100
"""Bytes; ours are shorter."""


class FolderMark(Struct, frozen=True):
    """What is remembered of a folder."""

    text: str
    """What its file says."""
    mount: str
    """Path that the drive it is on is mounted at."""


class FolderMarks:
    """What is remembered, by folder. Thread-safe; all calls touch the disk."""

    def __init__(self, path: Path) -> None:
        """`path` is the file that it is kept in."""
        self._path = path

    def of(self, folder: Path) -> str:
        """What the file in `folder` should say; "" where nothing is remembered."""
        mark = self._read().get(str(folder))
        return mark.text if mark is not None else ""

    def check(self, folder: Path) -> None:
        """Raise `StorageError` where `folder` is there, but on another drive than it was.

        One that was made anew where it was, on the same drive, gets its file again.
        """
        mark = self._read().get(str(folder))
        if mark is None or says(folder, mark.text):
            return
        mount = mount_of(folder)
        if str(mount) != mark.mount or mount == folder:
            raise another_drive(folder)
        _write(folder, mark.text)

    def keep(self, folder: Path) -> None:
        """Remember what `folder` is, if that is not yet done: it is about to be written to.

        A failure costs only the check, so it is just logged.
        """
        if str(folder) in self._read():
            return
        text = _text_in(folder) or uuid.uuid4().hex  # another Corral may have marked it
        if _write(folder, text):
            mark = FolderMark(text, str(mount_of(folder)))
            self._change(lambda marks: marks.update({str(folder): mark}))

    def forget(self, folder: Path) -> None:
        """A person has chosen it anew, or uses it no more. The file in it stays."""
        if str(folder) in self._read():
            self._change(lambda marks: marks.pop(str(folder), None))

    def _read(self) -> dict[str, FolderMark]:
        try:
            return load_json(self._path, dict[str, FolderMark]) or {}
        except StorageError as error:
            log.warning("the models folders are not checked: %s", error)
            return {}

    def _change(self, change: Callable[[dict[str, FolderMark]], object]) -> None:
        try:
            with locked(self._path):
                marks = load_json(self._path, dict[str, FolderMark]) or {}
                change(marks)
                write_atomically(self._path, msgspec.json.encode(marks))
        except StorageError as error:
            log.warning("which models folder is which was not kept: %s", error)


def says(folder: Path, text: str) -> bool:
    """Whether the file in `folder` says so."""
    return _text_in(folder) == text


def check_mark(folder: Path, text: str) -> None:
    """Raise `StorageError` unless the file in `folder` says `text`; "" asks nothing."""
    if text and not says(folder, text):
        raise another_drive(folder)


def another_drive(folder: Path) -> StorageError:
    """The folder is there, and yet not the one that was used."""
    return StorageError(
        "The drive of this models folder is not connected",
        f"{folder} is there, but it is empty or on another drive than before. "
        "Nothing was put there.",
        "Connect the drive. If this is the right folder all the same, take it off the list in "
        "Settings, Downloads, and add it again.",
    )


def mount_of(folder: Path) -> Path:
    """The innermost mount point that a folder lies below, or is."""
    real = Path(os.path.realpath(folder))
    return next((each for each in (real, *real.parents) if os.path.ismount(each)), real)


def _text_in(folder: Path) -> str:
    try:
        with (folder / MARK).open("rb") as file:
            return file.read(_LONGEST).decode("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _write(folder: Path, text: str) -> bool:
    try:
        (folder / MARK).write_text(text + "\n", encoding="ascii")
    except OSError as error:
        log.info("%s cannot be marked: %s", folder, error)
        return False
    return True
