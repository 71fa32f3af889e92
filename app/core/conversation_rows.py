"""Conversations and messages as rows of the database, and the walk along the shown branch."""

import sqlite3
import time
from collections.abc import Iterable
from typing import Any

import msgspec

from app.core.conversations import Conversation, Message, Picture, preview_from
from app.core.errors import ConversationError
from backends.types import Constraint, ReasoningOptions, SamplingParams, Usage

MESSAGE_COLUMNS = (
    "id, conversation_id, parent_id, role, content, created, reasoning, model, finish_reason,"
    " state, usage, first_kept, notes, pictures, chosen_id"
)
MessageRow = tuple[Any, ...]
"""A plain tuple: building 5,000 messages from it takes a third of the time of named columns."""

_usage = msgspec.json.Decoder(Usage)
_sampling = msgspec.json.Decoder(SamplingParams)
_reasoning = msgspec.json.Decoder(ReasoningOptions)
_constraint: msgspec.json.Decoder[Constraint] = msgspec.json.Decoder(Constraint)
_notes = msgspec.json.Decoder(tuple[str, ...])
_pictures = msgspec.json.Decoder(tuple[Picture, ...])


def conversation_from(row: sqlite3.Row) -> Conversation:
    """The conversation in a row of its table."""
    return Conversation(
        id=row["id"],
        title=row["title"],
        created=row["created"],
        updated=row["updated"],
        auto_title=bool(row["auto_title"]),
        pinned=bool(row["pinned"]),
        preset_id=row["preset_id"],
        system_prompt=row["system_prompt"],
        sampling=_decoded(_sampling, row["sampling"]),
        reasoning=_decoded(_reasoning, row["reasoning"]),
        constraint=_decoded(_constraint, row["answer_constraint"]),
        keep_on_disk=bool(row["keep_on_disk"]),
        model_id=row["model_id"],
        preview=row["preview"],
        draft=row["draft"],
        draft_pictures=_decoded(_pictures, row["draft_pictures"]) or (),
        deleted=row["deleted"],
    )


def message_from(row: MessageRow, version: int, versions: int) -> Message:
    """The message in a row of `MESSAGE_COLUMNS`."""
    number, chat, parent, role, content, created, reasoning, model, finish, state, *rest = row
    usage, first_kept, notes, pictures, _ = rest
    return Message(
        number,
        chat,
        parent,
        role,
        content,
        created,
        reasoning,
        model,
        finish,
        state,
        _decoded(_usage, usage),
        version,
        versions,
        first_kept,
        _decoded(_notes, notes) or (),
        _decoded(_pictures, pictures) or (),
    )


def column_value(value: object) -> Any:
    """`value` as a column holds it: structs, tuples as JSON; text without halves of characters."""
    if isinstance(value, (msgspec.Struct, tuple)):
        return msgspec.json.encode(value).decode()
    if isinstance(value, str):
        return storable(value)
    return value


def storable(text: str) -> str:
    """`text` with lone surrogates, which UTF-8 cannot hold, replaced."""
    return text.encode("utf-8", "replace").decode("utf-8")


def find_conversation(connection: sqlite3.Connection, conversation_id: int) -> Conversation:
    """The conversation with this id. Raises `ConversationError`."""
    row = connection.execute(
        "SELECT * FROM conversations WHERE id = ?", (conversation_id,)
    ).fetchone()
    if row is None:
        raise ConversationError("This chat is gone", f"There is no chat {conversation_id}.")
    return conversation_from(row)


