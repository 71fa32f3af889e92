"""A file that is on this computer already, under another name: linked or copied, never fetched."""

import errno
import logging
import os
from pathlib import Path

from app.core.transfer_hash import file_matches
from app.core.transfer_parts import discard, load_state, part_path, record_whole
from app.core.transfer_stop import StopSignal, TransferStopped
from app.core.transfer_wire import Trouble
from app.core.variants import RepoFile

log = logging.getLogger(__name__)

_PIECE = 4 * 1024 * 1024
_FULL = (errno.ENOSPC, errno.EDQUOT)


class LocalCopy:
    """Puts the same file from elsewhere at `target`; the properties may be read meanwhile."""

    def __init__(self, source: Path, file: RepoFile, target: Path, stop: StopSignal) -> None:
        self._source, self._file, self._target = source, file, target
        self._stop = stop
        self.done: int | None = 0
        """Bytes at the target."""
        self.trouble: Trouble | None = None
        self.verified: float | None = None
        """Checked part of the file, 0 to 1; None while it is copied."""
        self.again = False
        """A copy is not made twice."""

    def take(self) -> bool:
        """Whether the whole, verified file lies in the part of `target` now.

        If not, what was fetched of it before may still be there: go on with that.

        Raises `TransferStopped`, and `OSError` for a disk that is full.
        """
        try:
            kept = load_state(self._target)
            if (kept is not None and kept.verified) or not self._is_there():
                return False
            discard(self._target)
            part = part_path(self._target)
            self._link_or_copy(part)
            self.done = self._file.size
            if file_matches(part, self._file, self._progress):
                record_whole(self._target, self._file.sha256 or "", self._file.size)
                return True
            log.warning("%s is not what it was taken for", self._source)
        except TransferStopped:
            discard(self._target)  # taking it again costs nothing
            raise
        except OSError as error:
            discard(self._target)
            if error.errno in _FULL:
                raise
            log.info("%s cannot be used in place of a download: %s", self._source, error)
            return False
        discard(self._target)
        return False

    def _is_there(self) -> bool:
        return self._source.is_file() and self._source.stat().st_size == self._file.size

    def _link_or_copy(self, part: Path) -> None:
        """One file under two names takes the room of one; not all file systems can do it."""
        try:
            os.link(self._source.resolve(), part)
        except OSError as error:
            log.info("%s cannot be linked: %s", self._source, error)
            with self._source.open("rb") as source, part.open("wb") as target:
                while piece := source.read(_PIECE):
                    self._stop.check()
                    target.write(piece)
                    self.done = target.tell()

    def _progress(self, fraction: float) -> None:
        self._stop.check()
        self.verified = fraction
