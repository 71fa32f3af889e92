"""Searching titles and messages: words by the full-text index, unspaced scripts by substring."""

import re
import sqlite3

from app.core.conversation_rows import storable
from app.core.conversations import SearchHit

SNIPPET_WORDS = 16
SNIPPET_LENGTH = 160
"""Characters of a snippet at most, about; a single word may be a page of base64."""

_START, _END = "\x02", "\x03"
_MARKS = re.compile("[\x02\x03]")
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
"""Thai, Lao, Burmese, Khmer, Japanese, Chinese: the index takes a sentence of them for a word."""

_TITLES = """
SELECT c.id AS conversation_id, NULL AS message_id, {snippet} AS snippet
FROM {source} WHERE {match} AND c.deleted IS NULL
ORDER BY c.updated DESC LIMIT :limit
"""
_MESSAGES = """
SELECT m.conversation_id, m.id AS message_id, {snippet} AS snippet
FROM {source} JOIN conversations AS c ON c.id = m.conversation_id
WHERE {match} AND m.deleted IS NULL AND c.deleted IS NULL
ORDER BY {order} LIMIT :limit
"""


def search(connection: sqlite3.Connection, text: str, limit: int) -> tuple[SearchHit, ...]:
    """Where all words of `text` occur, as beginnings of words: titles first, then messages.

    Any text will do; what holds no word finds nothing.
    """
    words = _words(text)
    if not words or limit <= 0:
        return ()
    statements = _substring(words) if _UNSPACED.search(text) else _indexed(words)
    hits: list[SearchHit] = []
    for sql, values in statements:
        rows = connection.execute(sql, {**values, "limit": limit - len(hits)})
        hits.extend(_hit(row, words) for row in rows)
    return tuple(hits)


def _words(text: str) -> list[str]:
    """The words of a query, without what neither SQLite nor its query language can take."""
    return storable(re.sub('["\x00-\x1f]', " ", text)).split()[:32]


def _indexed(words: list[str]) -> list[tuple[str, dict[str, object]]]:
    """Statements that ask the full-text index. A quoted phrase holds no operators."""
    query = " ".join(f'"{word}"*' for word in words)
    marks = f"0, char(2), char(3), '…', {SNIPPET_WORDS}"
    titles = _TITLES.format(
        source="titles_index JOIN conversations AS c ON c.id = titles_index.rowid",
        snippet=f"snippet(titles_index, {marks})",
        match="titles_index MATCH :query",
    )
    messages = _MESSAGES.format(
        source="messages_index JOIN messages AS m ON m.id = messages_index.rowid",
        snippet=f"snippet(messages_index, {marks})",
        match="messages_index MATCH :query",
        order="messages_index.rank",
    )
    return [(titles, {"query": query}), (messages, {"query": query})]


def _substring(words: list[str]) -> list[tuple[str, dict[str, object]]]:
    """Statements that look through all text."""
    values: dict[str, object] = {f"w{number}": word for number, word in enumerate(words)}

    def match(column: str) -> str:
        return " AND ".join(f"instr({column}, :{name})" for name in values)

    titles = _TITLES.format(source="conversations AS c", snippet="c.title", match=match("c.title"))
    messages = _MESSAGES.format(
        source="messages AS m", snippet="m.content", match=match("m.content"), order="m.id DESC"
    )
    return [(titles, values), (messages, values)]


def _hit(row: sqlite3.Row, words: list[str]) -> SearchHit:
    marked = row["snippet"]
    if _START not in marked:
        for word in words:
            marked = marked.replace(word, f"{_START}{word}{_END}")
    snippet, matches = _unmarked(_shortened(" ".join(marked.split())))
    return SearchHit(row["conversation_id"], row["message_id"], snippet, matches)


def _shortened(marked: str) -> str:
    """What is around the first match, if the whole is too long."""
    if len(marked) <= SNIPPET_LENGTH:
        return marked
    begin = max(0, marked.find(_START) - SNIPPET_LENGTH // 3)
    end = begin + SNIPPET_LENGTH
    return ("…" if begin else "") + marked[begin:end] + ("…" if end < len(marked) else "")


def _unmarked(marked: str) -> tuple[str, tuple[tuple[int, int], ...]]:
    """The text without marks, and where the marked parts are in it."""
    text = ""
    matches: list[tuple[int, int]] = []
    start: int | None = None
    position = 0
    for mark in _MARKS.finditer(marked):
        text += marked[position : mark.start()]
        position = mark.end()
        if mark[0] == _START:
            start = len(text)
        elif start is not None:
            matches.append((start, len(text)))
            start = None
    text += marked[position:]
    if start is not None:
        matches.append((start, len(text)))
    return text, tuple(matches)
