"""Markdown as one plain line, for lists: what a person reads of it, without the marks."""

import re

_STEPS = tuple(
    (re.compile(pattern), kept)
    for pattern, kept in (
        (r"`{3,}[\w+-]*", " "),  # fences of code, with the language
        (r"`([^`]*)`", r"\1"),
        (r"!?\[([^\]]*)\]\([^)\s]*\)", r"\1"),  # links and pictures
        (r"(?:^|(?<=\s))#{1,6}\s+", ""),
        (r"^\s*(?:>\s*)+", ""),
        (r"^\s*[-*+]\s+", ""),
        (r"\|\s*\|(?:\s*:?-{3,}:?\s*\|)+\s*\|?", "|"),  # the line under a table's head
        (r"(\*{1,3})(?=\S)(.+?)(?<=\S)\1", r"\2"),
        (r"(?<!\w)(_{1,3})(?=\S)(.+?)(?<=\S)\1(?!\w)", r"\2"),
        (r"~~(?=\S)(.+?)(?<=\S)~~", r"\1"),
        (r"(?<!\w)\*\*(?=\S)|(?<=\S)\*\*(?!\w)", ""),  # its other half was cut off
        (r"\s+", " "),
    )
)


def plain_line(markdown: str) -> str:
    """The words of a short piece of Markdown, perhaps cut off, in one line."""
    for pattern, kept in _STEPS:
        markdown = pattern.sub(kept, markdown)
    return markdown.strip()
