"""The disk's part of the list of downloads: storing it, and deleting what was cancelled."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from app.core.download_board import DownloadBoard
from app.core.download_entry import DownloadEntry
from app.core.download_state import DownloadList
from app.core.errors import AppError, DownloadError

log = logging.getLogger(__name__)

MEASURE_PATIENCE = 3.0
"""Seconds that the program's start waits for the disks."""


class DownloadKeeper:
    """Does both in a thread of its own: no caller is to wait for the disk."""

    def __init__(
        self,
        board: DownloadBoard,
        stored: DownloadList,
        is_held: Callable[[DownloadEntry], bool],
        deleted: Callable[[], object],
    ) -> None:
        """`is_held` says whose files are still being written; `deleted` hears of deleted ones.

        Both are called with the lock held.
        """
        self._board = board
        self._list = stored
        self._is_held = is_held
        self._deleted = deleted
        self._ended = False
        self._thread = threading.Thread(target=self._keep, name="downloads-list", daemon=True)

    @property
    def problem(self) -> AppError | None:
        """What was wrong with the stored list at the start."""
        return self._list.problem

    def start(self) -> None:
        """Read the stored list into the queue, and keep it from now on."""
        entries: list[DownloadEntry] = []
        for stored in self._list.load():
            try:
                entries.append(DownloadEntry.restored(stored))
            except DownloadError as error:
                log.warning("a stored download is left out: %s", error)
        measure(entries, MEASURE_PATIENCE)
        with self._board.condition:
            for entry in entries:
                self._board.queue.add(entry)
        self._thread.start()

    def close(self) -> None:
        """Store and delete what is left, then let another program keep the list."""
        self._ended = True
        self._board.wake()
        if self._thread.is_alive():
            self._thread.join(10)
        self._list.close()

    def _keep(self) -> None:
        board = self._board
        while True:
            with board.condition:
                board.condition.wait_for(
                    lambda: board.unsaved or self._ended or bool(self._deletable())
                )
                stored = tuple(each.stored() for each in board.queue)
                unsaved, board.unsaved = board.unsaved, False
                free = self._deletable()
                if not unsaved and not free:
                    return
            if unsaved:
                self._list.save(stored)
            for entry in free:
                try:
                    entry.discard()
                except DownloadError as error:  # a link that leads out of the folder by now
                    log.warning("files of a cancelled download stay: %s", error)
            with board.condition:
                board.dropped = [entry for entry in board.dropped if entry not in free]
                self._deleted()
            board.tell()

    def _deletable(self) -> list[DownloadEntry]:
        """Cancelled downloads whose files nobody writes any more."""
        return [entry for entry in self._board.dropped if not self._is_held(entry)]


def measure(entries: Sequence[DownloadEntry], patience: float) -> None:
    """See how much of unfinished downloads is on disk; a drive that does not answer is left out."""
    sizes: dict[str, tuple[int, ...]] = {}

    def look(there: Sequence[DownloadEntry]) -> None:
        for entry in there:
            try:
                sizes[entry.id] = entry.measured()
            except OSError as error:
                log.info("what is there of %s is not known: %s", entry.request.title, error)

    by_root: dict[Path, list[DownloadEntry]] = {}
    for entry in entries:
        if entry.state != "done":
            by_root.setdefault(entry.root, []).append(entry)
    threads = [
        threading.Thread(target=look, args=(there,), name="downloads-measure", daemon=True)
        for there in by_root.values()
    ]
    for thread in threads:
        thread.start()
    until = time.monotonic() + patience
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    for entry in entries:
        if entry.id in sizes:
            entry.take_up(sizes[entry.id])
