"""The ledger of connections: when something went to another computer, where, why, how much.

It is kept in a small SQLite file, newest entries only. Exchanges with one host for one purpose that
follow each other are one entry, so that a download is a line and not a thousand.
"""

import contextlib
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from msgspec import Struct

from app.core.errors import AppError, StorageError
from app.core.events import EventHook
from app.core.files import set_aside
from backends.contacts import Contact
from backends.remote.descriptor import is_loopback

log = logging.getLogger(__name__)

MOST_ENTRIES = 5000
"""Older ones are dropped."""
PAUSE = 600.0
"""Seconds without an exchange after which the next one begins a new entry."""
_BUSY_SECONDS = 5.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    id INTEGER PRIMARY KEY,
    first REAL NOT NULL,
    last REAL NOT NULL,
    host TEXT NOT NULL,
    purpose TEXT NOT NULL,
    why TEXT NOT NULL,
    connections INTEGER NOT NULL,
    requests INTEGER NOT NULL,
    sent INTEGER NOT NULL,
    received INTEGER NOT NULL,
    problem TEXT NOT NULL
)
"""
_COLUMNS = "first, last, host, purpose, why, connections, requests, sent, received, problem"


class LedgerEntry(Struct, frozen=True):
    """Exchanges with one host for one purpose."""

    first: float
    """When they began: Unix time, seconds."""
    last: float
    host: str
    """Name and, where it is not the usual one, port."""
    purpose: str
    why: str
    """The repository, model or words searched for; may be empty."""
    connections: int
    requests: int
    sent: int
    """Bytes."""
    received: int
    """Bytes."""
    problem: str = ""
    """Why no connection was made; empty where one was."""

    @property
    def here(self) -> bool:
        """Whether the other end was on this very computer."""
        return is_loopback(f"http://{self.host}")


class LedgerTotals(Struct, frozen=True):
    """What entries add up to, without those of this very computer and those that failed."""

    since: float
    """When the first of them began: Unix time, seconds; 0 for none."""
    hosts: int
    requests: int
    sent: int
    """Bytes."""
    received: int
    """Bytes."""


def only_failed(entries: Iterable[LedgerEntry]) -> int:
    """How many connections to other computers were tried, where none came about; else 0."""
    away = [each for each in entries if not each.here]
    return len(away) if all(each.problem for each in away) else 0


def totals(entries: Iterable[LedgerEntry]) -> LedgerTotals:
    """What went to other computers, all together."""
    away = [each for each in entries if not each.here and not each.problem]
    return LedgerTotals(
        since=min((each.first for each in away), default=0.0),
        hosts=len({each.host for each in away}),
        requests=sum(each.requests for each in away),
        sent=sum(each.sent for each in away),
        received=sum(each.received for each in away),
    )


class Ledger:
    """Keeps the entries. Any thread may call it; nothing it meets stops a connection."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self.changed: EventHook[[]] = EventHook()
        """There is something new. Fires in the thread that made the connection, often."""
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def record(self, contact: Contact) -> None:
        """Add a step of an exchange."""
        try:
            with self._database() as database:
                self._add(database, contact)
        except (sqlite3.Error, OSError, AppError) as error:
            log.warning("a connection to %s is not in the ledger: %s", contact.host, error)
            return
        self.changed()

    def entries(self, limit: int = MOST_ENTRIES, since: float = 0.0) -> tuple[LedgerEntry, ...]:
        """The newest entries, newest first, that were not over before `since` (Unix seconds).

        Raises `StorageError`.
        """
        with self._explained(), self._database() as database:
            rows = database.execute(
                f"SELECT {_COLUMNS} FROM entries WHERE last >= ?"
                " ORDER BY last DESC, id DESC LIMIT ?",
                (since, limit),
            )
            return tuple(LedgerEntry(*row) for row in rows)

    def clear(self) -> None:
        """Forget all entries. Raises `StorageError`."""
        with self._explained(), self._database() as database:
            database.execute("DELETE FROM entries")
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            database.execute("VACUUM")
        self.changed()

    def close(self) -> None:
        """Close the file; a later call opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _add(self, database: sqlite3.Connection, contact: Contact) -> None:
        now = self._clock()
        updated = database.execute(
            "UPDATE entries SET last = ?, connections = connections + ?, requests = requests + ?,"
            " sent = sent + ?, received = received + ? WHERE id = ("
            "SELECT id FROM entries WHERE host = ? AND purpose = ? AND why = ? AND problem = ?"
            " AND last > ? ORDER BY id DESC LIMIT 1)",
            (
                *(now, contact.connections, contact.requests, contact.sent, contact.received),
                *(contact.host, contact.purpose, contact.why, contact.problem, now - PAUSE),
            ),
        )
        if updated.rowcount:
            return
        added = database.execute(
            f"INSERT INTO entries ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(now, now, contact.host, contact.purpose, contact.why),
                *(contact.connections, contact.requests, contact.sent, contact.received),
                contact.problem,
            ),
        )
        database.execute(
            "DELETE FROM entries WHERE id <= ?", ((added.lastrowid or 0) - MOST_ENTRIES,)
        )

    @contextlib.contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._connection is None:
                self._connection = self._open()
            yield self._connection

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return _connect(self._path)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):  # locked, read-only: not damaged
                raise
            aside = set_aside(self._path)
            log.warning("the ledger was damaged and is kept as %s", aside.name)
            return _connect(self._path)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StorageError(
                "The list of connections cannot be used",
                f"The system says: {error}.",
                "Check that the disk is there and can be written to.",
                str(self._path),
            ) from error


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")  # a power cut may cost the last lines
        connection.execute(_SCHEMA)
    except sqlite3.Error:
        connection.close()
        raise
    return connection
