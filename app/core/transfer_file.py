"""The range engine: one file from the hub to a verified part on disk.

Up to four connections take blocks from the front, so the file grows in order. The state beside
the part says which ranges are there; see `transfer_parts`.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from app.core.errors import AppError, DownloadError
from app.core.files import storage_error
from app.core.transfer_hash import RunningChecksum, file_matches
from app.core.transfer_http import (
    FileChanged,
    RangesRefused,
    RemoteFile,
    TryAgain,
)
from app.core.transfer_pace import TokenBucket, Trickle
from app.core.transfer_parts import Part, Span, discard
from app.core.transfer_stop import StopSignal
from app.core.transfer_trouble import Patience, Waiting
from app.core.transfer_wire import Limits, Trouble
from app.core.variants import RepoFile

log = logging.getLogger(__name__)

LEAST_BLOCK = 1 << 20
"""Bytes; smaller ones would cost more time for asking than they save."""
NEW_VERSIONS = 3
"""How often a file may change on the server during one transfer."""


class FileTransfer:
    """Fetches and verifies one file. `fetch` does it all; the properties may be read meanwhile."""

    def __init__(
        self,
        remote: RemoteFile,
        file: RepoFile,
        target: Path,
        limits: Limits,
        stop: StopSignal,
        bucket: TokenBucket,
    ) -> None:
        self._remote = remote
        self._bucket = bucket
        self._file = file
        self._target = target
        self._limits = limits
        self._stop = stop
        self._part: Part | None = None
        self._conditional = True
        self._waiting = Waiting(stop)
        self.verified: float | None = None
        """Checked part of the file, 0 to 1; None while it is fetched."""
        self.again = False
        """Whether what came first did not match its checksum, so that all is fetched once more."""

    @property
    def done(self) -> int | None:
        """Bytes on disk; None before the part was opened."""
        return self._part.done if self._part else None

    @property
    def trouble(self) -> Trouble | None:
        """The last failure, if no bytes came since."""
        return self._waiting.now()

    def fetch(self) -> None:
        """Return when the part is complete and its checksum is right.

        Raises `AppError` (the part is kept, except after two wrong checksums) or
        `TransferStopped`.
        """
        try:
            for _ in range(2):
                part, checksum = self._filled()
                if part.verified or self._verify(part, checksum):
                    return
                log.warning("%s does not match its checksum", self._target)
                part.restart()
                self.again = True
        except OSError as error:
            title = f"“{self._target.name}” could not be written"
            raise storage_error(title, self._target, error) from error
        discard(self._target)
        raise self._remote.damaged()

    def _filled(self) -> tuple[Part, RunningChecksum]:
        """The part with all its bytes, and how far they were read again already."""
        for _ in range(NEW_VERSIONS):
            part = self._part = self._open()
            try:
                checksum = self._fill(part)
            except FileChanged:
                log.warning("%s has changed on the server; starting again", self._file.path)
                part.restart()
                self._remote.forget()
            else:
                return part, checksum
        raise DownloadError(
            "The file keeps changing on the hub",
            f"“{self._file.path}” was another one each time a connection was made.",
            "Try again later.",
        )

    def _open(self) -> Part:
        patience = Patience(self._limits)
        while True:
            self._stop.check()
            try:
                facts = self._remote.facts()
            except TryAgain as failure:
                self._pause(patience, failure, 0)
            else:
                return Part(self._target, facts.etag, facts.size, facts.commit)

    def _fill(self, part: Part) -> RunningChecksum:
        self.verified = None
        checksum = self._checksum(part)
        try:
            if not part.complete:
                with checksum:
                    Crew(self._fetch_block, part, self._limits, self._waiting).run()
        except RangesRefused:
            log.warning("%s is sent in one piece only", self._file.path)
            checksum = self._fetch_whole(part)
        if not part.complete:  # its checksum would say nothing, and cost what is there
            raise self._short(part)
        return checksum

    def _checksum(self, part: Part) -> RunningChecksum:
        """A new one whenever bytes may be written over that were read already."""
        return RunningChecksum(part.path, self._file, lambda: part.front)

    def _fetch_block(self, part: Part, block: Span) -> None:
        """Fetch one block. Raises as `RemoteFile.open` does, and `TryAgain` for an empty answer."""
        facts = self._remote.facts()
        start, end = block
        validator = part.validator if self._conditional else None
        try:
            with (
                self._remote.open(facts, start, end, validator) as body,
                part.writer() as write,
            ):
                if self._conditional and part.validator is None and body.validator:
                    part.validator = body.validator
                trickle = self._trickle()
                for piece in body.pieces:
                    self._stop.check()
                    write(start, piece[: end - start])
                    start += len(piece)
                    if start > end:
                        break
                    self._keep_pace(part, trickle, len(piece))
        except (RangesRefused, FileChanged):
            if validator is None:
                raise
            # Another server of the same CDN may have another entity tag for the same bytes.
            self._drop_validator(part)
            self._remote.renew(facts)
            raise TryAgain(self._short(part), 0.0) from None
        if start == block[0]:
            raise TryAgain(self._short(part))

    def _pause(self, patience: Patience, failure: TryAgain, done: int) -> None:
        if self._waiting.pause(failure, patience.after(failure, done)):
            patience.forgive()

    def _trickle(self) -> Trickle:
        return Trickle(self._limits.least, 2 * self._limits.read_timeout)

    def _keep_pace(self, part: Part, trickle: Trickle, size: int) -> None:
        """Wait where there is a limit. Raises `TryAgain` for a connection that only trickles."""
        self._waiting.over()
        self._bucket.wait(size, self._stop)
        if trickle.stalled(size):
            raise TryAgain(self._short(part), 0.0, network=True)

    def _drop_validator(self, part: Part) -> None:
        """Go on without `If-Range`: the hub's own tag and the checksum are the judges."""
        self._conditional = False
        part.validator = None

    def _fetch_whole(self, part: Part) -> RunningChecksum:
        """One stream from the start, again from the start when it breaks off."""
        patience = Patience(self._limits)
        while True:
            part.restart()
            try:
                with self._checksum(part) as checksum:
                    self._stream_into(part)
            except TryAgain as failure:
                self._pause(patience, failure, part.done)
            else:
                return checksum

    def _stream_into(self, part: Part) -> None:
        offset = 0
        facts = self._remote.facts()
        trickle = self._trickle()
        with self._remote.open_whole(facts) as body, part.writer() as write:
            for piece in body.pieces:
                self._stop.check()
                if offset + len(piece) > part.size:
                    raise FileChanged
                write(offset, piece)
                offset += len(piece)
                self._keep_pace(part, trickle, len(piece))
        if not part.complete:
            raise TryAgain(self._short(part))

    def _verify(self, part: Part, checksum: RunningChecksum) -> bool:
        def progress(fraction: float) -> None:
            self._stop.check()
            self.verified = fraction

        self.verified = 0.0
        try:
            if not checksum.finish(progress):
                return False
            part.mark_verified()
            return True
        finally:
            self.verified = None

    def _short(self, part: Part) -> AppError:
        return DownloadError(
            "The connection broke off",
            f"{part.done:,} of {part.size:,} bytes of “{self._file.path}” are here and kept.",
            "Resume the download when the connection is better.",
        )


