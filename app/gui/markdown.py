"""Markdown to a flat list of blocks. No Qt here, no HTML anywhere.

Answers are CommonMark with tables, strikethrough and TeX formulas ($…$, $$…$$, \\(…\\), \\[…\\]).
HTML in the source stays text and images become links, so nothing an answer contains can load
or run anything: the widgets build their documents from these blocks, never from markup.

The parser is imported with the first text, so that the window is there sooner.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

LINK_SCHEMES = frozenset({"http", "https", "mailto"})
PARSED_CHARACTERS = 200_000
"""What is parsed of one text; anything beyond is shown as it is."""
MAX_NESTING = 20
Align = Literal["left", "center", "right"]

_BARE_LINK = re.compile(r"https?://[^\s<>\"'`\[\]{}|\\^]*[^\s<>\"'`\[\]{}|\\^.,;:!?)]")
_TASK = re.compile(r"\[([ xX])\] ")


@dataclass(frozen=True, slots=True)
class Span:
    """A run of characters of one style. A line break inside a block is the text "\\n"."""

    text: str
    bold: bool = False
    italic: bool = False
    strike: bool = False
    code: bool = False
    math: bool = False
    """The text is the TeX source of a formula inside the line."""
    image: bool = False
    """The text describes an image that is not loaded; `link` is its address."""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a block stands among lists and quotations."""

    indent: int = 0
    """Lists around it."""
    ordered: int = 0
    """How many of them are numbered."""
    quote: int = 0
    """Quotations around it."""


@dataclass(frozen=True, slots=True)
class TextBlock:
    """A paragraph, a heading, or the first paragraph of a list item."""

    spans: tuple[Span, ...]
    heading: int = 0
    """1 to 6, or 0 for a paragraph."""
    marker: str = ""
    """Bullet or number if a list item begins here."""
    tight: bool = False
    """An item of a list without blank lines."""
    place: Place = Place()


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """A fenced or indented code block."""

    text: str
    """Without the last line's end."""
    language: str = ""
    closed: bool = True
    """False while the closing fence has not come."""
    place: Place = Place()


@dataclass(frozen=True, slots=True)
class TableBlock:
    """A table; every row has as many cells as the head."""

    head: tuple[tuple[Span, ...], ...]
    rows: tuple[tuple[tuple[Span, ...], ...], ...]
    align: tuple[Align, ...]
    place: Place = Place()


@dataclass(frozen=True, slots=True)
class MathBlock:
    """A formula on lines of its own."""

    tex: str
    place: Place = Place()


@dataclass(frozen=True, slots=True)
class RuleBlock:
    """A line between two parts of a text."""

    place: Place = Place()


Block = TextBlock | CodeBlock | TableBlock | MathBlock | RuleBlock


def parse(text: str, *, breaks: bool = True) -> tuple[Block, ...]:
    """The blocks of a Markdown text; never raises.

    `breaks` keeps the line ends of the source, as in a chat; without it they are spaces, as in
    hard-wrapped model cards.
    """
    head, rest = text[:PARSED_CHARACTERS], text[PARSED_CHARACTERS:]
    blocks = tuple(blocks_from_tokens(tokenize(head), breaks=breaks))
    if rest:
        blocks += (TextBlock(spans=tuple(plain_spans(rest))),)
    return blocks


def tokenize(text: str) -> list[Token]:
    """The block tokens of markdown-it; their `map` holds source lines."""
    return _parser().parse(text.replace("\r\n", "\n"))


def plain_spans(text: str) -> Iterator[Span]:
    """A text that is not Markdown: its lines and the addresses in it."""
    for number, line in enumerate(text.split("\n")):
        if number:
            yield Span("\n")
        yield from _with_bare_links(Span(line))


def allowed_link(address: str) -> bool:
    """Whether a link may be offered at all: http, https and mailto only."""
    try:
        return urlsplit(address.strip()).scheme.lower() in LINK_SCHEMES
    except ValueError:
        return False


