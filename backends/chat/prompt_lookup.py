"""Guessing by repetition how a text goes on."""

from collections.abc import Sequence

LOOKUP_LENGTH = 3
"""Tokens that must agree before what followed them is guessed again."""


class PromptLookup:
    """Guesses that what followed the last few tokens before follows them again.

    Good for answers that quote their prompt: summaries, corrections, code edits. One object for
    each answer. Method: prompt lookup decoding (Saxena 2023).
    """

    def __init__(self, length: int = LOOKUP_LENGTH) -> None:
        self._length = length
        self._after: dict[tuple[int, ...], int] = {}
        """Where a text of `length` tokens was followed by something, the last place."""
        self._known = 0

    def draft(self, tokens: Sequence[int], limit: int) -> list[int]:
        """At most `limit` tokens that may follow `tokens`."""
        length = self._length
        if len(tokens) < self._known:  # the prompt was replaced by a shorter one
            self._after.clear()
            self._known = 0
        for end in range(max(self._known, length), len(tokens)):
            self._after[tuple(tokens[end - length : end])] = end
        self._known = len(tokens)
        at = self._after.get(tuple(tokens[-length:]))
        return [] if at is None else list(tokens[at : at + limit])
