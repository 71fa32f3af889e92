"""Tokens of several sequences that one call of llama.cpp processes."""

from collections.abc import Sequence
from typing import Any

from backends.llamacpp.library import native


class Batch:
    """A native batch. Close it: it is native memory."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        """Tokens it holds at most."""
        self.native: Any = native.llama_batch_init(capacity, 0, 1)

    def __len__(self) -> int:
        return int(self.native.n_tokens)

    def clear(self) -> None:
        """Take everything out."""
        self.native.n_tokens = 0

    def add(self, tokens: Sequence[int], position: int, sequence: int, outputs: int) -> int:
        """Add tokens of a sequence, the first one at `position`; the index of the first.

        The last `outputs` of them get an output to sample from.
        """
        batch = self.native
        first = int(batch.n_tokens)
        end = first + len(tokens)
        for index, token in enumerate(tokens, first):
            batch.token[index] = token
            batch.pos[index] = position + index - first
            batch.n_seq_id[index] = 1
            batch.seq_id[index][0] = sequence
            batch.logits[index] = index >= end - outputs
        batch.n_tokens = end
        return first

    def close(self) -> None:
        """Free the native memory."""
        if self.native is not None:
            native.llama_batch_free(self.native)
            self.native = None
