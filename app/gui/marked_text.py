"""Text in a fixed-width font, some of it in colours of the theme."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from PySide6.QtGui import QBrush, QFont, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from app.gui.theme import Theme


class Span(NamedTuple):
    """A stretch of a line."""

    text: str
    ink: str = ""
    """A role of the theme; empty for the ordinary colour."""
    ground: str = ""
    """A role of the theme; empty for none."""
    bold: bool = False


Lines = Sequence[Sequence[Span]]


class MarkedText(QPlainTextEdit):
    """Read only; can be selected and copied. Takes on the colours of another theme."""

    def __init__(self, theme: Theme, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._lines: Lines = ()
        self.setReadOnly(True)
        self.setProperty("log", True)
        self.setAccessibleName(name)
        self.setTabChangesFocus(True)
        theme.changed.connect(self._write)

    def show_text(self, text: str) -> None:
        """Show text without colours."""
        self.show_lines([[Span(line)] for line in text.split("\n")])

    def show_lines(self, lines: Iterable[Sequence[Span]]) -> None:
        """Show lines of spans, from their beginning; the same ones stay where they are."""
        lines = [tuple(line) for line in lines]
        if lines != self._lines:
            self._lines = lines
            self._write()

    def _write(self) -> None:
        self.clear()
        cursor = QTextCursor(self.document())
        for number, line in enumerate(self._lines):
            if number:
                cursor.insertText("\n", QTextCharFormat())
            for span in line:
                cursor.insertText(span.text, self._format(span))
        self.verticalScrollBar().setValue(0)
        self.moveCursor(QTextCursor.MoveOperation.Start)

    def _format(self, span: Span) -> QTextCharFormat:
        shape = QTextCharFormat()
        if span.ink:
            shape.setForeground(QBrush(self._theme.color(span.ink)))
        if span.ground:
            shape.setBackground(QBrush(self._theme.color(span.ground)))
        if span.bold:
            shape.setFontWeight(QFont.Weight.DemiBold)
        return shape
