"""Finding words in a chat: over the text of all messages, not over what is on screen."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.gui.message_item import MessageItem

_MARKUP = re.compile(r"\]\([^)\s]*\)|[*_`~]{1,3}|^#{1,6} |^> ?|\[(?=[^\]]*\]\()", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Match:
    """One place where the words stand."""

    message_id: int
    number: int
    """Which of the matches inside its message, from 0."""


class Finder:
    """Remembers the words, the matches, and which of them is looked at."""

    def __init__(self) -> None:
        self.needle = ""
        self.matches: list[Match] = []
        self.current = -1
        self._plain: dict[int, tuple[str, str]] = {}

    def search(self, items: Sequence[MessageItem], needle: str) -> None:
        """Look for words, whatever their case; the last match is the first one looked at."""
        self.needle = needle
        folded = needle.casefold()
        self.matches = [
            Match(item.id, number)
            for item in items
            if folded
            for number in range(self._text(item).count(folded))
        ]
        self.current = len(self.matches) - 1

    def step(self, by: int) -> Match | None:
        """Look at the next (previous) match; goes round at the ends."""
        if not self.matches:
            return None
        self.current = (self.current + by) % len(self.matches)
        return self.match

    @property
    def match(self) -> Match | None:
        """The match looked at."""
        return self.matches[self.current] if self.matches else None

    def _text(self, item: MessageItem) -> str:
        """The text without most of its Markdown, kept between two searches."""
        source, plain = self._plain.get(item.id, ("", ""))
        if source != item.text:
            plain = item.text if item.role == "user" else _MARKUP.sub("", item.text)
            plain = plain.casefold()
            self._plain[item.id] = (item.text, plain)
        return plain
