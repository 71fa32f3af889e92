"""Which downloads run now: by order, hours, idle computer, disk, drive and network."""

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from app.core import download_problems
from app.core.download_board import DownloadBoard
from app.core.download_entry import DownloadEntry
from app.core.download_runs import DownloadRuns
from app.core.download_space import full_disks
from app.core.download_state import DownloadProblem
from app.core.download_times import Hold, hold_for, seconds_to_look
from app.core.drive_watch import DRIVE_SECONDS, DriveWatch
from app.core.idle_watch import IdleWatch
from app.core.library import ModelLibrary
from app.core.model_roots import silent_folder
from app.core.settings import SettingsStore

DISK_SECONDS = 5.0
"""Between two looks at the free space, while something is fetched."""


class DownloadSchedule:
    """Starts and stops runs, and looks again when what holds them may have changed."""

    def __init__(
        self,
        board: DownloadBoard,
        runs: DownloadRuns,
        settings: SettingsStore,
        library: ModelLibrary,
        *,
        patient: bool,
        idle: Callable[[], float],
        clock: Callable[[], datetime],
    ) -> None:
        """Whoever is not `patient` keeps no hours and waits for no drive.

        `idle` answers the seconds that nobody has used the computer.
        """
        self._board = board
        self._runs = runs
        self._settings = settings
        self._patient = patient
        self._idle = idle
        self._clock = clock
        self._library = library
        self._drives = DriveWatch(library, self._drive_is_back)
        self._watch = IdleWatch(self._look, "downloads-watch")

    def close(self) -> None:
        """Look no more."""
        self._watch.close(timeout=2.0)  # it may be asking a drive that does not answer

    # -- with the lock held

    def update(self, entry: DownloadEntry) -> None:
        """After a change of state: tell it, keep it, and see what may run now."""
        self._board.tell_changed(entry)
        self._board.store()
        self.arrange()

    def arrange(self) -> None:
        """Start what may run now, and stop what may not; look again when that may change."""
        if not self._board.closing:
            self._arrange()
            if any(entry.state == "waiting" or entry.active for entry in self._board.queue):
                self._watch.wake()

    def _arrange(self) -> None:
        board, runs = self._board, self._runs
        before = {entry.id: _standing(entry) for entry in board.queue}
        self._keep_from_silent_drives()
        chosen, others = board.queue.chosen(self._hold(), board.dropped, time.monotonic())
        for entry in others:
            runs.stop(entry)
            entry.settle("waiting")
        for entry in chosen:
            if entry.state == "waiting":
                runs.begin(entry)
        for entry in board.queue:
            if before[entry.id] != _standing(entry):
                board.tell_changed(entry)
        board.condition.notify_all()

    def _keep_from_silent_drives(self) -> None:
        """What is about to begin would hang there, or lie in a mount point without its drive."""
        silent = self._library.silent_folders() if self._patient else ()
        for entry in self._board.queue if silent else ():
            if entry.state == "waiting" and entry.root in silent:
                entry.away = True
                entry.error = DownloadProblem.of(silent_folder(entry.root))

    def _hold(self) -> Hold:
        settings = self._settings.current
        if settings.network.offline:
            return "offline"
        return hold_for(settings.downloads, self._clock(), self._idle) if self._patient else ""

    # -- by itself

    def _look(self) -> float | None:
        """Look at the clock, the disk, drives that are away and the network's next try.

        Answers the seconds until it is worth it again, None when nothing is to be done.
        """
        board = self._board
        with board.condition:
            folders = {entry.folder for entry in board.queue.active()}
        full = full_disks(folders)  # without the lock: it may take long
        with board.condition:
            for entry in board.queue.active():
                if entry.folder in full:
                    self._runs.stop(entry)
                    self._runs.fail(entry, download_problems.disk_filled(full[entry.folder]))
            if board.closing:
                return None
            self._arrange()
            away = [e.root for e in board.queue if e.state == "waiting" and e.away]
            due = self._due()
        self._drives.look(away)
        board.tell()
        return max(0.05, min(due)) if due else None

    def _due(self) -> list[float]:
        """Seconds until each thing that may change."""
        now = time.monotonic()
        waiting = [entry for entry in self._board.queue if entry.state == "waiting"]
        active = self._board.queue.active()
        due = [entry.retry_at - now for entry in waiting if entry.retry_at is not None]
        if active:
            due.append(DISK_SECONDS)
        if any(entry.away for entry in waiting):
            due.append(DRIVE_SECONDS)
        if (waiting or active) and self._patient:
            hours = seconds_to_look(self._settings.current.downloads, self._clock())
            due += [] if hours is None else [hours]
        return due

    def _drive_is_back(self, root: Path) -> None:
        """In a thread of the drives' watch: what waited for this one may run."""
        with self._board.condition:
            for entry in self._board.queue:
                if entry.away and entry.root == root:
                    entry.away, entry.error = False, None
                    self._board.tell_changed(entry)
            self.arrange()
        self._board.tell()


def _standing(entry: DownloadEntry) -> tuple[str, str, bool]:
    """What listeners are told of when it changes."""
    return entry.state, entry.held, entry.away
