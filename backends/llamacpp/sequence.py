"""One sequence of tokens in the KV cache, and the ways it grows and shrinks."""

from collections.abc import Sequence

from backends.llamacpp.context import Context
from backends.llamacpp.library import native
from backends.llamacpp.prefix import common_prefix


class KVSequence:
    """The tokens that the KV cache holds for one sequence id.

    `tokens` mirrors the cache at any time, after failures and aborts too.
    """

    def __init__(self, context: Context, number: int = 0) -> None:
        self._context = context
        self._number = number
        self._batch_is_single = False
        self.tokens: list[int] = []

    @property
    def full(self) -> bool:
        """No further token fits."""
        return len(self.tokens) >= self._context.length

    def reuse(self, prompt: Sequence[int]) -> int:
        """Cut the sequence to what it shares with `prompt`; the number of tokens kept.

        The last token of the prompt is never kept: its output is what is sampled from.
        """
        shared = min(common_prefix(self.tokens, prompt), len(prompt) - 1)
        if shared < len(self.tokens) and not self._window_reaches(shared):
            shared = 0
        self.truncate(shared)
        return len(self.tokens)

    def _window_reaches(self, length: int) -> bool:
        # A windowed cache has dropped old tokens: going back is possible only while the window
        # before the new end is still there.
        context = self._context
        if not context.window:
            return True
        oldest = native.llama_memory_seq_pos_min(context.memory, self._number)
        return bool(oldest <= max(0, length - context.window - 1))

    def truncate(self, length: int) -> None:
        """Forget the tokens from `length` on; all of them where the model cannot forget a part."""
        memory = self._context.memory
        if not native.llama_memory_seq_rm(memory, self._number, length, -1):
            native.llama_memory_seq_rm(memory, self._number, -1, -1)
            length = 0
        del self.tokens[length:]

    def extend(self, tokens: list[int]) -> bool:
        """Process a chunk of a prompt; False if it was aborted, and then nothing is added."""
        self._batch_is_single = False
        self._context.fill(tokens, len(self.tokens), self._number)
        return self._run(tokens)

    def append(self, token: int) -> bool:
        """Process one generated token: the path that runs for every token of an answer."""
        if self._batch_is_single:
            self._context.refill(token, len(self.tokens))
        else:
            self._context.fill([token], len(self.tokens), self._number)
            self._batch_is_single = True
        return self._run([token])

    def _run(self, tokens: list[int]) -> bool:
        done = False
        try:
            done = self._context.decode()
        finally:
            if done:
                self.tokens += tokens
            else:
                self.truncate(len(self.tokens))
        return done
