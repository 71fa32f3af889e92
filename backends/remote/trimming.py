"""Leaves out old turns of a conversation that the server says is too long.

Nobody but the server knows how long it may be, so it is asked again with less, a third of the
text at a time. Whole turns go: a message of the person and all that follows it up to the next
one. The system prompt and the last turn always stay.
"""

from collections.abc import Sequence

from backends.types import ChatMessage, ContextCut, ContextPolicy

_SHARE = 1 / 3
"""Of the text that is left, what goes at the next try at least."""


class Trimming:
    """The shorter and shorter forms of one conversation."""

    def __init__(self, messages: Sequence[ChatMessage], policy: ContextPolicy) -> None:
        self._messages = tuple(messages)
        first = 0
        while first < len(messages) - 1 and messages[first].role == "system":
            first += 1
        starts = [at for at in range(first + 1, len(messages)) if messages[at].role == "user"]
        keep_first = policy == "truncate_middle" and bool(starts)
        self._from = starts[0] if keep_first else first
        """Where the gap begins."""
        self._ends = [at for at in starts if at > self._from] if policy != "stop" else []
        """Where it may end."""
        self._end = self._from
        """Where it ended last."""

    def shorter(self) -> tuple[tuple[ChatMessage, ...], ContextCut] | None:
        """Less than before, and what is left out; None when no more may go."""
        if not self._ends:
            return None
        left = self._left(self._end)
        enough = [end for end in self._ends if self._left(end) <= left * (1 - _SHARE)]
        self._end = enough[0] if enough else self._ends[-1]
        self._ends = [end for end in self._ends if end > self._end]
        kept = self._messages[: self._from] + self._messages[self._end :]
        return kept, ContextCut(self._end, self._end - self._from)

    def _left(self, end: int) -> int:
        """Characters that remain when the gap ends there."""
        kept = self._messages[: self._from] + self._messages[end:]
        return sum(map(_size, kept))


def _size(message: ChatMessage) -> int:
    calls = sum(len(call.arguments) for call in message.tool_calls)
    return len(message.content) + len(message.reasoning) + calls
