"""Pictures in the conversation database: one row for each file, whoever refers to it.

Messages and drafts refer to a picture by the SHA-256 of its file, in a JSON list of their own row,
so that reading a chat needs neither another query nor the files.
"""

import hashlib
import sqlite3
import time

ORPHAN_SECONDS = 30 * 86_400.0
"""How long a picture is kept that was attached and never sent: a draft may still show it."""

# Ids of the pictures in rows that have some; a damaged list refers to nothing.
_IN_MESSAGES = """
SELECT json_extract(each.value, '$.id') FROM messages, json_each(
    CASE WHEN json_valid(messages.pictures) THEN messages.pictures ELSE '[]' END
) AS each WHERE messages.pictures IS NOT NULL
"""
_IN_DRAFTS = """
SELECT json_extract(each.value, '$.id') FROM conversations, json_each(
    CASE WHEN json_valid(conversations.draft_pictures)
    THEN conversations.draft_pictures ELSE '[]' END
) AS each WHERE conversations.draft_pictures IS NOT NULL
"""


def keep(connection: sqlite3.Connection, data: bytes) -> str:
    """Store an encoded picture, once; answers its id."""
    picture_id = hashlib.sha256(data).hexdigest()
    connection.execute(
        "INSERT INTO pictures (id, data, added) VALUES (?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET added = excluded.added",
        (picture_id, data, time.time()),
    )
    return picture_id


def data_of(connection: sqlite3.Connection, picture_id: str) -> bytes | None:
    """The encoded picture; None if it is gone."""
    row = connection.execute("SELECT data FROM pictures WHERE id = ?", (picture_id,)).fetchone()
    return None if row is None else bytes(row["data"])


def deleted_before(connection: sqlite3.Connection, before: float) -> set[str]:
    """Ids of the pictures of conversations and messages deleted until a Unix time."""
    gone = "(SELECT id FROM conversations WHERE deleted <= ?)"
    in_messages = connection.execute(
        f"{_IN_MESSAGES} AND (messages.deleted <= ? OR messages.conversation_id IN {gone})",
        (before, before),
    )
    in_drafts = connection.execute(f"{_IN_DRAFTS} AND conversations.deleted <= ?", (before,))
    return {row[0] for cursor in (in_messages, in_drafts) for row in cursor}


def erase_unused(connection: sqlite3.Connection, candidates: set[str]) -> None:
    """Erase those of `candidates`, and those attached long ago, that nothing refers to."""
    orphans = connection.execute(
        "SELECT id FROM pictures WHERE added <= ?", (time.time() - ORPHAN_SECONDS,)
    )
    wanted = candidates | {row[0] for row in orphans}
    if wanted:
        used = {row[0] for row in connection.execute(f"{_IN_MESSAGES} UNION {_IN_DRAFTS}")}
        connection.executemany(
            "DELETE FROM pictures WHERE id = ?", ((each,) for each in wanted - used)
        )
