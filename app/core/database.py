"""One SQLite file with one writing thread: calls return when their change is on the disk."""

import contextlib
import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from app.core.errors import AppError, ConversationError, StorageError

log = logging.getLogger(__name__)

T = TypeVar("T")
Job = Callable[[sqlite3.Connection], T]

SAVE_INTERVAL = 0.5
"""Seconds that a change given to `write_soon` waits at most."""
RETRY_INTERVAL = 5.0
"""Seconds until such a change is tried again when the disk was full."""
_BUSY_TIMEOUT_MS = 10_000

_WAKE = object()
_CLOSE = object()


def _nothing(_result: object) -> None:
    """For a change that nobody waits for."""


def connect(path: Path) -> sqlite3.Connection:
    """A connection in WAL mode whose commits survive a power cut. Transactions are explicit."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.row_factory = sqlite3.Row
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
        _use_wal(connection)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA fullfsync = ON")  # macOS: past the disk's own cache
        connection.execute("PRAGMA foreign_keys = ON")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch to WAL mode. SQLite does not wait for another program that switches, so this does."""
    patience = time.monotonic() + _BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > patience:
                raise
            time.sleep(0.01)
        else:
            return


def is_corrupt(error: sqlite3.Error) -> bool:
    """Whether the file itself is damaged, as opposed to locked, full or out of reach."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def suspect_mark(path: Path) -> Path:
    """The file whose presence says that the database at `path` gave signs of damage."""
    return path.with_name(f"{path.name}-suspect")


def described(error: sqlite3.Error) -> AppError:
    """`error` in words a person can act on."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return StorageError(
            "The chat could not be saved",
            "The disk is full. What was saved before is safe.",
            "Free some space on this disk, then try again.",
            str(error),
        )
    if is_corrupt(error):
        return ConversationError(
            "The database of chats is damaged",
            "A part of it cannot be read.",
            "Restart Corral: it then saves what can be read and starts a new database.",
            str(error),
        )
    return StorageError(
        "The database of chats could not be used",
        f"The system says: {error}.",
        "Check that the disk is there and can be written to.",
        str(error),
    )


class Database:
    """Reads from as many threads as like, writes from one of its own.

    Reads see what was committed before they began. Errors of SQLite come as `AppError`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False
        self._idle_readers: list[sqlite3.Connection] = []
        self._pending: dict[Hashable, Job[Callable[[], object]]] = {}
        """What waits, by key; each answers what to do once it is on the disk."""
        self._due: float | None = None
        try:
            self._connection = connect(path)
        except sqlite3.Error as error:
            raise described(error) from error
        self._thread = threading.Thread(target=self._run, name="conversation-writer", daemon=True)
        self._thread.start()

    def write(self, job: Job[T]) -> T:
        """Run `job` in a transaction on the writing thread; returns when it is on the disk.

        An exception of `job` undoes all it did and is raised here.
        """
        future: Future[T] = Future()
        with self._lock:
            self._refuse_if_closed()
            self._queue.put((job, future))
        return future.result()

    def write_soon(
        self, key: Hashable, job: Job[T], then: Callable[[T], object] = _nothing
    ) -> None:
        """Run `job` within `SAVE_INTERVAL`, in place of a waiting one with the same key; quick.

        While the disk is full or gone it is tried again and again. What it answers is given to
        `then` once it is on the disk, on the writing thread: `then` must not write.
        """
        with self._lock:
            self._refuse_if_closed()
            if not self._pending:
                self._queue.put(_WAKE)
            self._pending[key] = lambda connection: partial(then, job(connection))

    def forget(self, key: Hashable) -> None:
        """Drop what waits under `key`; for jobs that make it needless."""
        with self._lock:
            self._pending.pop(key, None)

    @contextlib.contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A connection for reading that sees one state of the database throughout."""
        try:
            with self._reader() as connection:
                connection.execute("BEGIN")
                try:
                    yield connection
                finally:
                    connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._described(error) from error

    def close(self) -> None:
        """Write what waits and close all connections; a second call does nothing."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            readers, self._idle_readers = self._idle_readers, []
            self._queue.put(_CLOSE)
        for reader in readers:
            reader.close()
        self._thread.join()

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise ConversationError("The chats are closed already", "Corral is ending.")

    @contextlib.contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._refuse_if_closed()
            connection = self._idle_readers.pop() if self._idle_readers else None
        if connection is None:
            connection = connect(self._path)
            connection.execute("PRAGMA query_only = ON")
        try:
            yield connection
        finally:
            with self._lock:
                keep = not self._closed
                if keep:
                    self._idle_readers.append(connection)
            if not keep:
                connection.close()

    def _run(self) -> None:
        """The writing thread."""
        while True:
            try:
                item = self._queue.get(timeout=self._seconds_until_due())
            except queue.Empty:
                item = _WAKE
            if item is _CLOSE:
                break
            if item is not _WAKE:
                self._answer(*item)
            self._save_if_due()
        self._save_pending()
        self._connection.close()

    def _seconds_until_due(self) -> float | None:
        return None if self._due is None else max(0.0, self._due - time.monotonic())

    def _save_if_due(self) -> None:
        now = time.monotonic()
        if self._due is None:
            with self._lock:
                self._due = now + SAVE_INTERVAL if self._pending else None
        elif now >= self._due:
            self._save_pending()

    def _save_pending(self) -> None:
        self._due = None
        with self._lock:
            jobs, self._pending = self._pending, {}
        for key, job in jobs.items():
            try:
                self._transact(job)()
            except StorageError as error:  # nobody waits; the answer's end will tell
                log.warning("a growing answer could not be saved yet: %s", error)
                with self._lock:
                    self._pending.setdefault(key, job)
                self._due = time.monotonic() + RETRY_INTERVAL
            except Exception:
                log.exception("a growing answer could not be saved")

    def _answer(self, job: Job[T], future: Future[T]) -> None:
        try:
            result = self._transact(job)
        except BaseException as error:  # noqa: BLE001 - handed to the waiting caller
            future.set_exception(error)
        else:
            future.set_result(result)

    def _transact(self, job: Job[T]) -> T:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                result = job(self._connection)
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise self._described(error) from error
        return result

    def _described(self, error: sqlite3.Error) -> AppError:
        if is_corrupt(error):
            with contextlib.suppress(OSError):
                suspect_mark(self._path).touch()
        return described(error)
