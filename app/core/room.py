"""Making room: which idle models are ejected so that another one goes into memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from msgspec import structs

from app.core.hardware import MemorySnapshot
from app.core.memory import MemoryEstimate


@dataclass(frozen=True)
class Held:
    """A loaded model and what it takes."""

    model_id: str
    name: str
    size: MemoryEstimate
    claimed: int = 0
    """Bytes that the system calls available and the model uses: its mapped weights."""

    @property
    def returned(self) -> int:
        """Bytes of main memory that become free when it is ejected.

        Weights are file cache: they come back only where they counted as taken.
        """
        return max(0, self.size.in_main - self.size.weights) + self.claimed


def without(memory: MemorySnapshot, held: Held) -> MemorySnapshot:
    """The memory there is once `held` is ejected."""
    available = min(memory.total, memory.available + held.returned)
    coming = held.size.on_gpu
    gpus = []
    for gpu in memory.gpus:
        taken = min(coming, max(0, gpu.memory_total - gpu.available))
        gpus.append(structs.replace(gpu, memory_free=gpu.available + taken))
        coming -= taken
    return structs.replace(memory, available=available, gpus=tuple(gpus))


def rooms(memory: MemorySnapshot, held: Sequence[Held]) -> Iterator[MemorySnapshot]:
    """The memory there is with nobody ejected, with the first of `held`, with the first two…"""
    yield memory
    for each in held:
        memory = without(memory, each)
        yield memory
