"""What this computer has: processor, memory, graphics cards. Quick, and never raises."""

import logging
import os
import platform

import psutil
from msgspec import Struct

from app.core.graphics import Gpu, OffloadApi, find_gpus, offload_apis
from app.core.processor import cpu_features, cpu_name, memory_nodes, unified_memory_limit

__all__ = ["Gpu", "HardwareSurvey", "MemorySnapshot", "current_gpus", "memory_snapshot", "survey"]

log = logging.getLogger(__name__)


class HardwareSurvey(Struct, frozen=True):
    """What this computer has."""

    cpu_name: str
    physical_cores: int
    logical_cores: int
    cpu_features: tuple[str, ...]
    """Instruction sets that engines make use of, such as "avx2"; empty where unknown."""
    memory_total: int
    """Bytes."""
    gpus: tuple[Gpu, ...] = ()
    """Graphics cards with memory of their own, whether an engine can use them or not."""
    apple_silicon: bool = False
    """The GPU shares the main memory."""
    offload: tuple[OffloadApi, ...] = ()
    """How the installed engine reaches graphics cards; empty where it cannot."""
    memory_nodes: int = 1
    """Parts of main memory that are near to some of the processors each (NUMA)."""
    unified_limit: int = 0
    """Bytes of main memory that the GPU of Apple silicon may use; 0 elsewhere."""

    @property
    def usable_gpus(self) -> tuple[Gpu, ...]:
        """The cards that the installed engine can compute on."""
        return tuple(gpu for gpu in self.gpus if gpu.reached_by(self.offload))


class MemorySnapshot(Struct, frozen=True):
    """Memory at one moment, in bytes."""

    total: int
    """Main memory."""
    available: int
    """What programs can get of it without swapping."""
    gpus: tuple[Gpu, ...] = ()
    """Graphics cards that the engine can use."""

    @property
    def gpu_total(self) -> int:
        """Memory of these cards."""
        return sum(gpu.memory_total for gpu in self.gpus)

    @property
    def gpu_available(self) -> int:
        """What is free on these cards."""
        return sum(gpu.available for gpu in self.gpus)


def survey() -> HardwareSurvey:
    """Look at this computer once. Takes milliseconds, at most 3 s where a GPU driver hangs."""
    apple_silicon = platform.system() == "Darwin" and platform.machine() == "arm64"
    logical = _usable_cores()
    total = memory_snapshot().total
    return HardwareSurvey(
        cpu_name=cpu_name(),
        physical_cores=min(psutil.cpu_count(logical=False) or logical, logical),
        logical_cores=logical,
        cpu_features=cpu_features(),
        memory_total=total,
        gpus=() if apple_silicon else find_gpus(),
        apple_silicon=apple_silicon,
        offload=offload_apis(),
        memory_nodes=memory_nodes(),
        unified_limit=unified_memory_limit(total) if apple_silicon else 0,
    )


def current_gpus(hardware: HardwareSurvey) -> tuple[Gpu, ...]:
    """The cards that the engine can use, with what is free now. Blocks as `survey` does."""
    if not hardware.usable_gpus:
        return ()
    return tuple(gpu for gpu in find_gpus() if gpu.reached_by(hardware.offload))


def memory_snapshot() -> MemorySnapshot:
    """Main memory now; zeros where the system does not tell."""
    try:
        memory = psutil.virtual_memory()
    except (psutil.Error, OSError, RuntimeError) as error:
        log.warning("the system does not tell its memory: %s", error)
        return MemorySnapshot(total=0, available=0)
    return MemorySnapshot(total=memory.total, available=memory.available)


def _usable_cores() -> int:
    """Logical cores this program may run on; a container or a job may have fewer than exist."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