def plain_text(block: Block) -> str:
    """What a person reads of a block."""
    if isinstance(block, TextBlock):
        return _text_of(block.spans)
    if isinstance(block, CodeBlock):
        return block.text
    if isinstance(block, MathBlock):
        return block.tex
    if isinstance(block, TableBlock):
        return "\n".join("\t".join(map(_text_of, row)) for row in (block.head, *block.rows))
    return ""


def _text_of(spans: Sequence[Span]) -> str:
    return "".join(span.text for span in spans)


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt
    from mdit_py_plugins.dollarmath import dollarmath_plugin

    from app.gui.markdown_math import bracket_math_plugin

    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": MAX_NESTING})
    parser.enable(["table", "strikethrough"])
    parser.use(
        dollarmath_plugin,
        allow_labels=False,
        allow_space=False,
        allow_digits=False,
        double_inline=True,
    )
    parser.use(bracket_math_plugin)
    return parser


@dataclass
class _List:
    ordered: bool
    number: int
    item_begins: bool = False

    def marker(self) -> str:
        if not self.ordered:
            return "•"
        self.number += 1
        return f"{self.number - 1}."


class _Flattener:
    """Walks the nested tokens once and keeps the lists and quotations that are open."""

    def __init__(self, breaks: bool) -> None:
        self.breaks = breaks
        self.lists: list[_List] = []
        self.quotes = 0

    def place(self) -> Place:
        ordered = sum(each.ordered for each in self.lists)
        return Place(len(self.lists), ordered, self.quotes)

    def walk(self, tokens: Sequence[Token]) -> Iterator[Block]:
        position = 0
        while position < len(tokens):
            token = tokens[position]
            position += 1
            if self._enter_or_leave(token):
                continue
            if token.type == "list_item_close":
                yield from self._marker_alone()
            elif token.type == "paragraph_open":
                yield self._text(self._spans(tokens[position]), tight=token.hidden)
            elif token.type == "heading_open":
                yield self._text(self._spans(tokens[position]), heading=int(token.tag[1]))
            elif token.type == "table_open":
                yield from self._marker_alone()
                end = _closing(tokens, position, "table_close")
                yield self._table(tokens[position:end])
                position = end
            elif token.type in ("fence", "code_block", "math_block", "hr"):
                yield from self._marker_alone()
                yield self._leaf_block(token)

    def _enter_or_leave(self, token: Token) -> bool:
        """Keep track of lists and quotations; False for every other token."""
        match token.type:
            case "bullet_list_open" | "ordered_list_open":
                start = int(token.attrGet("start") or 0) if "start" in token.attrs else 1
                self.lists.append(_List(token.type == "ordered_list_open", start))
            case "bullet_list_close" | "ordered_list_close":
                self.lists.pop()
            case "list_item_open":
                self.lists[-1].item_begins = True
            case "blockquote_open":
                self.quotes += 1
            case "blockquote_close":
                self.quotes -= 1
            case _:
                return False
        return True

    def _leaf_block(self, token: Token) -> Block:
        if token.type == "math_block":
            return MathBlock(token.content.strip(), self.place())
        return RuleBlock(self.place()) if token.type == "hr" else self._code(token)

    def _spans(self, inline: Token) -> tuple[Span, ...]:
        return tuple(_spans(inline.children or (), breaks=self.breaks))

    def _text(self, spans: tuple[Span, ...], *, heading: int = 0, tight: bool = False) -> TextBlock:
        marker = ""
        if self.lists and self.lists[-1].item_begins:
            self.lists[-1].item_begins = False
            marker = self.lists[-1].marker()
            marker, spans = _task_marker(marker, spans)
        return TextBlock(spans, heading, marker, tight and bool(self.lists), self.place())

    def _marker_alone(self) -> Iterator[TextBlock]:
        """The bullet of an item that begins with something other than text, or is empty."""
        if self.lists and self.lists[-1].item_begins:
            yield self._text((), tight=True)

    def _code(self, token: Token) -> CodeBlock:
        lines = token.content.count("\n") + bool(token.content and token.content[-1] != "\n")
        begin, end = token.map or (0, lines + 2)
        closed = token.type == "code_block" or end - begin >= lines + 2
        words = token.info.split(maxsplit=1)
        return CodeBlock(
            token.content.removesuffix("\n"), words[0] if words else "", closed, self.place()
        )

    def _table(self, tokens: Sequence[Token]) -> TableBlock:
        rows: list[list[tuple[Span, ...]]] = []
        align: list[Align] = []
        for token in tokens:
            if token.type == "tr_open":
                rows.append([])
            elif token.type == "th_open":
                align.append(_alignment(token))
            elif token.type == "inline":
                rows[-1].append(self._spans(token))
        head, *body = (tuple(row) for row in rows)
        return TableBlock(head, tuple(body), tuple(align), self.place())


