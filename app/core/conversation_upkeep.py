"""What is done at opening and closing: answers nobody finishes, and the trash."""

import os
import sqlite3

import psutil

from app.core import conversation_rows as rows
from app.core import kept_pictures


def this_process() -> str:
    """A name of this process that no later one with the same number has."""
    return f"{os.getpid()}:{psutil.Process().create_time():.2f}"


def interrupt_abandoned(connection: sqlite3.Connection) -> int:
    """Mark the running answers of processes that are gone as interrupted; answers how many."""
    unfinished = connection.execute(
        "SELECT id, writer FROM messages WHERE state = 'streaming'"
    ).fetchall()
    abandoned = [row["id"] for row in unfinished if not _is_alive(row["writer"])]
    for message_id in abandoned:
        _interrupt(connection, message_id)
    return len(abandoned)


def interrupt_own(connection: sqlite3.Connection, writer: str) -> None:
    """Mark the running answers of the process `writer` as interrupted."""
    for row in connection.execute(
        "SELECT id FROM messages WHERE state = 'streaming' AND writer = ?", (writer,)
    ).fetchall():
        _interrupt(connection, row["id"])


def erase_deleted(connection: sqlite3.Connection, before: float) -> int:
    """Erase conversations and messages deleted before a Unix time; answers how many of the first.

    Pictures that only they had go with them. Checks of parents wait for the commit, so the order of
    rows does not matter.
    """
    pictures = kept_pictures.deleted_before(connection, before)
    connection.execute(
        "DELETE FROM messages WHERE deleted <= ?"
        " OR conversation_id IN (SELECT id FROM conversations WHERE deleted <= ?)",
        (before, before),
    )
    erased = connection.execute("DELETE FROM conversations WHERE deleted <= ?", (before,)).rowcount
    kept_pictures.erase_unused(connection, pictures)
    return erased


def _interrupt(connection: sqlite3.Connection, message_id: int) -> None:
    values: dict[str, object] = {
        "state": "interrupted",
        "finish_reason": "interrupted",
        "writer": None,
    }
    rows.update(connection, "messages", message_id, values)
    row = connection.execute(
        "SELECT conversation_id FROM messages WHERE id = ?", (message_id,)
    ).fetchone()
    rows.refresh_preview(connection, row["conversation_id"])


def _is_alive(writer: str | None) -> bool:
    """Whether the process named by `this_process` still runs.

    One that was killed may be listed for seconds, until its parent has heard of it.
    """
    pid, _, created = (writer or "").partition(":")
    try:
        process = psutil.Process(int(pid))
        ended = process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
        return not ended and abs(process.create_time() - float(created)) < 2
    except (psutil.Error, ValueError):
        return False
