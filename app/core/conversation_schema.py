"""The tables of the conversation database and how older ones are brought up to date."""

import sqlite3
from pathlib import Path

from app.core.data_backup import back_up
from app.core.database import connect
from app.core.files import locked

_TREE = """
CREATE TABLE conversations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    title TEXT NOT NULL DEFAULT '',
    auto_title INTEGER NOT NULL DEFAULT 1,
    created REAL NOT NULL,
    updated REAL NOT NULL,
    pinned INTEGER NOT NULL DEFAULT 0,
    preset_id TEXT,
    system_prompt TEXT,
    sampling TEXT,
    model_id TEXT,
    preview TEXT NOT NULL DEFAULT '',
    draft TEXT NOT NULL DEFAULT '',
    chosen_id INTEGER,
    deleted REAL
);
CREATE TABLE messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation_id INTEGER NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    parent_id INTEGER REFERENCES messages (id) DEFERRABLE INITIALLY DEFERRED,
    chosen_id INTEGER,
    role TEXT NOT NULL,
    content TEXT NOT NULL,
    reasoning TEXT NOT NULL DEFAULT '',
    created REAL NOT NULL,
    model TEXT,
    finish_reason TEXT,
    usage TEXT,
    state TEXT NOT NULL DEFAULT 'complete',
    writer TEXT,
    deleted REAL
);
CREATE INDEX messages_of_conversation ON messages (conversation_id, parent_id);
CREATE INDEX messages_of_parent ON messages (parent_id);
CREATE INDEX messages_unfinished ON messages (state) WHERE state = 'streaming';
CREATE INDEX messages_deleted ON messages (deleted) WHERE deleted IS NOT NULL;
"""
# `chosen_id` is the version shown among the answers to a message, or among the first messages of
# a conversation; NULL and ids that are gone mean the newest. Deleting a message must not cascade
# to its answers: a chain of 5,000 would pass SQLite's limit of 1,000 nested triggers.

_SEARCH = """
CREATE VIRTUAL TABLE titles_index USING fts5 (
    title, content='conversations', content_rowid='id',
    tokenize='unicode61 remove_diacritics 2', prefix='2 3'
);
CREATE VIRTUAL TABLE messages_index USING fts5 (
    content, content='messages', content_rowid='id',
    tokenize='unicode61 remove_diacritics 2', prefix='2 3'
);
CREATE TRIGGER titles_added AFTER INSERT ON conversations BEGIN
    INSERT INTO titles_index (rowid, title) VALUES (new.id, new.title);
END;
CREATE TRIGGER titles_removed AFTER DELETE ON conversations BEGIN
    INSERT INTO titles_index (titles_index, rowid, title) VALUES ('delete', old.id, old.title);
END;
CREATE TRIGGER titles_changed AFTER UPDATE OF title ON conversations BEGIN
    INSERT INTO titles_index (titles_index, rowid, title) VALUES ('delete', old.id, old.title);
    INSERT INTO titles_index (rowid, title) VALUES (new.id, new.title);
END;
CREATE TRIGGER messages_added AFTER INSERT ON messages BEGIN
    INSERT INTO messages_index (rowid, content) VALUES (new.id, new.content);
END;
CREATE TRIGGER messages_removed AFTER DELETE ON messages BEGIN
    INSERT INTO messages_index (messages_index, rowid, content)
    VALUES ('delete', old.id, old.content);
END;
CREATE TRIGGER messages_changed AFTER UPDATE OF content ON messages BEGIN
    INSERT INTO messages_index (messages_index, rowid, content)
    VALUES ('delete', old.id, old.content);
    INSERT INTO messages_index (rowid, content) VALUES (new.id, new.content);
END;
INSERT INTO titles_index (titles_index) VALUES ('rebuild');
INSERT INTO messages_index (messages_index) VALUES ('rebuild');
"""

_ENGINE_DEPTH = """
ALTER TABLE conversations ADD COLUMN reasoning TEXT;
ALTER TABLE conversations ADD COLUMN answer_constraint TEXT;
ALTER TABLE conversations ADD COLUMN keep_on_disk INTEGER NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN first_kept INTEGER;
ALTER TABLE messages ADD COLUMN notes TEXT;
ALTER TABLE messages ADD COLUMN pictures TEXT;
ALTER TABLE conversations ADD COLUMN draft_pictures TEXT;
CREATE TABLE pictures (
    id TEXT PRIMARY KEY,
    data BLOB NOT NULL,
    added REAL NOT NULL
);
CREATE INDEX messages_with_pictures ON messages (conversation_id) WHERE pictures IS NOT NULL;
"""
# `first_kept` is the id of a message before it in its branch; NULL where the model was told all.
# The id of a picture is the SHA-256 of its file. Who refers to it has a JSON list of ids and sizes,
# NULL for none, so that a chat is read and laid out without the files.

MIGRATIONS = (_TREE, _SEARCH, _ENGINE_DEPTH)
"""Statements that bring a database of version N (`PRAGMA user_version`) to N + 1, by N."""

VERSION = len(MIGRATIONS)


def version_of(connection: sqlite3.Connection) -> int:
    """Version of the schema; 0 for an empty file."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the database at `path` to `VERSION`, once it is copied (`app.core.data_backup`).

    A step that fails changes nothing. Of two programs that start at once the second one waits, and
    finds it done. Raises `StorageError` where no copy can be made.
    """
    if version_of(connection) == VERSION:
        return
    with locked(path):
        _migrate(connection, path)


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    found = version_of(connection)
    if 0 < found < VERSION:
        back_up(path.parent, path.name)
    for version in range(found, VERSION):
        try:
            connection.executescript(
                f"BEGIN IMMEDIATE; {MIGRATIONS[version]}"
                f"; PRAGMA user_version = {version + 1}; COMMIT;"
            )
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def open_and_migrate(path: Path) -> sqlite3.Connection:
    """A connection to the database at `path`, which is made or brought up to date."""
    connection = connect(path)
    try:
        migrate(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection
