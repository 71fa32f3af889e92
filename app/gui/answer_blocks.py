"""The blocks of an answer: Markdown, or one block of code where all of it is JSON."""

import json
from collections.abc import Sequence

from app.gui.markdown import Block, CodeBlock, parse

JSON_FENCE = "```json\n"
"""In Markdown, what JSON has to follow to be shown as code."""


def answer_blocks(text: str) -> Sequence[Block]:
    """The blocks of a whole answer."""
    return (CodeBlock(text.strip(), "json"),) if is_json(text) else parse(text)


def is_json(text: str) -> bool:
    """Whether the whole text is one JSON object or array."""
    if not text.lstrip().startswith(("{", "[")):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
