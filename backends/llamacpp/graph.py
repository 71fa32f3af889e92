"""Runs batches through llama.cpp: on a thread of its own where somebody waits for news."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

from backends.llamacpp.batch import Batch
from backends.llamacpp.context import Context, Decoded
from backends.llamacpp.library import native

PROGRESS_SECONDS = 0.15
"""How long `poll` waits, so that progress can be told."""
SLOW_SECONDS = 0.1
"""A graph that takes longer can be aborted; for faster ones a cancel waits until it is done."""


class GraphRunner:
    """Runs one batch at a time; the context is touched by one thread at a time.

    llama.cpp calls back after every node of a graph. That serves as the abort switch and, counted
    against the nodes of the batch before, as the measure of progress within a batch. GPU backends
    do not call back; batches must then be so short that stopping between them is enough.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="graph")
        self._callback = native.ggml_abort_callback(self._after_node)
        self._watching = False
        self._switches: Sequence[threading.Event] = ()
        self._abandoned = False
        self._nodes = 0
        self._nodes_per_batch = 0
        self._job: Future[Decoded] | None = None
        self._began = 0.0
        self.seconds = 0.0
        """Time that the last batch took."""

    @property
    def counts_nodes(self) -> bool:
        """Whether the backend calls back, as far as is known."""
        return self._nodes_per_batch > 0

    @property
    def fraction(self) -> float:
        """How much of the running batch is done, below 1."""
        if not self._nodes_per_batch:
            return 0.0
        return min(self._nodes / self._nodes_per_batch, 0.99)

    def run(self, batch: Batch, switches: Sequence[threading.Event]) -> Decoded:
        """Run a batch in the calling thread. All `switches` set abort it if it is a slow one."""
        self._watch(switches if self.seconds > SLOW_SECONDS else ())
        self._began = time.perf_counter()
        status = self._context.decode(batch)
        self.seconds = time.perf_counter() - self._began
        return status

    def start(self, work: Callable[[], Decoded], switches: Sequence[threading.Event]) -> None:
        """Begin to run what decodes a batch on the other thread; all `switches` set abort it."""
        self._watch(switches)
        self._nodes = 0
        self._began = time.perf_counter()
        self._job = self._thread.submit(work)

    def poll(self) -> Decoded | None:
        """Wait a little for the batch that was started; None while it runs.

        Raises `EngineFailure`.
        """
        job = self._job
        if job is None or wait([job], PROGRESS_SECONDS).not_done:
            return None
        return self._land(job)

    def abandon(self) -> Decoded | None:
        """End the running batch, if there is one, and wait for that. Raises `EngineFailure`."""
        job = self._job
        if job is None:
            return None
        self._abandoned = True
        wait([job])
        return self._land(job)

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown()

    def _land(self, job: Future[Decoded]) -> Decoded:
        self._job, self._abandoned = None, False
        self.seconds = time.perf_counter() - self._began
        status = job.result()
        if status is Decoded.DONE:
            self._nodes_per_batch = self._nodes
        return status

    def _watch(self, switches: Sequence[threading.Event]) -> None:
        self._switches = switches
        if bool(switches) != self._watching:
            self._watching = bool(switches)
            self._context.watch(self._callback if switches else None)

    def _after_node(self, _data: object) -> bool:
        self._nodes += 1
        stop = self._switches and all(switch.is_set() for switch in self._switches)
        return self._abandoned or bool(stop)
