"""A file on its way: `NAME.part` with the bytes, and two states that say which of them are there.

`NAME.part.recent.json` is written after the bytes it speaks of, many times a second and without
waiting for the disk: whatever is killed at whatever moment, it never claims a byte that the
operating system does not have. It counts only until the computer is started anew.
`NAME.part.json` is written every few seconds, in the order that outlives a power cut: the bytes
are forced to disk, then the state, then its name. The checksum at the end is the judge of both.
"""

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import psutil
from msgspec import Struct

from app.core.files import replace, sync_folder
from app.core.sparse_files import mark_sparse

SAVE_EVERY = 0.1
"""Seconds between two writes of the recent state, while bytes come."""
SAVE_AFTER = 4_000_000
"""Bytes after which it is written even sooner."""
SYNC_EVERY = 5.0
"""Seconds between two times that everything is forced to disk."""
SAME_START = 10.0
"""Seconds by which the start of this computer may seem to move when its clock is set."""

Span = tuple[int, int]
"""Start and end (exclusive) of a range of bytes."""


class Extents:
    """A set of byte ranges, kept sorted and merged."""

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        self._spans: list[Span] = []
        for start, end in spans:
            self.add(start, end)

    @property
    def spans(self) -> tuple[Span, ...]:
        """The ranges, in order, none touching another."""
        return tuple(self._spans)

    @property
    def front(self) -> int:
        """Where the first gap begins."""
        return self._spans[0][1] if self._spans and self._spans[0][0] == 0 else 0

    @property
    def total(self) -> int:
        """Bytes in all ranges."""
        return sum(end - start for start, end in self._spans)

    def add(self, start: int, end: int) -> None:
        """Add a range; it may touch or cover others."""
        for place, (first, last) in enumerate(self._spans):
            following = self._spans[place + 1][0] if place + 1 < len(self._spans) else None
            if last == start and (following is None or end < following):
                self._spans[place] = (first, end)  # by far the most: one more piece of a block
                return
        apart = [span for span in self._spans if span[1] < start or span[0] > end]
        touched = [span for span in self._spans if not (span[1] < start or span[0] > end)]
        merged = (min([start, *(s for s, _ in touched)]), max([end, *(e for _, e in touched)]))
        self._spans = sorted([*apart, merged])

    def gaps(self, start: int, end: int) -> list[Span]:
        """What is missing between `start` and `end`, in order."""
        missing: list[Span] = []
        for first, last in self._spans:
            if last <= start or first >= end:
                continue
            if first > start:
                missing.append((start, first))
            start = max(start, last)
        if start < end:
            missing.append((start, end))
        return missing


class PartState(Struct, frozen=True):
    """What both state files hold."""

    etag: str
    size: int
    commit: str
    spans: tuple[Span, ...] = ()
    validator: str | None = None
    """Entity tag of the server that gave the bytes; the hub's own is another one."""
    verified: bool = False
    """All bytes are there and the checksum was right."""
    started: float = 0.0
    """When the computer was started that wrote this, in Unix seconds."""


def part_path(target: Path) -> Path:
    """Where the bytes of `target` are collected."""
    return target.with_name(f"{target.name}.part")


def state_path(target: Path) -> Path:
    """Where the state of that part is that outlives a power cut."""
    return target.with_name(f"{target.name}.part.json")


def recent_path(target: Path) -> Path:
    """Where the state of that part is that outlives the program."""
    return target.with_name(f"{target.name}.part.recent.json")


def lock_path(target: Path) -> Path:
    """The file whose lock allows to write the part."""
    return target.with_name(f"{target.name}.part.lock")


def load_state(target: Path) -> PartState | None:
    """The newest state that can be trusted; None if there is none."""
    recent = _load(recent_path(target), target)
    if recent and abs(recent.started - psutil.boot_time()) < SAME_START:
        return recent
    return _load(state_path(target), target)


def _load(path: Path, target: Path) -> PartState | None:
    try:
        state = msgspec.json.decode(path.read_bytes(), type=PartState)
        on_disk = part_path(target).stat().st_size
    except (OSError, msgspec.DecodeError):
        return None
    sound = all(0 <= start < end <= min(state.size, on_disk) for start, end in state.spans)
    return state if sound else None


def bytes_on_disk(target: Path, size: int) -> int:
    """How much of a file of `size` bytes is here, finished or not."""
    if target.is_file() and target.stat().st_size == size:
        return size
    return part_bytes(target, size)


def part_bytes(target: Path, size: int) -> int:
    """How much of a file of `size` bytes is here unfinished."""
    state = load_state(target)
    return Extents(state.spans).total if state and state.size == size else 0


def discard(target: Path) -> None:
    """Delete what there is of an unfinished file. Whoever does it holds its lock."""
    discard_states(target)
    part_path(target).unlink(missing_ok=True)


def discard_states(target: Path) -> None:
    """Delete what is known of an unfinished file, also what a kill left half written."""
    for path in (recent_path(target), state_path(target)):
        path.unlink(missing_ok=True)
        _temporary(path).unlink(missing_ok=True)


