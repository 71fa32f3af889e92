"""Opening the conversation database whatever state it is in: damaged, newer, or fine."""

import contextlib
import hashlib
import logging
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from app.core import conversation_schema as schema
from app.core.database import connect, described, is_corrupt, suspect_mark
from app.core.errors import AppError, ConversationError
from app.core.files import set_aside, storage_error

log = logging.getLogger(__name__)

CHECK_PAGES_BELOW = 32 * 2**20
CHECK_INDEXES_BELOW = 2 * 2**20
"""Bytes up to which a database is checked at every opening, which takes up to 50 ms for either.
Larger ones are checked after a crash or a sign of damage.
"""

_TABLES = ("conversations", "messages")
_INDEXES = ("titles_index", "messages_index")

Row = dict[str, Any]


class _Damaged(Exception):
    """The database is not what it should be."""


class _Newer(Exception):
    """The database was written by a newer program."""


def prepare(path: Path) -> tuple[Path, AppError | None]:
    """Make sure of a sound, current database: where it is, and what had to be done for it.

    A damaged one is set aside and what can be read of it moved to a new one. One of a newer
    program is left alone and another file used. Raises `StorageError` if the disk is in the way.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage_error("The chats cannot be opened", path, error) from error
    try:
        _check(path)
    except _Newer as error:
        older = path.with_name(f"{path.stem}-v{schema.VERSION}{path.suffix}")
        actual, _ = prepare(older)
        return actual, ConversationError(
            "Your chats were last used by a newer Corral",
            f"This version cannot read them ({error}). They are untouched in {path.name}.",
            "Update Corral to see them. New chats are kept in a file of their own until then.",
        )
    except _Damaged as error:
        return path, _start_over(path, str(error))
    except sqlite3.Error as error:
        if not is_corrupt(error):
            raise described(error) from error
        return path, _start_over(path, str(error))
    return path, None


def _check(path: Path) -> None:
    """Open, check and migrate the database at `path`."""
    mark = suspect_mark(path)
    # The journal is gone after an orderly end.
    suspect = mark.exists() or path.with_name(f"{path.name}-wal").exists()
    size = path.stat().st_size if path.exists() else 0
    with contextlib.closing(connect(path)) as connection:
        version = schema.version_of(connection)
        if version > schema.VERSION:
            raise _Newer(f"format {version}")
        if version and not set(_TABLES) <= set(_tables(connection)):
            raise _Damaged("tables are missing")
        if size and (suspect or size <= CHECK_PAGES_BELOW):
            _check_pages(connection)
        if version == schema.VERSION and (suspect or size <= CHECK_INDEXES_BELOW):
            _check_indexes(connection)
        schema.migrate(connection, path)
    mark.unlink(missing_ok=True)


def _check_pages(connection: sqlite3.Connection) -> None:
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise _Damaged(verdict)


def _check_indexes(connection: sqlite3.Connection) -> None:
    """A broken full-text index would refuse every new message."""
    for name in _INDEXES:
        try:
            connection.execute(f"INSERT INTO {name} ({name}) VALUES ('integrity-check')")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_ERROR:  # a part of it is not there
                raise _Damaged(str(error)) from error
            raise


def _tables(connection: sqlite3.Connection) -> Iterator[str]:
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'"):
        yield name


def _start_over(path: Path, why: str) -> AppError:
    """Set the database aside, begin a new one, and move over what can be read."""
    aside = set_aside(path)
    suspect_mark(path).unlink(missing_ok=True)
    for suffix in ("-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(f"{path.name}{suffix}").rename(f"{aside}{suffix}")
    conversations, messages = _salvage(aside)
    with contextlib.closing(schema.open_and_migrate(path)) as connection:
        kept = _store(connection, conversations, messages)
        _move_pictures(aside, connection)
    log.warning("database set aside as %s: %s; %d messages saved", aside.name, why, kept)
    return ConversationError(
        "The database of chats was damaged",
        f"{_count(len(conversations), 'chat')} with {_count(kept, 'message')} could be saved "
        f"from it. The damaged file was kept as {aside.name}.",
        "Check the disk, and copy the kept file to a safe place if something is missing.",
        why,
    )


def _count(number: int, word: str) -> str:
    return f"1 {word}" if number == 1 else f"{number} {word}s"


def _salvage(aside: Path) -> tuple[dict[int, Row], dict[int, Row]]:
    """All conversations and messages that can still be read, by id."""
    try:
        connection = sqlite3.connect(aside)
    except sqlite3.Error as error:
        log.warning("nothing can be read from %s: %s", aside.name, error)
        return {}, {}
    with contextlib.closing(connection):
        connection.row_factory = sqlite3.Row
        connection.text_factory = lambda data: data.decode("utf-8", "replace")
        return _readable(connection, "conversations"), _readable(connection, "messages")


def _readable(connection: sqlite3.Connection, table: str) -> dict[int, Row]:
    """Rows of `table` up to the damage from its beginning, and back to it from its end."""
    rows: dict[int, Row] = {}
    for direction in ("ASC", "DESC"):
        try:
            for row in connection.execute(f"SELECT * FROM {table} ORDER BY rowid {direction}"):
                if row["id"] in rows:
                    break
                rows[row["id"]] = dict(row)
        except (sqlite3.Error, IndexError) as error:
            log.warning("%s: %s", table, error)
    return dict(sorted(rows.items()))


def _store(
    connection: sqlite3.Connection, conversations: dict[int, Row], messages: dict[int, Row]
) -> int:
    """Write salvaged rows, mending what lost its place; answers how many messages."""
    last: dict[int, int] = {}
    stored: set[int] = set()
    connection.execute("BEGIN IMMEDIATE")
    add_conversation = _inserter(connection, "conversations")
    add_message = _inserter(connection, "messages")
    for row in conversations.values():
        add_conversation(row)
    for row in messages.values():
        conversation = row["conversation_id"]
        if conversation not in conversations:
            conversations[conversation] = {
                "id": conversation,
                "title": "Recovered chat",
                "created": row["created"],
                "updated": row["created"],
            }
            add_conversation(conversations[conversation])
        if row["parent_id"] is not None and row["parent_id"] not in stored:
            row["parent_id"] = last.get(conversation)
        if add_message(row):
            last[conversation] = row["id"]
            stored.add(row["id"])
    connection.execute("COMMIT")
    return len(stored)


def _move_pictures(aside: Path, connection: sqlite3.Connection) -> None:
    """Copy the pictures that can still be read, one at a time: they are large."""
    add = _inserter(connection, "pictures")
    try:
        with contextlib.closing(sqlite3.connect(aside)) as damaged:
            damaged.row_factory = sqlite3.Row
            for (picture_id,) in damaged.execute("SELECT id FROM pictures").fetchall():
                _move_picture(damaged, picture_id, add)
    except sqlite3.Error as error:  # a database of before there were pictures, too
        log.warning("pictures: %s", error)


def _move_picture(damaged: sqlite3.Connection, picture_id: str, add: Callable[[Row], bool]) -> None:
    try:
        row = damaged.execute("SELECT * FROM pictures WHERE id = ?", (picture_id,)).fetchone()
    except sqlite3.Error as error:
        log.warning("picture %s: %s", picture_id, error)
        return
    if row is not None and hashlib.sha256(row["data"]).hexdigest() == picture_id:
        add(dict(row))


def _inserter(connection: sqlite3.Connection, table: str) -> Callable[[Row], bool]:
    """Adds a row with the columns both databases know; answers False if it is beyond repair."""
    known = {column["name"] for column in connection.execute(f"PRAGMA table_info({table})")}

    def insert(row: Row) -> bool:
        values = {name: value for name, value in row.items() if name in known and value is not None}
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        try:
            connection.execute(
                f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(values.values())
            )
        except sqlite3.Error as error:
            log.warning("a row of %s is beyond repair: %s", table, error)
            return False
        return True

    return insert
