"""The supervision of the transfer child: it lives while there is work, and dies without harm.

A download that is to run has a run in the child. What becomes of the run is heard here and settles
the download; who decides what runs next is told of it.
"""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from app.core import download_problems
from app.core.children import child_command
from app.core.download_board import DownloadBoard
from app.core.download_entry import DownloadEntry
from app.core.download_orders import DownloadOrders
from app.core.download_state import DownloadProblem
from app.core.errors import AppError
from app.core.library import ModelLibrary
from app.core.transfer_child import TransferChild, run_description
from app.core.transfer_wire import Completed, Contacted, Failed, Hurry, Moved, Stop, Stopped
from backends.contacts import Tell

log = logging.getLogger(__name__)

CRASHES = 3
"""How often the child may die under a download that does not get on."""


class DownloadRuns:
    """The runs of the transfer child, and the child itself."""

    def __init__(
        self,
        board: DownloadBoard,
        orders: DownloadOrders,
        library: ModelLibrary,
        cache: Path,
        settled: Callable[[DownloadEntry], object],
        *,
        patient: bool,
        tell: Tell | None = None,
    ) -> None:
        """`settled` is called with the lock held when a run has brought a download to an end.

        `patient` waits for the network where there is none; `tell` hears of every connection.
        """
        self._board = board
        self._orders = orders
        self._library = library
        self._cache = cache
        self._settled = settled
        self._patient = patient
        self._told = tell
        self._child: TransferChild | None = None
        self._stopping: dict[str, DownloadEntry] = {}
        """Downloads by runs that were stopped, until the child has let go of their files."""
        self._thread = threading.Thread(target=self._supervise, name="downloads", daemon=True)

    @property
    def child_pid(self) -> int | None:
        """Process id of the transfer child, while there is one."""
        child = self._child
        return child.pid if child else None

    def start(self) -> None:
        """Begin: a child is started as soon as there is work for it."""
        self._thread.start()

    def close(self) -> None:
        """End the child. Before that, the board is to be closing."""
        child = self._child
        if child is not None:
            child.hang_up()
        if self._thread.is_alive():
            self._thread.join(10)

    # -- with the lock held

    def begin(self, entry: DownloadEntry) -> None:
        """Start a run for a download that waits."""
        entry.begin()
        if self._child is not None:
            self._fetch(self._child, entry)

    def stop(self, entry: DownloadEntry) -> None:
        """Tell the child to let go of a running download."""
        run, entry.run = entry.run, None
        if run is not None and self._child is not None:
            self._stopping[run] = entry
            self._child.send(Stop(run))

    def hurry(self, entry: DownloadEntry) -> None:
        """Have a running download try again now."""
        if entry.run is not None and self._child is not None:
            self._child.send(Hurry(entry.run))

    def throttle(self) -> None:
        """The speed limit may be another one now."""
        if self._child is not None:
            self._child.send(self._orders.throttle())

    def is_held(self, entry: DownloadEntry) -> bool:
        """Whether the child may still write the files of a download that was stopped."""
        return entry in self._stopping.values()

    def fail(self, entry: DownloadEntry, problem: DownloadProblem) -> None:
        """Call a download failed."""
        entry.settle("failed", problem)
        self._settled(entry)

    def _fetch(self, child: TransferChild, entry: DownloadEntry) -> None:
        try:
            command = self._orders.fetch(entry)
        except AppError as error:
            self.fail(entry, DownloadProblem.of(error))
        else:
            child.send(command)

    # -- the child

    def _supervise(self) -> None:
        """Keep a child alive while there is work, and hear what it says."""
        board = self._board
        while (child := self._next_child()) is not None:
            board.tell()
            self._listen(child)
            with board.condition:
                retired = self._child is not child
                self._child = None
            status = child.close()
            with board.condition:
                self._stopping.clear()
                board.condition.notify_all()
            if not board.closing and not retired:
                self._died(child, status)
            board.tell()

    def _next_child(self) -> TransferChild | None:
        """Wait for work, and start a child for it; None when it is time to end."""
        board = self._board
        while True:
            with board.condition:
                board.condition.wait_for(lambda: board.closing or bool(board.queue.active()))
                if board.closing:
                    return None
                try:
                    child = TransferChild(child_command("--transfer-host"), self._cache)
                except (OSError, RuntimeError) as error:  # the latter: no more threads
                    for entry in board.queue.active():
                        why = download_problems.helper_failed("cannot be started", str(error))
                        self.fail(entry, why)
                else:
                    self._child = child
                    self.throttle()
                    for entry in board.queue.active():
                        self._fetch(child, entry)
                    return child
            board.tell()

    def _listen(self, child: TransferChild) -> None:
        """Hear a child until it ends."""
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
            self._board.tell()
            self._retire_if_idle(child)

    def _retire_if_idle(self, child: TransferChild) -> None:
        """A child with nothing to do ends; the next download gets a new one."""
        with self._board.condition:
            busy = self._board.queue.active() or self._stopping
            if self._child is child and not busy:
                self._child = None
                child.hang_up()

    def _died(self, child: TransferChild, status: int) -> None:
        """Go on with a new child, but not for ever."""
        how = run_description(status)
        log.warning("the transfer child %s: %s", how, child.last_words())
        with self._board.condition:
            for entry in self._board.queue.active():
                if entry.crashed() >= CRASHES:
                    often = f"{how}, {CRASHES} times in a row"
                    self.fail(entry, download_problems.helper_failed(often, child.last_words()))

    # -- what it says

    def _hear(self, reply: Completed | Failed | Moved | Stopped) -> None:
        with self._board.condition:
            entry = self._board.queue.by_run(reply.run)
            stopped = None if isinstance(reply, Moved) else self._let_go(reply.run)
            match reply:
                case Moved() if entry is not None:
                    entry.moved(reply.done, reply.verified, reply.files, reply.trouble)
                    self._board.tell_changed(entry)
                case Failed() if entry is not None:
                    self._failed(entry, reply)
                case Completed() if entry is not None:
                    entry.run = None  # there is nothing to stop any more
        if isinstance(reply, Completed) and (completed := entry or stopped):
            self._complete(completed)

    def _let_go(self, run: str) -> DownloadEntry | None:
        """The child has ended a run; answers whose it was if it had been stopped."""
        self._board.condition.notify_all()
        return self._stopping.pop(run, None)

    def _failed(self, entry: DownloadEntry, reply: Failed) -> None:
        """The child gave up; where there is no network or no drive, only for now."""
        problem = DownloadProblem(reply.title, reply.message, reply.hint, reply.detail)
        if reply.away and self._patient:
            entry.away = True
            entry.settle("waiting", problem)
            self._settled(entry)
        elif reply.network and self._patient and entry.lost_network(time.monotonic()):
            entry.settle("waiting", problem)
            self._settled(entry)
        else:
            self.fail(entry, problem)

    def _break_off(self, run: str, problem: DownloadProblem) -> None:
        """Fail the download of this run, and have the child let go of it."""
        with self._board.condition:
            for entry in [each for each in self._board.queue.active() if each.run == run]:
                self.stop(entry)
                self.fail(entry, problem)

    def _complete(self, entry: DownloadEntry) -> None:
        """List the model, then call the download done. It may have been too late to stop it."""
        problem = _list_model(self._library, entry)
        with self._board.condition:
            if entry.id not in self._board.queue:
                return
            self.stop(entry)
            entry.complete()
            if problem is not None:
                self.fail(entry, problem)
                return
            entry.settle("done")
            self._settled(entry)
            self._board.tell_finished(entry)


def _list_model(library: ModelLibrary, entry: DownloadEntry) -> DownloadProblem | None:
    """Have the library list what was fetched; answers why it could not."""
    try:
        model = library.register(entry.targets(), entry.origin(), entry.request.files)
    except AppError as error:
        return DownloadProblem.of(error)
    except Exception as error:
        log.exception("%s could not be listed", entry.request.title)
        return download_problems.own_error(error)
    if model.format == "gguf" and model.problem:
        return download_problems.no_usable_model(entry, model.problem)
    return None