class Part:
    """The unfinished file at `target`. Several threads may write ranges of it.

    Raises `OSError` as the disk gives it.
    """

    def __init__(self, target: Path, etag: str, size: int, commit: str) -> None:
        self._target = target
        self._lock = threading.Lock()
        self._syncing = threading.Lock()
        self._unsaved = 0
        self._saved_at = self._synced_at = time.monotonic()
        state = load_state(target)
        if state is None or (state.etag, state.size) != (etag, size):
            state = PartState(etag, size, commit)
            target.parent.mkdir(parents=True, exist_ok=True)
            # It may be another name of a file that is in use elsewhere: never write into that one.
            part_path(target).unlink(missing_ok=True)
            with part_path(target).open("wb") as file:
                mark_sparse(file.fileno())
        self._state = msgspec.structs.replace(state, started=psutil.boot_time())
        self._extents = Extents(state.spans)
        self._done = self._extents.total
        self.sync()

    @property
    def size(self) -> int:
        """Bytes of the whole file."""
        return self._state.size

    @property
    def done(self) -> int:
        """Bytes that are there."""
        return self._done

    @property
    def front(self) -> int:
        """Bytes that are there without a gap from the start."""
        with self._lock:
            return self._extents.front

    @property
    def path(self) -> Path:
        """The file that holds the bytes."""
        return part_path(self._target)

    @property
    def complete(self) -> bool:
        """Whether all bytes are there."""
        return self._done == self.size

    @property
    def verified(self) -> bool:
        """Whether the checksum was found right."""
        return self._state.verified

    @property
    def validator(self) -> str | None:
        """Entity tag for `If-Range`."""
        return self._state.validator

    @validator.setter
    def validator(self, value: str | None) -> None:
        with self._lock:
            self._state = msgspec.structs.replace(self._state, validator=value)
            self._save()

    def missing(self, start: int, end: int) -> list[Span]:
        """What is missing between `start` and `end`, in order."""
        with self._lock:
            return self._extents.gaps(start, end)

    @contextmanager
    def writer(self) -> Iterator[Callable[[int, bytes], None]]:
        """A function that writes bytes at an offset, through a file handle of its own.

        Windows has no `os.pwrite`, so threads cannot share a handle.
        """
        with part_path(self._target).open("r+b", buffering=0) as file:

            def write(offset: int, data: bytes) -> None:
                file.seek(offset)
                written = 0
                while written < len(data):
                    written += file.write(memoryview(data)[written:])
                self._record(offset, offset + len(data))

            try:
                yield write
            finally:
                self.save()

    def save(self) -> None:
        """Write the state now."""
        with self._lock:
            self._save()

    def restart(self) -> None:
        """Forget all bytes, as a server without ranges makes necessary."""
        with self._lock:
            self._extents = Extents()
            self._done = 0
        self.sync()

    def mark_verified(self) -> None:
        """Note that the checksum was right, once the bytes are safely on disk."""
        with self._lock:
            self._state = msgspec.structs.replace(self._state, verified=True)
        self.sync()

    def sync(self) -> None:
        """Force to disk what is there, then the state that speaks of it, then its name."""
        # Others write on meanwhile: only what was there before is promised.
        with self._syncing:
            with self._lock:
                self._save()
                promised = self._state
            with part_path(self._target).open("r+b") as file:
                os.fsync(file.fileno())
            _write(state_path(self._target), promised, sync=True)
            sync_folder(self._target.parent)

    def _record(self, start: int, end: int) -> None:
        now = time.monotonic()
        with self._lock:
            before = self._done
            self._extents.add(start, end)
            self._done = self._extents.total
            self._unsaved += self._done - before
            sync = now - self._synced_at > SYNC_EVERY
            if sync:
                self._synced_at = now
            if self._unsaved >= SAVE_AFTER or now - self._saved_at >= SAVE_EVERY:
                self._save()
        if sync:  # outside the lock: the other connections go on meanwhile
            self.sync()

    def _save(self) -> None:
        self._state = msgspec.structs.replace(self._state, spans=self._extents.spans)
        self._unsaved = 0
        self._saved_at = time.monotonic()
        _write(recent_path(self._target), self._state)


def _write(path: Path, state: PartState, *, sync: bool = False) -> None:
    """Replace a state file in one step."""
    temporary = _temporary(path)
    with temporary.open("wb") as file:
        file.write(msgspec.json.encode(state))
        if sync:
            file.flush()
            os.fsync(file.fileno())
    replace(temporary, path)


def _temporary(path: Path) -> Path:
    return path.with_name(f"{path.name}.tmp")


def record_whole(target: Path, etag: str, size: int) -> None:
    """Note that the part of `target` is there, whole and verified, without having been fetched."""
    with part_path(target).open("r+b") as file:
        os.fsync(file.fileno())
    spans = ((0, size),) if size else ()
    state = PartState(etag, size, "", spans, verified=True, started=psutil.boot_time())
    _write(state_path(target), state, sync=True)
    sync_folder(target.parent)
