"""Marks what was found in the text of a message; its reasoning and notes are not searched."""

from collections.abc import Iterator

from PySide6.QtGui import QTextCursor, QTextDocument
from PySide6.QtWidgets import QTextBrowser, QTextEdit, QWidget

from app.gui.blocks_text import ReadingBrowser
from app.gui.message_view import MessageView
from app.gui.theme import Theme


def mark(view: MessageView, needle: str, current: int, theme: Theme) -> int | None:
    """Mark every place of `needle`; the one numbered `current` (-1: none) stands out.

    Returns how far down in `view` that one is, or None.
    """
    number = 0
    place: int | None = None
    texts = sorted(view.column.findChildren(ReadingBrowser), key=lambda text: _top(text, view))
    for text in texts:
        marks = []
        for cursor in _matches(text.document(), needle):
            selection = QTextEdit.ExtraSelection()
            chosen = number == current
            selection.format.setBackground(theme.color("accent-fill" if chosen else "accent-tint"))
            if chosen:
                selection.format.setForeground(theme.color("on-accent"))
                place = _top(text, view) + text.cursorRect(_start(cursor)).top()
            selection.cursor = cursor
            marks.append(selection)
            number += 1
        text.setExtraSelections(marks)
    return place


def count(view: MessageView, needle: str) -> int:
    """How many places of `needle` the text of a message shows."""
    texts = view.column.findChildren(QTextBrowser)
    return sum(1 for text in texts for _ in _matches(text.document(), needle))


def _matches(document: QTextDocument, needle: str) -> Iterator[QTextCursor]:
    if not needle:
        return
    cursor = document.find(needle)
    while not cursor.isNull():
        yield cursor
        cursor = document.find(needle, cursor)


def _start(cursor: QTextCursor) -> QTextCursor:
    start = QTextCursor(cursor)
    start.setPosition(cursor.selectionStart())
    return start


def _top(text: QWidget, view: QWidget) -> int:
    return text.mapTo(view, text.rect().topLeft()).y()
