"""The checksum of a file, computed while it still grows from the front."""

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from app.core.variants import RepoFile

CHUNK = 1 << 20
"""Bytes read at once; between two chunks it can be stopped."""
LOOK_EVERY = 0.05
"""Seconds between two looks at how far the file has grown."""


def new_digest(file: RepoFile) -> "hashlib._Hash | None":
    """The digest that the hub lists for `file`, before its first byte; None if it lists none.

    Large files have a sha256; small ones git's blob hash, the sha1 of a header and the content.
    """
    if file.sha256:
        return hashlib.sha256()
    if file.blob_sha1:
        return blob_digest(file.size)
    return None


def blob_digest(size: int) -> "hashlib._Hash":
    """Git's hash of a file of `size` bytes, before its first byte (gitformat-pack, objects)."""
    return hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)


def listed_digest(file: RepoFile) -> str:
    """What the digest must be at the end; "" if the hub lists none."""
    return (file.sha256 or file.blob_sha1 or "").lower()


class RunningChecksum:
    """Reads a file behind those who write it, so that little is left to check at the end.

    `front` answers how many bytes from the start are there for good. As a context manager it
    reads along in a thread; `finish` reads the rest.
    """

    def __init__(self, path: Path, file: RepoFile, front: Callable[[], int]) -> None:
        self._path = path
        self._file = file
        self._front = front
        self._digest = new_digest(file)
        self.read = 0
        """Bytes that are in the checksum."""
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._problem: OSError | None = None

    def __enter__(self) -> Self:
        if self._digest is not None:
            self._thread = threading.Thread(target=self._follow, name="checksum", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def finish(self, progress: Callable[[float], None]) -> bool:
        """Whether the whole file has the listed size and hash. Without a hash the size decides.

        `progress` gets 0 to 1 and may raise, which ends the reading. Raises `OSError`.
        """
        size = self._path.stat().st_size
        if size != self._file.size:
            return False
        if self._problem is not None:
            raise self._problem
        if self._digest is None:
            return True
        self._take(lambda: size, progress)
        return self._digest.hexdigest() == listed_digest(self._file)

    def _follow(self) -> None:
        try:
            while not self._ended.wait(LOOK_EVERY):
                # A whole chunk at a time, or the end of the file would be read in crumbs.
                self._take(lambda: self._front() - CHUNK, self._check_ended)
        except _EndedEarly:
            pass
        except OSError as error:  # told by `finish`
            self._problem = error

    def _check_ended(self, _fraction: float) -> None:
        if self._ended.is_set():
            raise _EndedEarly

    def _take(self, end: Callable[[], int], progress: Callable[[float], None]) -> None:
        """Read on as far as `end`, which may move meanwhile."""
        assert self._digest is not None
        if self.read >= end():
            return
        with self._path.open("rb", buffering=0) as stream:
            stream.seek(self.read)
            while self.read < (goal := end()):
                chunk = stream.read(min(CHUNK, goal - self.read))
                if not chunk:
                    return
                self._digest.update(chunk)
                self.read += len(chunk)
                progress(self.read / self._file.size)


class _EndedEarly(Exception):
    """The thread is to end; what was read counts."""


def file_matches(path: Path, file: RepoFile, progress: Callable[[float], None]) -> bool:
    """Whether `path` has the size and the hash that the hub lists for `file`.

    `progress` gets 0 to 1 and may raise. Raises `OSError`.
    """
    return RunningChecksum(path, file, lambda: 0).finish(progress)
