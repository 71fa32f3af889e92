"""Models of the hub that the person wants to find again: bookmarked, or looked at lately."""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct, structs

from app.core.errors import StorageError
from app.core.events import EventHook
from app.core.files import locked, write_atomically
from app.core.kept_json import load_json

log = logging.getLogger(__name__)

MOST_RECENT = 30
MOST_BOOKMARKS = 1000


class Mark(Struct, frozen=True):
    """One model on the hub."""

    repo: str
    title: str
    time: float = 0.0
    """When it was bookmarked or looked at, Unix seconds."""


class _File(Struct, frozen=True):
    version: int = 1
    bookmarks: tuple[Mark, ...] = ()
    recent: tuple[Mark, ...] = ()


class ModelMarks:
    """Both lists, the newest first, in one file. Thread-safe; `changed` fires in the caller.

    A file that is lost or damaged costs the marks and nothing else; a damaged one is set aside.
    """

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        self.changed: EventHook[[]] = EventHook()
        self._path = path
        self._now = now
        self._lock = threading.Lock()
        try:
            self._file = _read(path)
        except StorageError as error:
            log.warning("bookmarks and models looked at are not known now: %s", error)
            self._file = _File()

    def bookmarks(self) -> tuple[Mark, ...]:
        """What the person marked."""
        return self._file.bookmarks

    def recent(self) -> tuple[Mark, ...]:
        """What the person looked at."""
        return self._file.recent

    def is_bookmarked(self, repo: str) -> bool:
        """Whether a repository is among the bookmarks."""
        return any(mark.repo == repo for mark in self._file.bookmarks)

    def bookmark(self, repo: str, title: str, *, on: bool) -> None:
        """Mark a repository, or take the mark off. Raises StorageError; then nothing changed."""
        self._change("bookmarks", Mark(repo, title, self._now()), MOST_BOOKMARKS, keep=on)

    def viewed(self, repo: str, title: str) -> None:
        """A model was looked at. What cannot be written is logged."""
        if self._file.recent[:1] and self._file.recent[0].repo == repo:
            return
        try:
            self._change("recent", Mark(repo, title, self._now()), MOST_RECENT, keep=True)
        except StorageError as error:
            log.warning("what was looked at is not kept: %s", error)

    def forget_recent(self) -> None:
        """Empty the list of what was looked at. Raises StorageError."""
        with self._lock, locked(self._path):
            self._write(structs.replace(_read(self._path), recent=()))
        self.changed()

    def _change(self, name: str, mark: Mark, most: int, *, keep: bool) -> None:
        with self._lock, locked(self._path):
            now = _read(self._path)  # another window may have changed it
            marks: tuple[Mark, ...] = getattr(now, name)
            others = tuple(each for each in marks if each.repo != mark.repo)
            kept = ((mark, *others) if keep else others)[:most]
            self._write(structs.replace(now, **{name: kept}))
        self.changed()

    def _write(self, file: _File) -> None:
        write_atomically(self._path, msgspec.json.encode(file))
        self._file = file


def _read(path: Path) -> _File:
    return load_json(path, _File) or _File()
