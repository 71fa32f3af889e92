"""Colours of code: Pygments tokens as the few kinds of words that the design knows."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Literal

from pygments.lexer import Lexer
from pygments.lexers import find_lexer_class_by_name, get_lexer_by_name
from pygments.token import (
    Comment,
    Keyword,
    Name,
    Number,
    Operator,
    String,
    _TokenType,
    is_token_subtype,
)
from pygments.token import Literal as LiteralToken
from pygments.util import ClassNotFound

Kind = Literal["", "keyword", "string", "func", "number", "type", "comment"]
Line = tuple[tuple[str, Kind], ...]
"""One line of code as (text, kind of word); "" is plain text."""

HIGHLIGHTED_CHARACTERS = 200_000
"""Longer code stays plain."""

_KINDS: tuple[tuple[_TokenType, Kind], ...] = (
    (Comment.Preproc, "keyword"),
    (Comment, "comment"),
    (Keyword.Type, "type"),
    (Keyword, "keyword"),
    (Operator.Word, "keyword"),
    (String, "string"),
    (Number, "number"),
    (LiteralToken, "number"),
    (Name.Class, "type"),
    (Name.Exception, "type"),
    (Name.Function, "func"),
    (Name.Decorator, "func"),
    (Name.Builtin.Pseudo, "keyword"),
    (Name.Tag, "keyword"),
    (Name.Attribute, "func"),
)
_TYPES = frozenset(
    {"bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset"}
    | {"int", "list", "object", "set", "str", "tuple", "type"}
)


def highlight(code: str, language: str) -> tuple[Line, ...]:
    """The lines of a code block; an unknown language gives plain lines."""
    if not language or len(code) > HIGHLIGHTED_CHARACTERS:
        return tuple(_plain(line) for line in code.split("\n"))
    lexer = _lexer(language)
    if lexer is None:
        return tuple(_plain(line) for line in code.split("\n"))
    return tuple(_lines(code, lexer))


def language_title(language: str) -> str:
    """The name of a language as people write it: "Python", "C++"; as given if unknown."""
    lexer = _lexer_class(language)
    return lexer.name if lexer else language


def _plain(line: str) -> Line:
    return ((line, ""),) if line else ()


@lru_cache(maxsize=64)
def _lexer_class(language: str) -> type[Lexer] | None:
    try:
        return find_lexer_class_by_name(language)
    except ClassNotFound:
        return None


def _lexer(language: str) -> Lexer | None:
    try:
        return get_lexer_by_name(language, ensurenl=False, stripnl=False)
    except ClassNotFound:
        return None


def _lines(code: str, lexer: Lexer) -> Iterator[Line]:
    line: list[tuple[str, Kind]] = []
    tokens = list(lexer.get_tokens(code))
    for position, (token, text) in enumerate(tokens):
        called = position + 1 < len(tokens) and tokens[position + 1][1].startswith("(")
        kind = _kind(token, text, called)
        first, *others = text.split("\n")
        if first:
            line.append((first, kind))
        for other in others:
            yield tuple(line)
            line = [(other, kind)] if other else []
    yield tuple(line)


def _kind(token: _TokenType, text: str, called: bool) -> Kind:
    for parent, kind in _KINDS:
        if is_token_subtype(token, parent):
            return kind
    if is_token_subtype(token, Name.Builtin):
        return "type" if text in _TYPES else "func"
    return "func" if called and is_token_subtype(token, Name) else ""
