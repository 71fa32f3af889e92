"""Markdown as one plain line, for lists: what a person reads of it, without the marks."""

import re

_CODE = re.compile(r"`{3,}[\w+-]*(?P<block>.*?)(?:`{3,}|\Z)|`(?P<span>[^`]*)`", re.DOTALL)
_HIDDEN = {ord(mark): 0xE000 + ord(mark) for mark in "#*+-<>[]_|~"}
"""In code these are no marks: they stand aside, as characters that no text has."""
_SHOWN = {hidden: mark for mark, hidden in _HIDDEN.items()}

_LETTER = "[^\\W\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
"""A letter or digit that an asterisk beside it belongs to, as in 2*3. Not of scripts that put no
space between words or add endings to what is marked, such as Chinese or Korean."""

_STEPS = tuple(
    (re.compile(pattern, re.MULTILINE), kept)
    for pattern, kept in (
        (r"!?\[([^\]]*)\]\([^)\s]*\)", r"\1"),  # links and pictures
        (r"(?:^|(?<=\s))#{1,6}\s+", ""),
        (r"^\s*(?:>\s*)+", ""),
        (r"^\s*(?:[-*+]|\d{1,3}[.)])\s+", ""),
        (r"\|\s*\|(?:\s*:?-{3,}:?\s*\|)+\s*\|?", "|"),  # the line under a table's head
        (rf"(?<!{_LETTER})(?<!\*)(\*{{1,3}})(?=[^\s*])(.+?)(?<=[^\s*])\1(?!{_LETTER}|\*)", r"\2"),
        (r"(?<!\w)(_{1,3})(?=[^\s_])(.+?)(?<=[^\s_])\1(?!\w)", r"\2"),
        (r"(?<!\w)~~(?=\S)(.+?)(?<=\S)~~(?!\w)", r"\1"),
        (r"\s+", " "),
    )
)


def plain_line(markdown: str) -> str:
    """The words of a short piece of Markdown, perhaps cut off, in one line.

    A mark goes only where its other half is there; one inside a word, as in 2**8, is none.
    """
    text = _CODE.sub(_code, markdown)
    for pattern, kept in _STEPS:
        text = pattern.sub(kept, text)
    return text.translate(_SHOWN).strip()


def _code(found: re.Match[str]) -> str:
    block, span = found["block"], found["span"]
    return (f" {block} " if span is None else span).translate(_HIDDEN)
