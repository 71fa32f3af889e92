"""Markdown that is still being written.

Only the text after the last finished top-level block is parsed again; finished blocks never
are. A block counts as finished when another one follows it whose first line is complete,
because a line half written ("#", "-", "``") may yet turn out to belong to the block before.
Of the blocks that grow long, an open code fence takes lines and an open table rows without
looking back, and of an open list only the last two items are parsed again.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from app.gui.markdown import (
    Block,
    CodeBlock,
    TableBlock,
    blocks_from_tokens,
    parse,
    tokenize,
)
from app.gui.markdown_open import OpenFence, OpenTable

if TYPE_CHECKING:
    from markdown_it.token import Token

_FENCE = re.compile(r"(`{3,}|~{3,})[^\n]*\n")
_OPEN_FORMULA = re.compile(r" {0,3}(\$\$|\\\[)")
_LATE = re.compile(r"\]:|^[ \t>*+\-\d.)]*(\$\$|\\\[)", re.MULTILINE)
"""Link references and formulas of several lines: what comes later changes what came before."""
_LISTS = ("bullet_list_open", "ordered_list_open")


class StreamingMarkdown:
    """Blocks of a growing text; `blocks[:stable]` will not change until `finish`."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.stable = 0
        self._pieces: list[str] = []
        self._tail = ""
        """What is not in a finished block yet."""
        self._open: OpenFence | OpenTable | None = None
        self._next_number: int | None = None
        """The number of the tail's first item if it goes on with a numbered list."""
        self._looseness: set[bool] = set()
        """Of the parts of the list that is being taken in piece by piece."""
        self._mixed = False
        """A list turned out loose after items of it had been finished as tight."""

    @property
    def text(self) -> str:
        """Everything appended so far."""
        return "".join(self._pieces)

    def append(self, delta: str) -> None:
        """Add what has come since; the cost depends on the open block only."""
        self._pieces.append(delta)
        self._tail += delta.replace("\r", "")
        if self._open:
            self._take_lines(self._open)
        if not self._open:
            self._parse_tail()

    def finish(self) -> tuple[Block, ...]:
        """The blocks of the whole text.

        It is parsed once more only for what the end can change: link references, formulas of
        several lines, the looseness of a list, and half a line under code or a table.
        """
        text = self.text
        half_line = self._open is not None and self._tail
        if half_line or self._mixed or "\r" in text or _LATE.search(text):
            self.blocks = list(parse(text))
        self.stable = len(self.blocks)
        self._tail = ""
        self._open = None
        return tuple(self.blocks)

    def _parse_tail(self) -> None:
        tokens = tokenize(self._tail)
        if self._next_number is not None and tokens and tokens[0].type == "ordered_list_open":
            tokens[0].attrSet("start", self._next_number)
        keep = self._first_open(tokens)
        del self.blocks[self.stable :]
        self.blocks += blocks_from_tokens(tokens[:keep], breaks=True)
        self.stable = len(self.blocks)
        self.blocks += blocks_from_tokens(tokens[keep:], breaks=True)
        self._note_looseness(tokens[:keep], tokens[keep:])
        if keep:
            self._next_number = None
        if tokens:
            self._tail = _after_lines(self._tail, _first_line(tokens[keep]))
        self._take_items(tokens[keep:])
        self._enter(tokens[keep:])

    def _first_open(self, tokens: list[Token]) -> int:
        """Index of the token with which the part begins that may still change."""
        lines = self._tail.split("\n")
        complete = len(lines) - 1
        keep = 0
        for index, token in enumerate(tokens):
            if token.level > 0 or token.nesting < 0:
                continue
            line = _first_line(token)
            if line >= complete:
                break
            keep = index
            if token.type in ("paragraph_open", "heading_open") and _OPEN_FORMULA.match(
                lines[line]
            ):
                break
        return keep

    def _enter(self, tokens: list[Token]) -> None:
        """From an open fence or table on, lines need no parser that looks back."""
        opening = _FENCE.match(self._tail)
        block = self.blocks[-1] if tokens and self.blocks else None
        if len(tokens) == 1 and isinstance(block, CodeBlock) and not block.closed and opening:
            self._tail = self._tail[opening.end() :]
            self._open = OpenFence(opening[1], block)
        elif isinstance(block, TableBlock) and tokens[0].type == "table_open":
            head = _lines(self._tail, 2)
            if head and tokens[-1].type == "table_close" and not tokens[-1].level:
                self._tail = self._tail[len(head) :]
                self._open = OpenTable(head)
        if self._open:
            self._take_lines(self._open)
            if not self._open:
                self._parse_tail()

    def _take_lines(self, opened: OpenFence | OpenTable) -> None:
        self.blocks[-1], self._tail = opened.take(self._tail)
        if opened.closed:
            self._open = None
            self.stable = len(self.blocks)

    def _take_items(self, tokens: list[Token]) -> None:
        """Finish all but the last two items of a list that goes on to the end.

        Two, because a blank line between items makes a list loose, and is seen by both.
        """
        if not tokens or tokens[0].type not in _LISTS or tokens[-1].level:
            return
        if any(token.level == 0 for token in tokens[1:-1]):
            return
        begin, complete = _first_line(tokens[0]), self._tail.count("\n")
        items = [
            index
            for index, token in enumerate(tokens)
            if token.type == "list_item_open"
            and token.level == 1
            and _first_line(token) - begin < complete
        ]
        done = len(items) - 2
        if done < 1:
            return
        cut = items[done]
        self._looseness.add(_is_loose(tokens))
        finished = list(blocks_from_tokens([*tokens[:cut], tokens[-1]], breaks=True))
        self.stable += len(finished)
        if tokens[0].type == "ordered_list_open":
            self._next_number = int(tokens[0].attrGet("start") or 0) if tokens[0].attrs else 1
            self._next_number += done
        self._tail = _after_lines(self._tail, _first_line(tokens[cut]) - begin)

    def _note_looseness(self, closed: list[Token], opened: list[Token]) -> None:
        """Whether the pieces of a list agree; if not, the end puts it right."""
        first = closed or opened
        if self._looseness and first and first[0].type in _LISTS:
            end = next(i for i, t in enumerate(first) if t.level == 0 and t.nesting < 0)
            self._looseness.add(_is_loose(first[: end + 1]))
            self._mixed |= len(self._looseness) > 1
        if closed:
            self._looseness.clear()


def _is_loose(tokens: list[Token]) -> bool:
    """Whether the paragraphs right inside the items of a list are shown apart."""
    return any(t.type == "paragraph_open" and t.level == 2 and not t.hidden for t in tokens)


def _first_line(token: Token) -> int:
    return token.map[0] if token.map else 0


def _lines(text: str, count: int) -> str:
    """The first lines of a text if so many are complete, else ""."""
    if text.count("\n") < count:
        return ""
    return text[: len(text) - len(_after_lines(text, count))]


def _after_lines(text: str, count: int) -> str:
    position = 0
    for _ in range(count):
        position = text.index("\n", position) + 1
    return text[position:]
