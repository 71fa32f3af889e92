"""The part of highlighting that needs Pygments, imported when the first code is shown."""

from collections.abc import Iterator
from functools import lru_cache

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

from app.gui.highlight import Kind, Line

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


def colored(code: str, language: str) -> tuple[Line, ...] | None:
    """The lines of a code block; None for an unknown language."""
    lexer = _lexer(language)
    return tuple(_lines(code, lexer)) if lexer else None


def title(language: str) -> str | None:
    """The name of a language as people write it; None if unknown."""
    lexer = _lexer_class(language)
    return lexer.name if lexer else None


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
