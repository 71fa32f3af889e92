"""How long something takes, measured so that other programs on the computer disturb it little."""

import time
from collections.abc import Callable

PATIENCE = 60.0
"""Seconds that tests wait for what must come. Only what never comes takes as long, on a slow
computer too; so this is no measure of how fast something is."""


def least_cpu_seconds(work: Callable[[], object], times: int = 5) -> float:
    """CPU seconds that `work` takes of this thread: the least of several times."""
    seconds = []
    for _ in range(times):
        before = time.thread_time()
        work()
        seconds.append(time.thread_time() - before)
    return min(seconds)