def find_row(connection: sqlite3.Connection, message_id: int) -> sqlite3.Row:
    """The row of a message that is not deleted. Raises `ConversationError`."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM messages WHERE id = ? AND deleted IS NULL", (message_id,)
    ).fetchone()
    if row is None:
        raise ConversationError("This message is gone", f"There is no message {message_id}.")
    return row


def find_versions(connection: sqlite3.Connection, message_id: int) -> tuple[Message, ...]:
    """All versions of a message, itself included, in order of making."""
    row = find_row(connection, message_id)
    found = _message_rows(
        connection,
        "conversation_id = ? AND parent_id IS ?",
        (row["conversation_id"], row["parent_id"]),
    ).fetchall()
    return tuple(message_from(row, number, len(found)) for number, row in enumerate(found, 1))


def find_message(connection: sqlite3.Connection, message_id: int) -> Message:
    """One message that is not deleted. Raises `ConversationError`."""
    return next(m for m in find_versions(connection, message_id) if m.id == message_id)


def shown_path(connection: sqlite3.Connection, conversation_id: int) -> tuple[Message, ...]:
    """The shown branch, first message to last: at each fork the chosen version, else the newest.

    One query for all messages and a walk in memory, in the order of MESSAGE_COLUMNS.
    """
    first = connection.execute(
        "SELECT chosen_id FROM conversations WHERE id = ?", (conversation_id,)
    ).fetchone()
    if first is None:
        raise ConversationError("This chat is gone", f"There is no chat {conversation_id}.")
    versions: dict[int | None, list[MessageRow]] = {}
    for row in _message_rows(connection, "conversation_id = ?", (conversation_id,)):
        versions.setdefault(row[2], []).append(row)
    path = []
    parent, chosen = None, first["chosen_id"]
    while rows := versions.get(parent):
        ids = [row[0] for row in rows]
        number = ids.index(chosen) if chosen in ids else len(ids) - 1
        path.append(message_from(rows[number], number + 1, len(rows)))
        parent, chosen = ids[number], rows[number][-1]
    return tuple(path)


def _message_rows(
    connection: sqlite3.Connection, condition: str, values: tuple[object, ...]
) -> sqlite3.Cursor:
    """Rows of MESSAGE_COLUMNS of messages that are not deleted, in order of making."""
    cursor = connection.cursor()
    cursor.row_factory = None
    return cursor.execute(
        f"SELECT {MESSAGE_COLUMNS} FROM messages WHERE {condition} AND deleted IS NULL ORDER BY id",
        values,
    )


def choose(connection: sqlite3.Connection, row: sqlite3.Row) -> None:
    """Show this message among its versions."""
    if row["parent_id"] is None:
        connection.execute(
            "UPDATE conversations SET chosen_id = ? WHERE id = ?",
            (row["id"], row["conversation_id"]),
        )
    else:
        connection.execute(
            "UPDATE messages SET chosen_id = ? WHERE id = ?", (row["id"], row["parent_id"])
        )


def ancestors(connection: sqlite3.Connection, message_id: int) -> Iterable[sqlite3.Row]:
    """The rows from a message up to the first one, itself included."""
    return connection.execute(
        """
        WITH RECURSIVE up (id, parent_id, conversation_id) AS (
            SELECT id, parent_id, conversation_id FROM messages WHERE id = ?
            UNION ALL
            SELECT m.id, m.parent_id, m.conversation_id
            FROM messages AS m JOIN up ON m.id = up.parent_id
        )
        SELECT * FROM up
        """,
        (message_id,),
    ).fetchall()


def mark_subtree(
    connection: sqlite3.Connection, message_id: int, old: float | None, new: float | None
) -> None:
    """Set `deleted` to `new` for a message and all after it where it is `old`."""
    connection.execute(
        """
        WITH RECURSIVE down (id) AS (
            VALUES (?)
            UNION ALL
            SELECT m.id FROM messages AS m JOIN down ON m.parent_id = down.id
        )
        UPDATE messages SET deleted = ? WHERE id IN down AND deleted IS ?
        """,
        (message_id, new, old),
    )


def refresh_preview(connection: sqlite3.Connection, conversation_id: int) -> None:
    """Set the preview from the last answer of the shown branch."""
    path = shown_path(connection, conversation_id)
    last = next((m.content for m in reversed(path) if m.role == "assistant" and m.content), "")
    connection.execute(
        "UPDATE conversations SET preview = ? WHERE id = ?", (preview_from(last), conversation_id)
    )


def insert(connection: sqlite3.Connection, table: str, values: dict[str, object]) -> int:
    """Add a row; answers its id."""
    names, marks = ", ".join(values), ", ".join("?" * len(values))
    cursor = connection.execute(
        f"INSERT INTO {table} ({names}) VALUES ({marks})",
        tuple(column_value(value) for value in values.values()),
    )
    if cursor.lastrowid is None:
        raise sqlite3.DatabaseError(f"no row was added to {table}")
    return cursor.lastrowid


def update(
    connection: sqlite3.Connection, table: str, row_id: int, values: dict[str, object]
) -> None:
    """Set the columns of a row named in `values`; nothing if there are none."""
    if values:
        columns = ", ".join(f"{name} = ?" for name in values)
        connection.execute(
            f"UPDATE {table} SET {columns} WHERE id = ?",
            (*(column_value(value) for value in values.values()), row_id),
        )


def copy(connection: sqlite3.Connection, conversation_id: int) -> int:
    """Copy a conversation with all messages that are not deleted; answers the id of the copy."""
    source = connection.execute(
        "SELECT * FROM conversations WHERE id = ?", (conversation_id,)
    ).fetchone()
    if source is None:
        raise ConversationError("This chat is gone", f"There is no chat {conversation_id}.")
    now = time.time()
    changes: dict[str, object] = {
        "title": f"{source['title']} (copy)" if source["title"] else "",
        "created": now,
        "updated": now,
        "pinned": False,
        "deleted": None,
    }
    copy_id = insert(connection, "conversations", _without_id(source) | changes)
    ids: dict[int | None, int | None] = {None: None}
    for row in connection.execute(
        "SELECT * FROM messages WHERE conversation_id = ? AND deleted IS NULL ORDER BY id",
        (conversation_id,),
    ).fetchall():
        values = _without_id(row)
        values |= {"conversation_id": copy_id, "parent_id": ids[row["parent_id"]], "writer": None}
        if row["state"] == "streaming":
            values |= {"state": "interrupted", "finish_reason": "interrupted"}
        values["first_kept"] = ids.get(row["first_kept"])  # it was made before its answers
        ids[row["id"]] = insert(connection, "messages", values)
    connection.execute(
        "UPDATE conversations SET chosen_id = ? WHERE id = ?",
        (ids.get(source["chosen_id"]), copy_id),
    )
    for row in connection.execute(
        "SELECT id, chosen_id FROM messages WHERE conversation_id = ? AND chosen_id IS NOT NULL",
        (copy_id,),
    ).fetchall():
        update(connection, "messages", row["id"], {"chosen_id": ids.get(row["chosen_id"])})
    return copy_id


def _without_id(row: sqlite3.Row) -> dict[str, object]:
    return {name: row[name] for name in row.keys() if name != "id"}  # noqa: SIM118 - Row iterates over values


def _decoded(decoder: msgspec.json.Decoder[Any], text: str | None) -> Any:
    """The struct in a JSON column; None if there is none or it is not valid."""
    if text is None:
        return None
    try:
        return decoder.decode(text)
    except msgspec.DecodeError:
        return None
