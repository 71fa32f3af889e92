"""Fits a conversation that has outgrown the context.

Whole turns are left out: a message of the person and all that follows it up to the next one. The
system prompt and the last turn always stay. So much is left out at once that the next few turns
leave out the same, and find their prompt in the KV cache.
"""

import math
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

from backends.errors import PromptTooLong
from backends.types import ChatMessage, ContextCut, ContextPolicy

STEP = 0.3
"""Share of the context by which what is left out grows."""
_ROOM_SHARE = 1 / 8
_MOST_ROOM = 256


class Tokenized(Protocol):
    """A prompt whose length can be told."""

    @property
    def tokens(self) -> Sequence[object]:
        """What the model is given."""


P = TypeVar("P", bound=Tokenized)


class ContextFit(Generic[P]):
    """The prompts of one request, longest first."""

    def __init__(
        self,
        build: Callable[[Sequence[ChatMessage]], P],
        messages: Sequence[ChatMessage],
        policy: ContextPolicy,
        length: int,
    ) -> None:
        """`length` is the context in tokens, prompt and answer together."""
        self._build = build
        self._messages = messages
        self._length = length
        starts = _turns(messages)
        keep_first = policy == "truncate_middle"
        self._from = starts[1] if keep_first and len(starts) > 1 else starts[0]
        later = [start for start in starts if start > self._from]
        self._ends = later if policy != "stop" else []
        """Where the part that is left out may end."""
        self._number = 0
        """Of the ends, how many are in use."""

    @property
    def cut(self) -> ContextCut | None:
        """What the last prompt left out."""
        if not self._number:
            return None
        end = self._ends[self._number - 1]
        return ContextCut(end, end - self._from)

    def prompt(self) -> P:
        """The prompt, with as much left out as it takes.

        Raises `PromptTooLong` when the last turn alone is too long, or nothing may be left out.
        """
        whole = self._build(self._messages)
        size = len(whole.tokens)
        room = min(_MOST_ROOM, int(self._length * _ROOM_SHARE))
        if size <= self._length - room or (not self._ends and size < self._length):
            return whole
        step = self._length * STEP
        wanted = math.ceil((size - self._length + room) / step) * step
        found = self._shortened(lambda prompt: len(prompt.tokens) <= size - wanted)
        if found is None or len(found.tokens) >= self._length:
            raise PromptTooLong(
                f"The prompt has {size:,} tokens and the context holds "
                f"{self._length:,}, the answer included."
            )
        return found

    def shorter(self, answer: int) -> P | None:
        """A shorter prompt than the last one, with room for a begun answer of so many tokens."""
        most = self._length * (1 - STEP) - answer
        before = self._number
        found = self._shortened(lambda prompt: len(prompt.tokens) <= most)
        if found is None or self._number == before or len(found.tokens) + answer >= self._length:
            return None
        return found

    def _shortened(self, enough: Callable[[P], bool]) -> P | None:
        """Leave out the fewest turns that are enough, or all that may be; more than before."""
        low, high = self._number + 1, len(self._ends)
        if low > high:
            return None
        best = self._without(high)
        while low < high:
            middle = (low + high) // 2
            prompt = self._without(middle)
            if enough(prompt):
                best, high = prompt, middle
            else:
                low = middle + 1
        self._number = high
        return best

    def _without(self, number: int) -> P:
        return self._build(
            [*self._messages[: self._from], *self._messages[self._ends[number - 1] :]]
        )


def _turns(messages: Sequence[ChatMessage]) -> list[int]:
    """Where turns begin; the system prompt is none."""
    first = 0
    while first < len(messages) - 1 and messages[first].role == "system":
        first += 1
    later = [n for n in range(first + 1, len(messages)) if messages[n].role == "user"]
    return [first, *later]
