"""How long something takes, measured so that other programs on the computer disturb it little."""

import time
from collections.abc import Callable

PATIENCE = 60.0
"""Seconds that tests wait for what must come. Only what never comes takes as long, on a slow
computer too; so this is no measure of how fast something is."""


_STRAIGHT = 0.011
"""CPU seconds of `_reckon` on the computer for which limits in seconds were set."""


def _reckon() -> None:
    total, words = 0, {}
    for number in range(100_000):
        total += number * number % 7
        words[number % 1000] = str(total)


def slowness() -> float:
    """How many times slower than that computer this one is, 1 at least.

    Multiply a limit in CPU seconds by it: so the limit means the same on every computer, and one
    that is shared with others just now.
    """
    return max(1.0, least_cpu_seconds(_reckon) / _STRAIGHT)


def least_cpu_seconds(work: Callable[[], object], times: int = 5) -> float:
    """CPU seconds that `work` takes of this thread: the least of several times."""
    seconds = []
    for _ in range(times):
        before = time.thread_time()
        work()
        seconds.append(time.thread_time() - before)
    return min(seconds)
