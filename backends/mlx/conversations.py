"""Which cached conversation an answer goes on with, so that little is processed again."""

from collections.abc import Callable

from backends.chat.prefix import keep_cached_ids
from backends.mlx.sequence import KVSequence
from backends.parking_budget import ParkingBudget

SMALL = 16
"""Tokens that are not worth keeping."""


class Conversations:
    """The KV caches of a model. Used by one thread."""

    def __init__(
        self,
        new_sequence: Callable[[], KVSequence],
        piece: Callable[[int], bytes],
        *,
        slots: int,
        idle_budget: ParkingBudget,
    ) -> None:
        """At most `slots` are kept; those that nobody works on stay within `idle_budget`.

        The one that was used last stays whatever its size. `piece` gives the bytes of a token,
        none for a control token.
        """
        self._new_sequence = new_sequence
        self._piece = piece
        self._slots = slots
        self._idle_budget = idle_budget
        self._idle: list[KVSequence] = []
        """Least recently used first."""
        self._busy: list[KVSequence] = []

    @property
    def running(self) -> int:
        """Conversations in which an answer is under way."""
        return len(self._busy)

    @property
    def cached_tokens(self) -> int:
        """Tokens of all conversations."""
        return sum(len(sequence.tokens) for sequence in (*self._idle, *self._busy))

    def forget(self) -> None:
        """Drop the conversations that nobody works on."""
        self._idle.clear()

    def acquire(self, prompt: list[int], conversation: str) -> tuple[KVSequence, list[int]]:
        """A sequence for an answer, cut to what it shares with the prompt, and the prompt.

        Its tokens may differ from `prompt`: where a cached conversation spells the same text with
        other tokens, those are kept.
        """
        source, tokens, shared = self._nearest(prompt)
        if source is None:
            sequence = self._new_sequence()
        elif source in self._idle and self._may_take(source, shared, conversation):
            sequence = source
            self._idle.remove(source)
        else:
            sequence = source.fork()
        sequence.truncate(sequence.reusable(tokens))
        sequence.conversation = conversation
        self._busy.append(sequence)
        self._evict()
        return sequence, tokens

    def release(self, sequence: KVSequence) -> None:
        """Give a sequence back; its tokens stay until the place is needed."""
        if sequence in self._busy:
            self._busy.remove(sequence)
            self._idle.append(sequence)
            self._evict()

    def _nearest(self, prompt: list[int]) -> tuple[KVSequence | None, list[int], int]:
        """The sequence that has most of the prompt, the prompt as it spells it."""
        best, best_tokens, most = None, prompt, 0
        for sequence in (*reversed(self._idle), *self._busy):
            tokens = keep_cached_ids(sequence.tokens, prompt, self._piece)
            shared = sequence.reusable(tokens)
            if shared > most and (sequence in self._idle or sequence.can_go_back):
                best, best_tokens, most = sequence, tokens, shared
        return best, best_tokens, most

    def _may_take(self, source: KVSequence, shared: int, conversation: str) -> bool:
        """Whether nothing of worth is lost if the answer cuts `source` itself."""
        same = bool(conversation) and source.conversation == conversation
        full = len(self._idle) + len(self._busy) >= self._slots
        return same or len(source.tokens) - shared <= SMALL or (full and len(self._idle) == 1)

    def _evict(self) -> None:
        while self._idle and len(self._idle) + len(self._busy) > self._slots:
            del self._idle[0]
        held = sum(sequence.nbytes for sequence in self._idle)
        budget = self._idle_budget.now(held)
        while len(self._idle) > 1 and held > budget:
            held -= self._idle.pop(0).nbytes
