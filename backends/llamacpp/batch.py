"""Tokens of several sequences that one call of llama.cpp processes."""

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backends.llamacpp.library import native


class Batch:
    """A native batch. Close it: it is native memory."""

    def __init__(self, capacity: int, embedding_length: int = 0) -> None:
        """With an `embedding_length` it holds embeddings instead of tokens."""
        self.capacity = capacity
        """Tokens it holds at most."""
        self.native: Any = native.llama_batch_init(capacity, embedding_length, 1)

    def __len__(self) -> int:
        return int(self.native.n_tokens)

    def clear(self) -> None:
        """Take everything out."""
        self.native.n_tokens = 0

    def add(self, tokens: Sequence[int], position: int, sequence: int, outputs: int) -> int:
        """Add tokens of a sequence, the first one at `position`; the index of the first.

        The last `outputs` of them get an output to sample from.
        """
        first = len(self)
        for index, token in enumerate(tokens, first):
            self.native.token[index] = token
        self._place(len(tokens), position, sequence, outputs)
        return first

    def add_embeddings(
        self, rows: NDArray[np.float32], position: int, sequence: int, outputs: int
    ) -> None:
        """The same with one embedding a row; the batch must be empty."""
        rows = np.ascontiguousarray(rows)
        ctypes.memmove(self.native.embd, rows.ctypes.data, rows.nbytes)
        self._place(len(rows), position, sequence, outputs)

    def _place(self, count: int, position: int, sequence: int, outputs: int) -> None:
        batch = self.native
        first = int(batch.n_tokens)
        end = first + count
        for index in range(first, end):
            batch.pos[index] = position + index - first
            batch.n_seq_id[index] = 1
            batch.seq_id[index][0] = sequence
            batch.logits[index] = index >= end - outputs
        batch.n_tokens = end

    def close(self) -> None:
        """Free the native memory."""
        if self.native is not None:
            native.llama_batch_free(self.native)
            self.native = None
