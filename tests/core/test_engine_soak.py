"""Many requests from many threads, some cancelled: nothing leaks and no slot stays taken."""

import random
import threading
from pathlib import Path

import psutil
import pytest

from app.core.engine import EngineProcess
from backends.types import (
    ChatMessage,
    Delta,
    Finish,
    GenerationRequest,
    LoadConfig,
    Progress,
    SamplingParams,
)

pytestmark = pytest.mark.engine

THREADS = 8
MOST_GROWTH = 0.05
"""Share by which the engine's memory may grow after the first half."""


def answer(engine: EngineProcess, number: int, chance: random.Random) -> str:
    """One request; half of them are cancelled or abandoned at some moment. How it ended."""
    message = ChatMessage("user", f"{number} " + "one two three " * chance.randrange(1, 60))
    sampling = SamplingParams(temperature=0.8, seed=number, max_tokens=chance.randrange(1, 24))
    request = GenerationRequest(f"soak-{number}", (message,), sampling)
    patience = chance.choice([None, None, 1, 2, 5, 12])
    abandon = chance.random() < 0.3
    heard = 0
    events = engine.generate(request)
    for event in events:
        if isinstance(event, Finish):
            return event.reason
        heard += isinstance(event, Progress | Delta)
        if patience is not None and heard == patience:
            if abandon:
                events.close()
                return "abandoned"
            engine.cancel(request.id)
    raise AssertionError("the events ended without a Finish")


def soak(engine: EngineProcess, requests: int, seed: int) -> list[str]:
    """Answer so many requests from `THREADS` threads; how each ended."""
    ends: list[str] = []
    waiting = iter(range(requests))
    lock = threading.Lock()

    def work(worker: int) -> None:
        chance = random.Random(seed * 1000 + worker)
        while True:
            with lock:
                number = next(waiting, None)
            if number is None:
                return
            ends.append(answer(engine, seed * 10_000 + number, chance))

    workers = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return ends


def run(model: Path, requests: int) -> float:
    """Soak an engine twice; by what share its memory grew in the second half."""
    config = LoadConfig(context_length=2048, threads=1, parking_bytes=2**24)
    with EngineProcess("llamacpp") as engine:
        engine.load(str(model), config, lambda fraction: True)
        first = soak(engine, requests // 2, 1)
        before = psutil.Process(engine.pid).memory_info().rss
        second = soak(engine, requests // 2, 2)
        after = psutil.Process(engine.pid).memory_info().rss
        assert engine.stats().running == 0
        last = [soak(engine, 4, 3 + number) for number in range(2)]  # all slots are free
    ends = first + second
    assert len(ends) == requests // 2 * 2
    assert {"cancelled", "length"} <= set(ends)
    assert set(ends) <= {"cancelled", "abandoned", "length", "stop", "context"}
    assert all(len(each) == 4 for each in last)
    return after / before - 1


def test_a_short_soak_leaves_no_slot_taken(starter_file: Path) -> None:
    run(starter_file, 32)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_two_hundred_requests_leak_nothing(starter_file: Path) -> None:
    growth = run(starter_file, 200)
    print(f"memory grew by {growth:.1%}")
    assert growth <= MOST_GROWTH