def blocks_from_tokens(tokens: Sequence[Token], *, breaks: bool) -> Iterator[Block]:
    """Flatten nested block tokens; each block knows its place."""
    return _Flattener(breaks).walk(tokens)


def _closing(tokens: Sequence[Token], start: int, kind: str) -> int:
    return next(i for i in range(start, len(tokens)) if tokens[i].type == kind)


def _alignment(token: Token) -> Align:
    style = str(token.attrGet("style") or "")
    if "right" in style:
        return "right"
    return "center" if "center" in style else "left"


def _task_marker(marker: str, spans: tuple[Span, ...]) -> tuple[str, tuple[Span, ...]]:
    """Turn the "[ ] " of a task list into its box."""
    found = _TASK.match(spans[0].text) if spans else None
    if marker != "•" or not found:
        return marker, spans
    rest = replace(spans[0], text=spans[0].text[found.end() :])
    return ("☐" if found[1] == " " else "☑"), (rest, *spans[1:])


def _spans(tokens: Sequence[Token], *, breaks: bool) -> Iterator[Span]:
    style: dict[str, Any] = {}
    depth = {"strong": 0, "em": 0, "s": 0}
    names = {"strong": "bold", "em": "italic", "s": "strike"}
    for token in tokens:
        name, _, end = token.type.rpartition("_")
        if name in depth:
            depth[name] += 1 if end == "open" else -1
            style[names[name]] = depth[name] > 0
        elif token.type == "link_open":
            address = str(token.attrGet("href") or "")
            style["link"] = address if allowed_link(address) else ""
        elif token.type == "link_close":
            style["link"] = ""
        else:
            yield from _leaf(token, style, breaks)


def _leaf(token: Token, style: dict[str, Any], breaks: bool) -> Iterator[Span]:
    match token.type:
        case "softbreak":
            yield Span("\n" if breaks else " ", **style)
        case "hardbreak":
            yield Span("\n")
        case "code_inline":
            yield Span(token.content, **{**style, "code": True})
        case "math_inline" | "math_inline_double":
            yield Span(token.content.strip(), **{**style, "math": True})
        case "image":
            address = str(token.attrGet("src") or "")
            words = token.content or address.rpartition("/")[2]
            link = address if allowed_link(address) else ""
            yield Span(words, **{**style, "image": True, "link": link})
        case _ if token.content:
            yield from _with_bare_links(Span(token.content, **style))


def _with_bare_links(span: Span) -> Iterator[Span]:
    """Make an address typed into the text a link of its own."""
    if span.link or "://" not in span.text:
        if span.text:
            yield span
        return
    position = 0
    for found in _BARE_LINK.finditer(span.text):
        if found.start() > position:
            yield replace(span, text=span.text[position : found.start()])
        yield replace(span, text=found[0], link=found[0])
        position = found.end()
    if position < len(span.text):
        yield replace(span, text=span.text[position:])
