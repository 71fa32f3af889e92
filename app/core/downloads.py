"""The queue of downloads: up to three at once, surviving a restart at any moment.

The bytes are fetched by the transfer child (`app.core.transfer`); this side decides what runs,
keeps the list, and tells listeners.
"""

import contextlib
import math
import os
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from app.core import download_problems
from app.core.download_board import DownloadBoard
from app.core.download_entry import DownloadEntry
from app.core.download_keeper import DownloadKeeper
from app.core.download_orders import DownloadOrders
from app.core.download_queue import AT_ONCE, Step
from app.core.download_runs import DownloadRuns
from app.core.download_schedule import DownloadSchedule
from app.core.download_space import check_room
from app.core.download_state import DownloadItem, DownloadList, DownloadRequest
from app.core.errors import AppError, NotFoundError
from app.core.hub_gate import HubGate
from app.core.keys import KeyStore
from app.core.library import ModelLibrary
from app.core.ollama_gate import RegistryGate
from app.core.paths import AppPaths
from app.core.settings import Settings, SettingsStore
from app.core.transfer_names import check_names, repository_folder
from app.core.transfer_wire import Limits
from backends.contacts import Tell

__all__ = ["AT_ONCE", "DownloadManager"]

_STOPPED = ("paused", "failed")


class DownloadManager:
    """All downloads of this computer. Any thread may call it; hooks fire in any thread."""

    def __init__(
        self,
        paths: AppPaths,
        settings: SettingsStore,
        library: ModelLibrary,
        *,
        env: Mapping[str, str] = os.environ,
        limits: Limits | None = None,
        keep_list: bool = True,
        gate: HubGate | None = None,
        tell: Tell | None = None,
        idle: Callable[[], float] | None = None,
        clock: Callable[[], datetime] = datetime.now,
    ) -> None:
        """`gate` says how the hub is reached, `tell` hears of every connection.

        With `keep_list` False the list is neither read nor written: a program that runs one
        download and ends must not take over those of the window. Parts are kept all the same.
        Such a program is waited for by somebody, so it keeps no hours and does not wait for the
        network either.

        `idle` answers the seconds that nobody has used the computer; without it nobody ever does.
        """
        self._library = library
        gate = gate or HubGate(settings, KeyStore(paths), env)
        self._orders = DownloadOrders(
            settings,
            gate,
            RegistryGate(settings, gate, env),
            library,
            limits or Limits(),
            paths.models,
        )
        self._board = board = DownloadBoard()
        self.changed, self.removed, self.finished = board.changed, board.removed, board.finished
        self._queue, self._condition = board.queue, board.condition
        self._runs = DownloadRuns(
            board,
            self._orders,
            library,
            paths.cache,
            self._settled,
            patient=keep_list,
            tell=tell,
        )
        self._schedule = DownloadSchedule(
            board,
            self._runs,
            settings,
            library,
            patient=keep_list,
            idle=idle or (lambda: math.inf),
            clock=clock,
        )
        self._keeper = DownloadKeeper(
            board,
            DownloadList(paths.downloads_file if keep_list else None),
            self._runs.is_held,
            self._schedule.arrange,
        )
        self._offline = settings.current.network.offline
        self._disconnect = settings.changed.connect(self._settings_changed)

    # -- what people do

    @property
    def problem(self) -> AppError | None:
        """What was wrong with the stored list at the start."""
        return self._keeper.problem

    @property
    def child_pid(self) -> int | None:
        """Process id of the transfer child, while there is one."""
        return self._runs.child_pid

    def start(self) -> None:
        """Read the stored list and continue what was running."""
        self._keeper.start()
        with self._condition:
            self._runs.start()
            self._schedule.arrange()
        self._board.tell()

    def add(self, request: DownloadRequest, root: Path | None = None) -> DownloadItem:
        """Queue a download into the models folder `root`.

        Without one it goes on where parts of it are, else to the standard folder.

        Raises:
            StorageError: the folder is not there or cannot be written to, or its disk has no room
                for everything queued for it plus 1 GB.
            DownloadError: it is here or queued already, or carries names that are refused.
            OfflineError: nothing may leave this computer.
        """
        check_names(file.path for file in request.files)
        self._orders.check(request)
        possible = self._possible(request)
        if not request.update and (here := next(filter(DownloadEntry.finished, possible), None)):
            raise download_problems.here_already(here)
        if root is None:
            root = next((each.root for each in possible if each.done), self._library.folder)
        self._check_root(root)
        entry = _entry(request, root)
        if not request.update and entry.finished():
            raise download_problems.here_already(entry)
        with self._condition:
            self._queue.check_new(entry)
        self._check_room(entry)
        with self._condition:
            self._queue.check_new(entry)
            self._queue.add(entry)
            self._schedule.update(entry)
            item = entry.item()
        self._board.tell()
        return item

    def finished_path(self, request: DownloadRequest) -> Path | None:
        """What the model of `request` is opened by, if all its files are here; else None."""
        check_names(file.path for file in request.files)
        here = next(filter(DownloadEntry.finished, self._possible(request)), None)
        return here.targets()[0] if here else None

    def pause(self, item_id: str) -> None:
        """Stop fetching and keep what is there."""
        with self._condition:
            entry = self._queue.get(item_id)
            if entry.active or entry.state == "waiting":
                self._runs.stop(entry)
                entry.settle("paused")
                self._schedule.update(entry)
        self._board.tell()

    def resume(self, item_id: str) -> None:
        """Continue a paused or failed download.

        Raises:
            OfflineError: nothing may leave this computer.
            StorageError: the folder is not there or cannot be written to, or its disk has no room
                for the rest of everything queued for it plus 1 GB.
        """
        self._resume(item_id)
        self._board.tell()

    def _resume(self, item_id: str) -> DownloadEntry:
        """The disk is asked without the lock."""
        with self._condition:
            entry = self._queue.get(item_id)
            self._orders.check(entry.request)
            stopped = entry.state in _STOPPED
        if stopped:
            self._check_root(entry.root)
            self._check_room(entry)
            with self._condition:
                if entry.state in _STOPPED and item_id in self._queue:
                    entry.settle("waiting")
                    entry.crashes, entry.away = 0, False
                    entry.found_network()
                    self._schedule.update(entry)
        return entry

    def retry(self, item_id: str) -> None:
        """Continue a failed download."""
        self.resume(item_id)

    def run_now(self, item_id: str) -> None:
        """Let it run before all others, whatever the hours and whoever uses the computer.

        Raises like `resume`.
        """
        entry = self._resume(item_id)
        with self._condition:
            if entry.state == "waiting" and item_id in self._queue:
                entry.at_once = True
                entry.found_network()
                self._queue.step(item_id, "top")
                self._schedule.update(entry)
        self._board.tell()

    def try_now(self, item_id: str) -> None:
        """Wait no longer for a server that is out of order or silent, the network or a drive."""
        with self._condition:
            entry = self._queue.get(item_id)
            if entry.active:
                self._runs.hurry(entry)
            elif entry.state == "waiting":
                entry.away = False
                entry.found_network()
                self._schedule.update(entry)
        self._board.tell()

    def pause_all(self) -> None:
        """Pause everything that runs or waits."""
        with self._condition:
            for entry in [each for each in self._queue if each.state == "waiting" or each.active]:
                self._runs.stop(entry)
                entry.settle("paused")
                self._board.tell_changed(entry)
            self._board.store()
            self._schedule.arrange()
        self._board.tell()

    def resume_all(self) -> None:
        """Continue everything that is paused, in the queue's order. Raises like `resume`.

        Those before the one that is refused go on.
        """
        try:
            with self._condition:
                paused = [entry.id for entry in self._queue if entry.state == "paused"]
            for item_id in paused:
                with contextlib.suppress(NotFoundError):  # cancelled meanwhile
                    self._resume(item_id)
        finally:
            self._board.tell()

    def move(self, item_id: str, step: Step) -> None:
        """Change the order. The first three that may run do; the others make way for them."""
        with self._condition:
            if self._queue.step(item_id, step):
                self._schedule.update(self._queue.get(item_id))
        self._board.tell()

    def move_before(self, item_id: str, other_id: str | None) -> None:
        """Move right before another download, or to the end with None."""
        with self._condition:
            if self._queue.put_before(item_id, other_id):
                self._schedule.update(self._queue.get(item_id))
        self._board.tell()

    def try_network(self) -> None:
        """The system says that there is a network again: nobody waits any longer to try."""
        with self._condition:
            for entry in self._queue:
                if entry.retry_at is not None:
                    entry.retry_at = None
                    self._board.tell_changed(entry)
            self._schedule.arrange()
        self._board.tell()

    def cancel(self, item_id: str) -> None:
        """Stop, delete what was fetched, and drop the item. A done one keeps its files."""
        with self._condition:
            entry = self._queue.take_out(item_id)
            self._runs.stop(entry)
            if entry.state != "done":
                self._board.dropped.append(entry)
            self._board.tell_removed(item_id)
            self._board.store()
            self._schedule.arrange()
        self._board.tell()

    def remove(self, item_id: str) -> None:
        """Drop a done item from the list, keeping its files; others are cancelled."""
        self.cancel(item_id)

    def items(self) -> tuple[DownloadItem, ...]:
        """All downloads, in the queue's order."""
        with self._condition:
            return tuple(entry.item() for entry in self._queue)

    def close(self) -> None:
        """End the transfer child. What was running continues at the next `start`."""
        self._disconnect()
        self._schedule.close()
        self._board.closing = True
        self._board.wake()
        self._runs.close()
        self._keeper.close()

    def _possible(self, request: DownloadRequest) -> list[DownloadEntry]:
        """What the download would be in each models folder that answers."""
        silent = self._library.silent_folders()
        roots = [each for each in self._library.own_folders.all() if each not in silent]
        return [_entry(request, root) for root in roots]

    def _check_root(self, root: Path) -> None:
        """Raise `StorageError` where downloads cannot go to."""
        self._library.own_folders.claim(root, self._library.silent_folders())

    def _check_room(self, entry: DownloadEntry) -> None:
        """Raise `StorageError` where the disk has no room for this and what is queued for it."""
        with self._condition:
            others = self._queue.needs_beside(entry)
            need = entry.total - entry.done
        silent = self._library.silent_folders()
        answering = [(root, left) for root, left in others if root not in silent]
        check_room(entry.root, entry.folder, need, answering)

    def _settled(self, entry: DownloadEntry) -> None:
        """A run has brought `entry` to an end: somebody else may run."""
        self._schedule.update(entry)

    def _settings_changed(self, settings: Settings) -> None:
        """Going offline stops everything at once; hours and limits are in force at once too."""
        with self._condition:
            self._runs.throttle()
            for entry in self._queue:
                if self._offline and not settings.network.offline:
                    entry.retry_at = None
            self._offline = settings.network.offline
            self._schedule.arrange()
        self._board.tell()


def _entry(request: DownloadRequest, root: Path) -> DownloadEntry:
    """A new download into a models folder, with what is there of it. Asks the disk.

    Raises `DownloadError` for a refused name.
    """
    folder = repository_folder(root, request.repo)
    entry = DownloadEntry(uuid.uuid4().hex, request, folder, added=time.time())
    entry.take_up(entry.measured())
    return entry
