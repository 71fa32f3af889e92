"""Which sequence of the KV cache an answer gets, so that as little as possible is processed again.

The cache holds a few sequences. An answer takes the one whose tokens its prompt begins with; the
conversation that has to give way is parked outside the cache and comes back from there. Cells that
two conversations have in common, such as a system prompt, are shared.
"""

from collections.abc import Callable

from backends.chat.prefix import common_prefix, keep_cached_ids
from backends.llamacpp.context import Context
from backends.llamacpp.parking import DiskParking, Parking
from backends.llamacpp.sequence import KVSequence, SavedSequence

SMALL = 16
"""Tokens that are not worth parking."""


class Slots:
    """The sequences of a context. Used by one thread."""

    def __init__(
        self,
        context: Context,
        parking: Parking,
        disk: DiskParking | None,
        piece: Callable[[int], bytes],
    ) -> None:
        """`piece` gives the bytes of a token, none for a control token."""
        self._context = context
        self._parking = parking
        self._disk = disk
        self._piece = piece
        self._idle = [KVSequence(context, number) for number in range(context.slots)]
        """Least recently used first."""
        self._busy: list[KVSequence] = []

    @property
    def free(self) -> int:
        """Answers that can begin now."""
        return len(self._idle)

    @property
    def cached_tokens(self) -> int:
        """Tokens of all sequences in the cache."""
        return sum(len(sequence.tokens) for sequence in (*self._idle, *self._busy))

    @property
    def latest(self) -> KVSequence:
        """The sequence that was given back last."""
        return self._idle[-1]

    def forget(self) -> None:
        """Empty the sequences that nobody works on."""
        for sequence in self._idle:
            sequence.truncate(0)

    def acquire(self, prompt: list[int], conversation: str) -> tuple[KVSequence, list[int]]:
        """A sequence for an answer, cut to what it shares with the prompt, and the prompt.

        Its tokens may differ from `prompt`: where a cached conversation spells the same text with
        other tokens, those are kept. There must be a free slot.
        """
        source, tokens, shared = self._nearest(prompt)
        saved, saved_tokens, parked = self._parked(prompt, conversation, shared)
        if saved is not None:
            sequence = self._destination(None, 0, conversation)
            tokens = saved_tokens
            self._restore(sequence, saved, parked)
        else:
            sequence = self._destination(source, shared, conversation)
            if source is not None and source is not sequence:
                sequence.share(source, shared)
        sequence.truncate(sequence.reusable(tokens))
        self._idle.remove(sequence)
        self._busy.append(sequence)
        sequence.conversation = conversation
        self._parking.trim()
        return sequence, tokens

    def release(self, sequence: KVSequence, *, keep_on_disk: bool = False) -> None:
        """Give a sequence back; its tokens stay until the place is needed."""
        if sequence not in self._busy:
            return
        self._busy.remove(sequence)
        self._idle.append(sequence)
        if keep_on_disk and self._disk is not None and (saved := sequence.save()):
            self._disk.put(saved)
        self._parking.trim()

    def make_room(self) -> bool:
        """Park the least recently used conversation that nobody works on; False without one."""
        for sequence in self._idle:
            if sequence.tokens:
                self._park(sequence)
                return True
        return False

    def _nearest(self, prompt: list[int]) -> tuple[KVSequence | None, list[int], int]:
        """The sequence in the cache that has most of the prompt, the prompt as it spells it."""
        best, best_tokens, most = None, prompt, 0
        for sequence in (*reversed(self._idle), *self._busy):
            tokens = keep_cached_ids(sequence.tokens, prompt, self._piece)
            shared = sequence.reusable(tokens)
            if shared > most:
                best, best_tokens, most = sequence, tokens, shared
        return best, best_tokens, most

    def _parked(
        self, prompt: list[int], conversation: str, least: int
    ) -> tuple[SavedSequence | None, list[int], int]:
        """The parked sequence that has most of the prompt, if that is more than `least` tokens."""
        best, best_tokens, most = None, prompt, least
        kept = None
        if self._disk is not None and not self._holds(conversation):
            kept = self._disk.find(conversation)
        for saved in (*self._parking, *([kept] if kept else ())):
            tokens = keep_cached_ids(saved.tokens, prompt, self._piece)
            shared = min(common_prefix(saved.tokens, tokens), len(tokens) - 1)
            if shared > most:
                best, best_tokens, most = saved, tokens, shared
        return best, best_tokens, most

    def _holds(self, conversation: str) -> bool:
        """Whether a conversation is in main memory: what is on the disk is not newer then.

        A file is worth no look: it is read whole, and may be as large as the cache.
        """
        held = (*self._idle, *self._busy, *self._parking)
        return any(each.conversation == conversation and len(each.tokens) > SMALL for each in held)

    def _restore(self, sequence: KVSequence, saved: SavedSequence, shared: int) -> None:
        while not sequence.restore(saved):
            if not self.make_room():
                return
        if len(saved.tokens) - shared <= SMALL:
            self._parking.take(saved)

    def _destination(self, source: KVSequence | None, shared: int, conversation: str) -> KVSequence:
        """A free sequence: the source itself if nothing of worth is lost, else the oldest one."""
        idle = self._idle
        if source is not None and source in idle:
            same = bool(conversation) and source.conversation == conversation
            if same or len(source.tokens) - shared <= SMALL:
                return source
            if len(idle) == 1:
                self._save(source)
                return source
        empty = next((sequence for sequence in idle if not sequence.tokens), None)
        if empty is not None:
            return empty
        victim = next(sequence for sequence in idle if sequence is not source)
        self._park(victim)
        return victim

    def _park(self, sequence: KVSequence) -> None:
        self._save(sequence)
        sequence.truncate(0)
        sequence.conversation = ""

    def _save(self, sequence: KVSequence) -> None:
        worth = len(sequence.tokens) > SMALL and self._parking.takes(sequence.saved_bytes)
        if worth and (saved := sequence.save()):
            self._parking.put(saved)
