"""How many threads llama.cpp computes with."""

import os

import psutil


def default_threads() -> int:
    """Physical cores - 1, at least 1.

    One core too many halves the speed on a busy computer: the threads wait for each other.
    """
    cores = psutil.cpu_count(logical=False) or os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        cores = min(cores, len(os.sched_getaffinity(0)))
    return max(cores - 1, 1)
