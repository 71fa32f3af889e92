"""Responses that clients left with the server, to go on from: kept for each token apart.

They lie in a small database. What was not used for long is forgotten; so is the oldest of what is
more than a bounded number or size.
"""

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import msgspec

from app.core.database import connect
from app.core.errors import StorageError
from app.core.files import storage_error

MOST = 2000
"""Responses that are kept, of all tokens together."""
MOST_BYTES = 256 * 1024 * 1024
LONGEST_SECONDS = 30 * 86_400.0
"""Without being used."""
LONGEST_CHAIN = 1000
"""Responses that follow one another in one conversation."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS responses (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    previous TEXT NOT NULL,
    used REAL NOT NULL,
    bytes INTEGER NOT NULL,
    content BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS by_use ON responses (used);
"""


class Linked(Protocol):
    """What is kept of a response."""

    @property
    def previous(self) -> str:
        """Id of the response that it goes on from; empty at a beginning."""


Kept = TypeVar("Kept", bound=Linked)


@dataclass(frozen=True)
class ResponseStore(Generic[Kept]):
    """Keeps responses, of the type `kind`, in the database at `path`. Every call touches the disk.

    `owner` is as `owner_of` names it: nobody sees another's. Raises StorageError and other
    `AppError`s where the disk does not do its part.
    """

    path: Path
    kind: type[Kept]

    def keep(self, response_id: str, owner: str, kept: Kept) -> None:
        """Keep a response, and forget what is too old or too much."""
        content = msgspec.json.encode(kept)
        row = (response_id, owner, kept.previous, time.time(), len(content), content)
        with self._open() as connection:
            connection.execute("INSERT OR REPLACE INTO responses VALUES (?, ?, ?, ?, ?, ?)", row)
            _forget(connection)

    def get(self, response_id: str, owner: str) -> Kept | None:
        """The response of that id, if it is there and this owner's."""
        with self._open() as connection:
            return self._read(connection, response_id, owner)

    def conversation(self, response_id: str, owner: str) -> list[Kept] | None:
        """The response and those it goes on from, oldest first; None where it is not there."""
        chain: list[Kept] = []
        at = response_id
        with self._open() as connection:
            while at and len(chain) < LONGEST_CHAIN:
                kept = self._read(connection, at, owner)
                if kept is None:
                    return None
                # A conversation that goes on is young to its first word.
                connection.execute("UPDATE responses SET used = ? WHERE id = ?", (time.time(), at))
                chain.append(kept)
                at = kept.previous
        return chain[::-1]

    def forget(self, response_id: str, owner: str) -> bool:
        """Forget a response; whether it was there."""
        with self._open() as connection:
            done = connection.execute(
                "DELETE FROM responses WHERE id = ? AND owner = ?", (response_id, owner)
            )
            return done.rowcount > 0

    def _read(self, connection: sqlite3.Connection, response_id: str, owner: str) -> Kept | None:
        row = connection.execute(
            "SELECT content FROM responses WHERE id = ? AND owner = ?", (response_id, owner)
        ).fetchone()
        return None if row is None else msgspec.json.decode(row["content"], type=self.kind)

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """A connection in a transaction."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if not self.path.exists():  # what is said to models is nobody else's business
                os.close(os.open(self.path, os.O_CREAT | os.O_WRONLY, 0o600))
        except OSError as error:
            raise storage_error("A response could not be kept", self.path, error) from error
        try:
            with contextlib.closing(connect(self.path)) as connection:
                connection.executescript(_SCHEMA)
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
        except (sqlite3.Error, msgspec.DecodeError) as error:
            raise StorageError(
                "A response could not be kept or found",
                f"{self.path}: {error}.",
                "Check that the disk is there and has room. A damaged file can be deleted.",
                str(error),
            ) from error


def _forget(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM responses WHERE used < ?", (time.time() - LONGEST_SECONDS,))
    connection.execute(
        """
        DELETE FROM responses WHERE id IN (
            SELECT id FROM (
                SELECT id,
                    row_number() OVER newest AS number,
                    sum(bytes) OVER newest AS together
                FROM responses WINDOW newest AS (ORDER BY used DESC, rowid DESC)
            ) WHERE number > 1 AND (number > ? OR together > ?)
        )
        """,
        (MOST, MOST_BYTES),
    )
