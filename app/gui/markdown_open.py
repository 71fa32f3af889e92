"""Blocks of Markdown that grow line by line: a code fence and a table that are still open."""

import re
from dataclasses import replace

from app.gui.markdown import Block, CodeBlock, TableBlock, blocks_from_tokens, tokenize


class OpenFence:
    """A fenced code block whose closing mark has not come."""

    def __init__(self, mark: str, code: CodeBlock) -> None:
        self.closed = False
        self._code = code
        self._mark = mark[0]
        self._closing = re.compile(rf" {{0,3}}{re.escape(mark[0])}{{{len(mark)},}}[ \t]*$")
        self._lines = ""
        """The complete lines."""

    def take(self, text: str) -> tuple[Block, str]:
        """Move complete lines into the block; returns it and the text that is not in it."""
        *lines, partial = text.split("\n")
        for number, line in enumerate(lines):
            if self._closing.match(line):
                self.closed = True
                return self._block(lines[:number]), "\n".join([*lines[number + 1 :], partial])
        may_close = partial.strip().startswith(self._mark)
        return self._block(lines, "" if may_close else partial), partial

    def _block(self, lines: list[str], partial: str = "") -> CodeBlock:
        self._lines += "".join(line + "\n" for line in lines)
        text = self._lines + partial if partial else self._lines.removesuffix("\n")
        return replace(self._code, text=text, closed=self.closed)


class OpenTable:
    """A table to which rows may still be added."""

    def __init__(self, head: str) -> None:
        self.closed = False
        self._head = head
        """The lines of the column names and of the dashes."""
        self._table: TableBlock | None = None

    def take(self, text: str) -> tuple[Block, str]:
        """Move complete rows into the block; returns it and the text that is not in it."""
        seen, lines = self._read(text)
        shown = self._extended(seen)
        complete = text.count("\n")
        if lines < complete:  # a line that is not a row ends it
            self.closed = True
            return shown, text.split("\n", lines)[-1]
        end = text.rfind("\n") + 1
        if end:
            self._table = self._extended(self._read(text[:end])[0])
        return shown, text[end:]

    def _read(self, text: str) -> tuple[TableBlock, int]:
        """The rows at the beginning of a text, and how many lines they are."""
        tokens = tokenize(self._head + text)
        end = next(i for i, token in enumerate(tokens) if token.type == "table_close")
        table = next(blocks_from_tokens(tokens[: end + 1], breaks=True))
        assert isinstance(table, TableBlock)
        _, last = tokens[0].map or (0, 2)
        return table, last - 2

    def _extended(self, more: TableBlock) -> TableBlock:
        before = self._table.rows if self._table else ()
        return replace(more, rows=before + more.rows)
