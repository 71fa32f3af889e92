"""Colours of code: Pygments tokens as the few kinds of words that the design knows."""

from typing import Literal

Kind = Literal["", "keyword", "string", "func", "number", "type", "comment"]
Line = tuple[tuple[str, Kind], ...]
"""One line of code as (text, kind of word); "" is plain text."""

HIGHLIGHTED_CHARACTERS = 200_000
"""Longer code stays plain."""


def highlight(code: str, language: str) -> tuple[Line, ...]:
    """The lines of a code block; an unknown language gives plain lines."""
    if language and len(code) <= HIGHLIGHTED_CHARACTERS:
        from app.gui.highlight_words import colored

        if (lines := colored(code, language)) is not None:
            return lines
    return tuple(_plain(line) for line in code.split("\n"))


def language_title(language: str) -> str:
    """The name of a language as people write it: "Python", "C++"; as given if unknown."""
    from app.gui.highlight_words import title

    return title(language) or language


def _plain(line: str) -> Line:
    return ((line, ""),) if line else ()
