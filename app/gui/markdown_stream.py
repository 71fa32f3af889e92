"""Markdown that is still being written.

Only the text after the last finished top-level block is parsed again; finished blocks never
are. A block counts as finished when another one follows it whose first line is complete,
because a line half written ("#", "-", "``") may yet turn out to belong to the block before.
"""

import re
from dataclasses import replace

from markdown_it.token import Token

from app.gui.markdown import Block, CodeBlock, blocks_from_tokens, parse, tokenize

_FENCE = re.compile(r"(`{3,}|~{3,})[^\n]*\n")
_REFERENCE = re.compile(r"\]:")
_OPEN_FORMULA = re.compile(r" {0,3}(\$\$|\\\[)")


class StreamingMarkdown:
    """Blocks of a growing text; `blocks[:stable]` will not change until `finish`."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.stable = 0
        self._pieces: list[str] = []
        self._tail = ""
        """What is not in a finished block yet."""
        self._fence: _OpenFence | None = None

    @property
    def text(self) -> str:
        """Everything appended so far."""
        return "".join(self._pieces)

    def append(self, delta: str) -> None:
        """Add what has come since; the cost depends on the open block only."""
        self._pieces.append(delta)
        self._tail += delta.replace("\r", "")
        if self._fence:
            self._take_code(self._fence)
        if not self._fence:
            self._parse_tail()

    def finish(self) -> tuple[Block, ...]:
        """The blocks of the whole text.

        It is parsed once more only for what the end can change: link references, which may
        come after their use, and the last block.
        """
        text = self.text
        if self._fence or "\r" in text or _REFERENCE.search(text):
            self.blocks = list(parse(text))
        self.stable = len(self.blocks)
        self._tail = ""
        self._fence = None
        return tuple(self.blocks)

    def _parse_tail(self) -> None:
        tokens = tokenize(self._tail)
        keep = self._first_open(tokens)
        del self.blocks[self.stable :]
        self.blocks += blocks_from_tokens(tokens[:keep], breaks=True)
        self.stable = len(self.blocks)
        self.blocks += blocks_from_tokens(tokens[keep:], breaks=True)
        if keep:
            self._tail = _after_lines(self._tail, _first_line(tokens[keep]))
        self._enter_fence(tokens[keep:])

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
            if token.type == "paragraph_open" and _OPEN_FORMULA.match(lines[line]):
                break
        return keep

    def _enter_fence(self, tokens: list[Token]) -> None:
        """From an open fence on, lines are code and need no parser until it closes."""
        code = self.blocks[-1] if len(tokens) == 1 else None
        opening = _FENCE.match(self._tail)
        if isinstance(code, CodeBlock) and not code.closed and opening:
            self._tail = self._tail[opening.end() :]
            self._fence = _OpenFence(opening[1], code)
            self._take_code(self._fence)

    def _take_code(self, fence: "_OpenFence") -> None:
        self.blocks[-1], self._tail = fence.take(self._tail)
        if fence.closed:
            self._fence = None
            self.stable = len(self.blocks)


class _OpenFence:
    """A fenced code block whose closing mark has not come."""

    def __init__(self, mark: str, code: CodeBlock) -> None:
        self.closed = False
        self._code = code
        self._mark = mark[0]
        self._closing = re.compile(rf" {{0,3}}{re.escape(mark[0])}{{{len(mark)},}}[ \t]*$")
        self._lines = ""
        """The complete lines."""

    def take(self, text: str) -> tuple[CodeBlock, str]:
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


def _first_line(token: Token) -> int:
    return token.map[0] if token.map else 0


def _after_lines(text: str, count: int) -> str:
    position = 0
    for _ in range(count):
        position = text.index("\n", position) + 1
    return text[position:]
