"""What models give back when they are ejected, and the thread that watches idle ones."""

import queue
import threading

from app.core.hardware import Gpu, MemorySnapshot
from app.core.idle_watch import IdleWatch
from app.core.memory import MemoryEstimate
from app.core.room import Held, rooms, without
from tests.timing import PATIENCE

GB = 10**9


def test_mapped_weights_come_back_only_where_they_counted_as_taken() -> None:
    size = MemoryEstimate(weights=4 * GB, kv_cache=2 * GB, compute=GB, overhead=0)
    assert Held("a", "A", size).returned == 3 * GB
    assert Held("a", "A", size, claimed=4 * GB).returned == 7 * GB


def test_no_more_comes_back_than_there_is() -> None:
    memory = MemorySnapshot(8 * GB, 6 * GB, (Gpu("Card", 4 * GB, 3 * GB),))
    held = Held("a", "A", MemoryEstimate(0, 9 * GB, 0, 0, on_gpu=5 * GB))
    freed = without(memory, held)
    assert freed.available == 8 * GB
    assert freed.gpu_available == 4 * GB


def test_memory_of_cards_comes_back_card_by_card() -> None:
    gpus = Gpu("One", 4 * GB, 3 * GB), Gpu("Two", 4 * GB, GB)
    held = Held("a", "A", MemoryEstimate(0, 2 * GB, 0, 0, on_gpu=2 * GB))
    freed = without(MemorySnapshot(8 * GB, 6 * GB, gpus), held)
    assert [gpu.memory_free for gpu in freed.gpus] == [4 * GB, 2 * GB]
    assert freed.available == 6 * GB


def test_rooms_grow_with_every_model_that_goes() -> None:
    held = [Held(name, name, MemoryEstimate(0, GB, 0, 0)) for name in "ab"]
    sizes = [each.available for each in rooms(MemorySnapshot(16 * GB, 4 * GB), held)]
    assert sizes == [4 * GB, 5 * GB, 6 * GB]


def test_the_watch_looks_when_woken_and_when_it_is_due() -> None:
    looks: queue.Queue[threading.Thread] = queue.Queue()
    answers = iter([0.01, 0.01, 3600.0, 3600.0])

    def look() -> float | None:
        looks.put(threading.current_thread())
        return next(answers)

    watch = IdleWatch(look)
    watch.wake()
    threads = {looks.get(timeout=PATIENCE) for _ in range(3)}
    watch.wake()
    threads.add(looks.get(timeout=PATIENCE))
    assert len(threads) == 1
    watch.close()
    assert looks.empty()
    assert not threads.pop().is_alive()


def test_the_watch_needs_no_thread_while_nothing_can_be_due() -> None:
    looks: queue.Queue[threading.Thread] = queue.Queue()

    def look() -> float | None:
        looks.put(threading.current_thread())
        return None

    watch = IdleWatch(look)
    assert not watch.running
    for _ in range(2):
        watch.wake()
        looks.get(timeout=PATIENCE).join(PATIENCE)
        assert not watch.running
    watch.close()
    watch.wake()
    watch.close()
    assert looks.empty()
