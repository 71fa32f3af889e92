"""Conversations that gave up their place in the KV cache: in main memory, and on disk if wished."""

import hashlib
import logging
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from backends import kept_files
from backends.chat.prefix import common_prefix
from backends.llamacpp.sequence import SavedSequence
from backends.parking_budget import ParkingBudget

DISK_BYTES = 4 * 2**30
"""Files beyond this are deleted, the oldest first."""

log = logging.getLogger(__name__)


class Parking:
    """Saved sequences within a budget of main memory; the least recently parked go first."""

    def __init__(self, budget: ParkingBudget, waiting: Callable[[], int] = lambda: 0) -> None:
        """`waiting` gives the bytes that wait for the disk: they count in the budget."""
        self._budget = budget
        self._waiting = waiting
        self._saved: OrderedDict[int, SavedSequence] = OrderedDict()
        self._numbers = iter(range(2**62))

    def __len__(self) -> int:
        return len(self._saved)

    @property
    def held_bytes(self) -> int:
        """Main memory in use."""
        return sum(len(saved.data) for saved in self._saved.values())

    def takes(self, size: int) -> bool:
        """Whether a sequence of so many bytes would be kept, others perhaps not."""
        return size <= self._room(self.held_bytes)

    def put(self, saved: SavedSequence) -> None:
        """Keep a sequence, in place of those it continues; too large a one is not kept."""
        room = self._room(self.held_bytes + len(saved.data))
        for number, other in list(self._saved.items()):
            if common_prefix(other.tokens, saved.tokens) == len(other.tokens):
                del self._saved[number]
        if len(saved.data) > room:
            return
        self._saved[next(self._numbers)] = saved
        self._keep_within(room)

    def trim(self) -> None:
        """Let go of what does not fit any more: memory may have got short since it was parked."""
        if self._saved:
            self._keep_within(self._room(self.held_bytes))

    def _room(self, held: int) -> int:
        """Bytes that may be parked, `held` of them already taken."""
        waiting = self._waiting()
        return self._budget.now(held + waiting) - waiting

    def _keep_within(self, room: int) -> None:
        while self._saved and self.held_bytes > room:
            self._saved.popitem(last=False)

    def __iter__(self) -> Iterator[SavedSequence]:
        """The most recently parked first."""
        return reversed(self._saved.values())

    def take(self, saved: SavedSequence) -> None:
        """Let go of a sequence, which is in the cache again."""
        for number, other in list(self._saved.items()):
            if other is saved:
                del self._saved[number]


class _Header(msgspec.Struct):
    conversation: str
    tokens: list[int]
    sha256: str


class DiskParking:
    """Sequences of named conversations as files, written by a thread of their own.

    A file begins with one line of JSON (name, tokens, checksum), the native state follows. What
    is damaged, or was made by another model, is passed over.
    """

    def __init__(self, folder: Path, model: str, limit: int = DISK_BYTES) -> None:
        """`model` tells apart what must not be mixed: the file and all that shapes its cache."""
        self._folder = kept_files.model_folder(folder, model)
        self._root = folder
        self._limit = limit
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="parking")
        self._lock = threading.Lock()
        """Guards what follows."""
        self._waiting: dict[str, SavedSequence] = {}
        """By conversation: only the newest state is worth writing."""
        self._writing: SavedSequence | None = None

    def waiting_bytes(self) -> int:
        """Main memory of what is not on the disk yet."""
        with self._lock:
            return sum(len(saved.data) for saved in self._unwritten())

    def put(self, saved: SavedSequence) -> None:
        """Write a sequence of a named conversation soon, in place of an older one that waits."""
        if not saved.conversation:
            return
        with self._lock:
            is_first = saved.conversation not in self._waiting
            self._waiting[saved.conversation] = saved
        if is_first:
            self._writer.submit(self._write_waiting, saved.conversation)

    def find(self, conversation: str) -> SavedSequence | None:
        """What was kept for a conversation, if it is whole."""
        if not conversation:
            return None
        with self._lock:
            for saved in self._unwritten():
                if saved.conversation == conversation:
                    return saved
        try:
            with self._path(conversation).open("rb") as file:
                header = msgspec.json.decode(file.readline(2**26), type=_Header)
                data = file.read()
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError) as error:
            log.info("a kept conversation cannot be read: %s", error)
            return None
        if header.conversation != conversation or _digest(data) != header.sha256:
            log.info("a kept conversation is damaged")
            return None
        return SavedSequence(header.tokens, data, conversation)

    def close(self) -> None:
        """Finish writing."""
        self._writer.shutdown()

    def _path(self, conversation: str) -> Path:
        return self._folder / (kept_files.file_stem(conversation) + kept_files.SUFFIX)

    def _unwritten(self) -> Iterator[SavedSequence]:
        """The newest first."""
        yield from self._waiting.values()
        if self._writing is not None:
            yield self._writing

    def _write_waiting(self, conversation: str) -> None:
        with self._lock:
            self._writing = saved = self._waiting.pop(conversation)
        try:
            self._write(saved)
        finally:
            with self._lock:
                self._writing = None

    def _write(self, saved: SavedSequence) -> None:
        path = self._path(saved.conversation)
        unwanted = kept_files.unwanted_mark(self._root, saved.conversation)
        if unwanted.exists():
            return
        header = _Header(saved.conversation, saved.tokens, _digest(saved.data))
        partial = path.with_suffix(kept_files.PARTIAL_SUFFIX)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            try:
                with partial.open("wb") as file:
                    file.write(msgspec.json.encode(header) + b"\n")
                    file.write(saved.data)
                os.replace(partial, path)
            finally:
                partial.unlink(missing_ok=True)
                if unwanted.exists():  # since the file has its name: see `kept_files`
                    path.unlink(missing_ok=True)
            self._tidy(keep=path)
        except OSError as error:
            if unwanted.exists():  # it was deleted while it was written
                return
            log.warning("a conversation could not be kept on disk: %s", error)

    def _tidy(self, keep: Path) -> None:
        """Delete the oldest files beyond the limit."""
        files = sorted(self._files(), key=lambda each: each[1].st_mtime)
        held = sum(status.st_size for _, status in files)
        for path, status in files:
            if held <= self._limit:
                return
            if path != keep:
                path.unlink(missing_ok=True)
                held -= status.st_size

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        for path in kept_files.kept_files(self._root):
            if path.suffix == kept_files.SUFFIX:
                yield path, path.stat()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
