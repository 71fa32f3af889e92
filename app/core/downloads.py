"""The queue of downloads: up to three at once, surviving a restart at any moment.

The bytes are fetched by the transfer child (`app.core.transfer`); this side decides what runs,
keeps the list, and tells listeners.
"""

import logging
import math
import os
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path

from app.core import download_problems
from app.core.children import child_command
from app.core.download_entry import DownloadEntry
from app.core.download_news import News
from app.core.download_queue import AT_ONCE, DownloadQueue, Step
from app.core.download_space import check_space, full_disks
from app.core.download_state import (
    DownloadItem,
    DownloadList,
    DownloadProblem,
    DownloadRequest,
)
from app.core.download_times import Hold, hold_for, seconds_to_look
from app.core.errors import AppError, DownloadError
from app.core.events import EventHook
from app.core.hub_gate import HubGate
from app.core.hub_http import HubAccess
from app.core.idle_watch import IdleWatch
from app.core.keys import KeyStore
from app.core.known_copies import copies_of
from app.core.library import ModelLibrary
from app.core.ollama_gate import RegistryGate
from app.core.ollama_name import ollama_name_of
from app.core.paths import AppPaths
from app.core.settings import Settings, SettingsStore
from app.core.transfer_child import TransferChild, run_description
from app.core.transfer_names import check_names, repository_folder
from app.core.transfer_wire import (
    Completed,
    Contacted,
    Failed,
    Fetch,
    Limits,
    Moved,
    Stop,
    Stopped,
    Throttle,
)
from backends.contacts import Tell

log = logging.getLogger(__name__)

__all__ = ["AT_ONCE", "DownloadManager"]

