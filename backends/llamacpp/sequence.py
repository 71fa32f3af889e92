"""One sequence of tokens in the KV cache, and the ways it grows, shrinks and moves."""

import ctypes
from dataclasses import dataclass

from backends.chat.prefix import common_prefix
from backends.llamacpp.context import Context
from backends.llamacpp.library import native


@dataclass(frozen=True, eq=False)
class SavedSequence:
    """A sequence outside the KV cache."""

    tokens: list[int]
    data: bytes
    """llama.cpp's own form; fits the same model with the same KV types only."""
    conversation: str = ""


class KVSequence:
    """The tokens that the KV cache holds for one sequence id.

    `tokens` mirrors the cache at any time, after failures and aborts too.
    """

    def __init__(self, context: Context, number: int = 0) -> None:
        self._context = context
        self.number = number
        self.tokens: list[int] = []
        self.conversation = ""
        """Whose tokens they are; empty if nobody said."""

    def reusable(self, prompt: list[int]) -> int:
        """Number of the sequence's leading tokens that an answer to `prompt` can begin with.

        The last token of the prompt never counts: its output is what is sampled from.
        """
        shared = min(common_prefix(self.tokens, prompt), len(prompt) - 1)
        if shared < len(self.tokens) and not self._reaches_back_to(shared):
            return 0
        return shared

    def _reaches_back_to(self, length: int) -> bool:
        """Whether the cache can be cut to `length` tokens."""
        context = self._context
        if context.recurrent:
            return False
        if not context.window:
            return True
        # A windowed cache has dropped old tokens: the window before the new end must be there.
        oldest = native.llama_memory_seq_pos_min(context.memory, self.number)
        return bool(oldest <= max(0, length - context.window - 1))

    def truncate(self, length: int) -> None:
        """Forget the tokens from `length` on; all of them where the model cannot forget a part."""
        memory = self._context.memory
        if not native.llama_memory_seq_rm(memory, self.number, length, -1):
            native.llama_memory_seq_rm(memory, self.number, -1, -1)
            length = 0
        del self.tokens[length:]

    def share(self, source: "KVSequence", length: int) -> None:
        """Become the first `length` tokens of another sequence, whose cells are used by both."""
        self.truncate(0)
        native.llama_memory_seq_cp(self._context.memory, source.number, self.number, 0, length)
        self.tokens = source.tokens[:length]

    @property
    def saved_bytes(self) -> int:
        """Bytes of memory that a copy outside the cache takes."""
        return int(native.llama_state_seq_get_size(self._context.handle, self.number))

    def save(self) -> SavedSequence | None:
        """A copy of the sequence outside the cache; None where there is nothing to keep."""
        size = self.saved_bytes
        if not self.tokens or not size:
            return None
        buffer = (ctypes.c_uint8 * size)()
        written = native.llama_state_seq_get_data(self._context.handle, buffer, size, self.number)
        if not written:
            return None
        return SavedSequence(
            list(self.tokens), ctypes.string_at(buffer, written), self.conversation
        )

    def restore(self, saved: SavedSequence) -> bool:
        """Become a saved sequence; False if there is no room, and then the sequence is empty."""
        self.truncate(0)
        size = len(saved.data)
        buffer = (ctypes.c_uint8 * size).from_buffer_copy(saved.data)
        if not native.llama_state_seq_set_data(self._context.handle, buffer, size, self.number):
            self.truncate(0)
            return False
        self.tokens = list(saved.tokens)
        self.conversation = saved.conversation
        return True