def tapered(gaps: Iterable[Span], block: int, connections: int) -> Iterator[Span]:
    """What is missing in blocks of at most `block` bytes, in order, smaller ones at the end.

    Each is at most half of what every connection has still to do, so that they end together.
    """
    gaps = list(gaps)
    left = sum(end - start for start, end in gaps)
    least = block if connections == 1 else min(block, LEAST_BLOCK)
    for first, end in gaps:
        start = first
        while start < end:
            size = min(max(least, min(block, left // (2 * connections))), end - start)
            yield start, start + size
            start += size
            left -= size


class Crew:
    """Threads that take blocks in order until none is left or one of them meets a wall."""

    def __init__(
        self,
        fetch: Callable[[Part, Span], None],
        part: Part,
        limits: Limits,
        waiting: Waiting,
    ) -> None:
        self._fetch = fetch
        self._part = part
        self._limits = limits
        self._waiting = waiting
        self._lock = threading.Lock()
        gaps = part.missing(0, part.size)
        self._blocks = deque(tapered(gaps, limits.block, limits.connections))
        self._wall: Exception | None = None

    def run(self) -> None:
        """Return when the part is complete; raise what stopped the first thread that stopped."""
        count = min(self._limits.connections, len(self._blocks))
        threads = [
            threading.Thread(target=self._work, name=f"connection-{number}", daemon=True)
            for number in range(count)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self._wall is not None:
            raise self._wall

    def _work(self) -> None:
        try:
            while (block := self._take()) is not None:
                self._fetch_patiently(block)
        except Exception as wall:  # noqa: BLE001  # `run` raises it, whatever it is
            with self._lock:
                self._wall = self._wall or wall

    def _take(self) -> Span | None:
        with self._lock:
            return self._blocks.popleft() if self._blocks and self._wall is None else None

    def _fetch_patiently(self, block: Span) -> None:
        patience = Patience(self._limits)
        missing = [block]
        while missing and self._wall is None:
            try:
                self._fetch(self._part, missing[0])
            except TryAgain as failure:
                self._pause(patience, failure)
            missing = self._part.missing(*block)

    def _pause(self, patience: Patience, failure: TryAgain) -> None:
        """Wait, but no longer than the others have hope, nor once one of them gets on."""
        seconds, before = patience.after(failure, self._part.done), self._part.done
        asked = failure.wait is not None  # by the server: that is kept

        def needless() -> bool:
            return self._wall is not None or (not asked and self._part.done > before)

        if self._waiting.pause(failure, seconds, needless):
            patience.forgive()


def already_there(target: Path, file: RepoFile, progress: Callable[[float], None]) -> bool:
    """Whether `target` is the finished file already, by its checksum; `progress` may raise."""
    try:
        return target.is_file() and file_matches(target, file, progress)
    except OSError as error:
        raise storage_error(f"“{target.name}” cannot be read", target, error) from error