CRASHES = 3
"""How often the child may die under a download that does not get on."""
DISK_SECONDS = 5.0
"""Between two looks at the free space, while something is fetched."""


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
        self.changed: EventHook[[DownloadItem]] = EventHook()
        self.removed: EventHook[[str]] = EventHook()
        self.finished: EventHook[[DownloadItem]] = EventHook()
        self._paths = paths
        self._settings = settings
        self._library = library
        self._gate = gate or HubGate(settings, KeyStore(paths), env)
        self._registry = RegistryGate(settings, self._gate, env)
        self._told = tell
        self._limits = limits or Limits()
        self._list = DownloadList(paths.downloads_file if keep_list else None)
        self._patient = keep_list
        self._idle = idle or (lambda: math.inf)
        self._clock = clock
        self._condition = threading.Condition(threading.RLock())
        self._queue = DownloadQueue()
        self._stopping: dict[str, DownloadEntry] = {}
        """Downloads by runs that were stopped, until the child has let go of their files."""
        self._dropped: list[DownloadEntry] = []
        """Cancelled downloads whose files are not deleted yet."""
        self._unsaved = False
        """Whether the stored list is older than this one."""
        self._ended = False
        """Whether nothing more will come to be stored or deleted."""
        self._news = News()
        self._child: TransferChild | None = None
        self._closing = False
        self._supervisor = threading.Thread(target=self._supervise, name="downloads", daemon=True)
        self._keeper = threading.Thread(target=self._keep, name="downloads-list", daemon=True)
        self._watch = IdleWatch(self._look, "downloads-watch")
        self._offline = settings.current.network.offline
        self._disconnect = settings.changed.connect(self._settings_changed)

    # -- what people do

    @property
    def problem(self) -> AppError | None:
        """What was wrong with the stored list at the start."""
        return self._list.problem

    @property
    def child_pid(self) -> int | None:
        """Process id of the transfer child, while there is one."""
        child = self._child
        return child.pid if child else None

    def start(self) -> None:
        """Read the stored list and continue what was running."""
        with self._condition:
            for stored in self._list.load():
                try:
                    self._queue.add(DownloadEntry.restored(stored))
                except DownloadError as error:
                    log.warning("a stored download is left out: %s", error)
            self._supervisor.start()
            self._keeper.start()
            self._schedule()
        self._news.tell()

    def add(self, request: DownloadRequest) -> DownloadItem:
        """Queue a download.

        Raises:
            StorageError: the disk has no room for everything queued plus 1 GB.
            DownloadError: it is here or queued already, or carries names that are refused.
            OfflineError: nothing may leave this computer.
        """
        check_names(file.path for file in request.files)
        self._check_way(request)
        folder = repository_folder(self._library.folder, request.repo)
        entry = DownloadEntry(uuid.uuid4().hex, request, folder, added=time.time())
        with self._condition:
            self._queue.check_new(entry)
            check_space(entry.folder, self._queue.need_with(entry))
            self._queue.add(entry)
            self._update(entry)
            item = entry.item()
        self._news.tell()
        return item

    def finished_path(self, request: DownloadRequest) -> Path | None:
        """What the model of `request` is opened by, if all its files are here; else None."""
        check_names(file.path for file in request.files)
        folder = repository_folder(self._library.folder, request.repo)
        entry = DownloadEntry("", request, folder, added=0.0)
        return entry.targets()[0] if entry.finished() else None

    def pause(self, item_id: str) -> None:
        """Stop fetching and keep what is there."""
        with self._condition:
            entry = self._queue.get(item_id)
            if entry.active or entry.state == "waiting":
                self._stop_run(entry)
                entry.settle("paused")
                self._update(entry)
        self._news.tell()

    def resume(self, item_id: str) -> None:
        """Continue a paused or failed download.

        Raises:
            OfflineError: nothing may leave this computer.
            StorageError: the disk has no room for the rest of everything queued plus 1 GB.
        """
        with self._condition:
            self._resume(self._queue.get(item_id))
        self._news.tell()

    def _resume(self, entry: DownloadEntry) -> None:
        self._check_way(entry.request)
        if entry.state in ("paused", "failed"):
            check_space(entry.folder, self._queue.need_with(entry))
            entry.settle("waiting")
            entry.crashes = 0
            entry.found_network()
            self._update(entry)

    def retry(self, item_id: str) -> None:
        """Continue a failed download."""
        self.resume(item_id)

    def run_now(self, item_id: str) -> None:
        """Let it run before all others, whatever the hours and whoever uses the computer.

        Raises like `resume`.
        """
        with self._condition:
            entry = self._queue.get(item_id)
            self._check_way(entry.request)
            self._resume(entry)
            if entry.state == "waiting":
                entry.at_once = True
                entry.found_network()
                self._queue.step(item_id, "top")
                self._update(entry)
        self._news.tell()

    def pause_all(self) -> None:
        """Pause everything that runs or waits."""
        with self._condition:
            for entry in [each for each in self._queue if each.state == "waiting" or each.active]:
                self._stop_run(entry)
                entry.settle("paused")
                self._tell_changed(entry)
            self._store()
            self._schedule()
        self._news.tell()

    def resume_all(self) -> None:
        """Continue everything that is paused, in the queue's order. Raises like `resume`.

        Those before the one that is refused go on.
        """
        try:
            with self._condition:
                for entry in [each for each in self._queue if each.state == "paused"]:
                    self._resume(entry)
        finally:
            self._news.tell()

    def move(self, item_id: str, step: Step) -> None:
        """Change the order. The first three that may run do; the others make way for them."""
        with self._condition:
            if self._queue.step(item_id, step):
                self._update(self._queue.get(item_id))
        self._news.tell()

    def move_before(self, item_id: str, other_id: str | None) -> None:
        """Move right before another download, or to the end with None."""
        with self._condition:
            if self._queue.put_before(item_id, other_id):
                self._update(self._queue.get(item_id))
        self._news.tell()

    def try_network(self) -> None:
        """The system says that there is a network again: nobody waits any longer to try."""
        with self._condition:
            for entry in self._queue:
                if entry.retry_at is not None:
                    entry.retry_at = None
                    self._tell_changed(entry)
            self._schedule()
        self._news.tell()

    def cancel(self, item_id: str) -> None:
        """Stop, delete what was fetched, and drop the item. A done one keeps its files."""
        with self._condition:
            entry = self._queue.take_out(item_id)
            self._stop_run(entry)
            if entry.state != "done":
                self._dropped.append(entry)
            self._news.add(partial(self.removed, item_id))
            self._store()
            self._schedule()
        self._news.tell()

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
        self._watch.close(timeout=2.0)  # it may be asking a drive that does not answer
        with self._condition:
            self._closing = True
            self._condition.notify_all()
            child = self._child
        if child is not None:
            child.hang_up()
        if self._supervisor.is_alive():
            self._supervisor.join(10)
        with self._condition:
            self._ended = True
            self._condition.notify_all()
        if self._keeper.is_alive():
            self._keeper.join(10)
        self._list.close()

    # -- the queue

    def _check_way(self, request: DownloadRequest) -> None:
        """Raise `OfflineError` or `SettingsError` where nothing can be fetched."""
        gate = self._registry if ollama_name_of(request.repo) else self._gate
        gate.check(request.endpoint)

    def _accesses(self, request: DownloadRequest) -> tuple[HubAccess, ...]:
        """Where the files may come from, the first to try first. Raises like `_check_way`."""
        if ollama_name_of(request.repo):
            return (self._registry.access(request.endpoint),)
        return self._gate.accesses(request.endpoint)

    def _settings_changed(self, settings: Settings) -> None:
        """Going offline stops everything at once; hours and limits are in force at once too."""
        with self._condition:
            if self._child is not None:
                self._child.send(Throttle(self._speed_limit()))
            for entry in self._queue:
                if self._offline and not settings.network.offline:
                    entry.retry_at = None
            self._offline = settings.network.offline
            self._schedule()
        self._news.tell()

    def _update(self, entry: DownloadEntry) -> None:
        """After a change of state: tell it, keep it, and see what may run now."""
        self._tell_changed(entry)
        self._store()
        self._schedule()

    def _schedule(self) -> None:
        """Start what may run now, and stop what may not; look again when that may change."""
        if not self._closing:
            self._arrange()
            if any(entry.state == "waiting" or entry.active for entry in self._queue):
                self._watch.wake()

    def _arrange(self) -> None:
        before = {entry.id: (entry.state, entry.held) for entry in self._queue}
        chosen, others = self._queue.chosen(self._hold(), self._dropped, time.monotonic())
        for entry in others:
            self._stop_run(entry)
            entry.settle("waiting")
        for entry in chosen:
            if entry.state == "waiting":
                entry.begin()
                if self._child is not None:
                    self._send_fetch(entry)
        for entry in self._queue:
            if before[entry.id] != (entry.state, entry.held):
                self._tell_changed(entry)
        self._condition.notify_all()

    def _hold(self) -> Hold:
        settings = self._settings.current
        if settings.network.offline:
            return "offline"
        return hold_for(settings.downloads, self._clock(), self._idle) if self._patient else ""

    def _look(self) -> float | None:
        """Look at the clock, the disk and the network's next try; seconds until it is worth it
        again, None when nothing is to be done.
        """
        with self._condition:
            folders = {entry.folder for entry in self._queue.active()}
        full = full_disks(folders)  # without the lock: it may take long
        with self._condition:
            for entry in self._queue.active():
                if entry.folder in full:
                    self._stop_run(entry)
                    self._fail(entry, download_problems.disk_filled(full[entry.folder]))
            if self._closing:
                return None
            self._arrange()
            now = time.monotonic()
            waiting = [entry for entry in self._queue if entry.state == "waiting"]
            due = [entry.retry_at - now for entry in waiting if entry.retry_at is not None]
            if self._queue.active():
                due.append(DISK_SECONDS)
            if waiting or self._queue.active():
                settings = self._settings.current.downloads
                hours = seconds_to_look(settings, self._clock()) if self._patient else None
                due += [] if hours is None else [hours]
        self._news.tell()
        return max(0.05, min(due)) if due else None

    def _speed_limit(self) -> int:
        """Bytes a second; 0 is none."""
        return self._settings.current.downloads.speed_limit * 1000

    def _send_fetch(self, entry: DownloadEntry) -> None:
        assert self._child is not None
        assert entry.run is not None
        request = entry.request
        try:
            accesses = self._accesses(request)
        except AppError as error:
            self._fail(entry, DownloadProblem.of(error))
            return
        folder, limits = str(entry.folder), self._limits
        self._child.send(
            Fetch(
                entry.run,
                accesses,
                request.repo,
                request.revision,
                request.files,
                folder,
                limits,
                copies_of(request.files, self._library.records, self._library.models()),
            )
        )

    def _stop_run(self, entry: DownloadEntry) -> None:
        """Tell the child to let go of a running download."""
        run, entry.run = entry.run, None
        if run is not None and self._child is not None:
            self._stopping[run] = entry
            self._child.send(Stop(run))

    # -- the child

    def _supervise(self) -> None:
        """Keep a child alive while there is work, and hear what it says."""
        while (child := self._next_child()) is not None:
            self._news.tell()
            for reply in child.replies():
                if isinstance(reply, Contacted):
                    if self._told is not None:
                        self._told(reply.contact)
                    continue
                try:
                    self._hear(reply)
                except Exception as error:
                    log.exception("a download could not go on")
                    self._break_off(reply.run, download_problems.own_error(error))
                self._news.tell()
                self._retire_if_idle(child)
            with self._condition:
                retired = self._child is not child
                self._child = None
            status = child.close()
            with self._condition:
                self._stopping.clear()
                self._condition.notify_all()
            if not self._closing and not retired:
                self._child_died(child, status)
            self._news.tell()

    def _break_off(self, run: str, problem: DownloadProblem) -> None:
        """Fail the download of this run, and have the child let go of it."""
        with self._condition:
            for entry in [each for each in self._queue.active() if each.run == run]:
                self._stop_run(entry)
                self._fail(entry, problem)

    def _next_child(self) -> TransferChild | None:
        """Wait for work, and start a child for it; None when it is time to end."""
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._closing or bool(self._queue.active()))
                if self._closing:
                    return None
                try:
                    self._child = TransferChild(child_command("--transfer-host"), self._paths.cache)
                except (OSError, RuntimeError) as error:  # the latter: no more threads
                    for entry in self._queue.active():
                        self._fail(
                            entry, download_problems.helper_failed("cannot be started", str(error))
                        )
                else:
                    self._child.send(Throttle(self._speed_limit()))
                    for entry in self._queue.active():
                        self._send_fetch(entry)
                    return self._child
            self._news.tell()

    def _retire_if_idle(self, child: TransferChild) -> None:
        """A child with nothing to do ends; the next download gets a new one."""
        with self._condition:
            if self._child is child and not self._queue.active() and not self._stopping:
                self._child = None
                child.hang_up()

    def _hear(self, reply: Completed | Failed | Moved | Stopped) -> None:
        with self._condition:
            entry = self._queue.by_run(reply.run)
            stopped = None if isinstance(reply, Moved) else self._let_go(reply.run)
            match reply:
                case Moved() if entry is not None:
                    entry.moved(reply.done, reply.verified, reply.files)
                    self._tell_changed(entry)
                case Failed() if entry is not None:
                    self._failed(entry, reply)
                case Completed() if entry is not None:
                    entry.run = None  # there is nothing to stop any more
        if isinstance(reply, Completed) and (completed := entry or stopped):
            self._complete(completed)

    def _complete(self, entry: DownloadEntry) -> None:
        """List the model, then call the download done. It may have been too late to stop it."""
        problem: DownloadProblem | None = None
        try:
            model = self._library.register(
                entry.targets(), entry.origin(), [file.sha256 for file in entry.request.files]
            )
        except AppError as error:
            problem = DownloadProblem.of(error)
        except Exception as error:
            log.exception("%s could not be listed", entry.request.title)
            problem = download_problems.own_error(error)
        else:
            if model.format == "gguf" and model.problem:
                problem = download_problems.no_usable_model(entry, model.problem)
        with self._condition:
            if entry.id not in self._queue:
                return
            self._stop_run(entry)
            entry.complete()
            if problem is not None:
                self._fail(entry, problem)
                return
            entry.settle("done")
            self._update(entry)
            self._news.add(partial(self.finished, entry.item()))

    def _failed(self, entry: DownloadEntry, reply: Failed) -> None:
        """The child gave up; where there is no network, only for now."""
        problem = DownloadProblem(reply.title, reply.message, reply.hint, reply.detail)
        if reply.network and self._patient and entry.lost_network(time.monotonic()):
            entry.settle("waiting", problem)
            self._update(entry)
        else:
            self._fail(entry, problem)

    def _fail(self, entry: DownloadEntry, problem: DownloadProblem) -> None:
        entry.settle("failed", problem)
        self._update(entry)

    def _child_died(self, child: TransferChild, status: int) -> None:
        """Go on with a new child, but not for ever."""
        how = run_description(status)
        log.warning("the transfer child %s: %s", how, child.last_words())
        with self._condition:
            for entry in self._queue.active():
                if entry.crashed() >= CRASHES:
                    often = f"{how}, {CRASHES} times in a row"
                    self._fail(entry, download_problems.helper_failed(often, child.last_words()))

    def _let_go(self, run: str) -> DownloadEntry | None:
        """The child has ended a run; answers whose it was if it had been stopped."""
        self._condition.notify_all()
        return self._stopping.pop(run, None)

    # -- the disk

    def _keep(self) -> None:
        """Store the list and delete cancelled files: no caller is to wait for the disk."""
        while True:
            with self._condition:
                self._condition.wait_for(
                    lambda: self._unsaved or self._ended or bool(self._deletable())
                )
                stored = tuple(each.stored() for each in self._queue)
                unsaved, self._unsaved = self._unsaved, False
                free = self._deletable()
                if not unsaved and not free:
                    return
            if unsaved:
                self._list.save(stored)
            for entry in free:
                try:
                    entry.discard(self._library.folder)
                except DownloadError as error:  # a link that leads out of the folder by now
                    log.warning("files of a cancelled download stay: %s", error)
            with self._condition:
                self._dropped = [entry for entry in self._dropped if entry not in free]
                self._schedule()
            self._news.tell()

    def _deletable(self) -> list[DownloadEntry]:
        """Cancelled downloads whose files nobody writes any more."""
        held = list(self._stopping.values())
        return [entry for entry in self._dropped if entry not in held]

    def _store(self) -> None:
        """Have the list stored, very soon."""
        self._unsaved = True
        self._condition.notify_all()

    # -- telling others

    def _tell_changed(self, entry: DownloadEntry) -> None:
        """Have a snapshot of `entry` told by the next `News.tell`."""
        self._news.add(partial(self.changed, entry.item()))
