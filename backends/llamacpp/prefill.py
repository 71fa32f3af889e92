"""Processes prompts: in chunks, telling how far it is, and stopping within a graph if asked."""

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait

from backends.llamacpp.context import Context
from backends.llamacpp.library import native
from backends.llamacpp.sequence import KVSequence

PROGRESS_SECONDS = 0.15
"""How often progress is told, also while a chunk is in work."""
_SMALLEST_CHUNK = 32
_CHUNK_SECONDS = 4.0
"""A chunk is at most this much work: a cancel waits for one node of its graph (some 1 %)."""


class PromptProcessor:
    """Runs the chunks of a prompt on a thread of its own, so that the caller can report.

    The context is still touched by one thread at a time: the caller only waits. llama.cpp calls
    back after every node of a graph, which serves both as the abort switch and, counted against
    the nodes of the chunk before, as the measure of progress within a chunk. GPU backends do not
    call back; chunks are then kept so short that stopping between them is enough.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="prompt")
        self._callback = native.ggml_abort_callback(self._after_node)
        self._cancelled = threading.Event()
        self._abandoned = False
        self._nodes = 0
        self._nodes_per_chunk = 0
        self._chunk_size = _SMALLEST_CHUNK

    def run(
        self, sequence: KVSequence, prompt: Sequence[int], cancelled: threading.Event
    ) -> Iterator[int]:
        """Extend `sequence` to the whole `prompt`; yields the tokens processed.

        Ends early, with the sequence shorter than the prompt, once `cancelled` is set. Between
        two values pass at most about `PROGRESS_SECONDS`. Raises `EngineFailure`.
        """
        self.watch(cancelled)
        try:
            while len(sequence.tokens) < len(prompt) and not cancelled.is_set():
                start = len(sequence.tokens)
                chunk = list(prompt[start : start + self._chunk_size])
                yield from self._chunk(sequence, chunk)
                if len(sequence.tokens) > start:
                    yield len(sequence.tokens)
        finally:
            self._context.watch(None)

    def watch(self, cancelled: threading.Event) -> None:
        """Let `cancelled` abort a running graph, until `context.watch(None)`."""
        self._cancelled, self._abandoned = cancelled, False
        self._context.watch(self._callback)

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown()

    def _chunk(self, sequence: KVSequence, chunk: list[int]) -> Iterator[int]:
        start, began = len(sequence.tokens), time.perf_counter()
        self._nodes = 0
        job = self._thread.submit(sequence.extend, chunk)
        try:
            while wait([job], PROGRESS_SECONDS).not_done:
                yield start + self._tokens_done(len(chunk))
        finally:
            self._abandoned = not job.done()
            wait([job])
        if job.result():
            self._nodes_per_chunk = self._nodes
            self._adapt(len(chunk), time.perf_counter() - began)

    def _tokens_done(self, chunk: int) -> int:
        if not self._nodes_per_chunk:
            return 0
        return min(chunk * self._nodes // self._nodes_per_chunk, chunk - 1)

    def _adapt(self, tokens: int, seconds: float) -> None:
        limit = _CHUNK_SECONDS if self._nodes_per_chunk else PROGRESS_SECONDS
        wanted = int(tokens / max(seconds, 1e-6) * limit)
        self._chunk_size = max(_SMALLEST_CHUNK, min(wanted, self._context.batch_size))

    def _after_node(self, _data: object) -> bool:
        self._nodes += 1
        return self._abandoned or self._cancelled.is_set()
