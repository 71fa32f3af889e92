"""A model in an engine of its own, as long as it is loaded."""

import threading
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from msgspec import structs

from app.core.engine import EngineProcess
from app.core.engine_shelf import EngineChoice
from app.core.errors import AppError, ModelError
from app.core.library_types import LocalModel
from app.core.memory import MemoryEstimate
from app.core.room import Held
from backends.types import LoadConfig, ModelInfo

LoadState = Literal["loading", "ready", "stopped"]


class LoadStopped(ModelError):
    """The load was cancelled, or the model ejected before it was ready."""

    code: ClassVar[str] = "load_cancelled"


@dataclass(eq=False)
class LoadedModel:
    """A model in an engine of its own. Written by `ModelRuntime` only; read by anybody."""

    model: LocalModel
    config: LoadConfig
    """Settings in force."""
    engine: EngineProcess
    wanted: LoadConfig
    """Settings asked for; what was left open there is filled in in `config`."""
    need: MemoryEstimate | None = None
    """What it is estimated to take; None where nobody knows."""
    warning: str = ""
    """A sentence about memory that is short, for a person."""
    choice: EngineChoice | None = None
    """Which installed engine runs it; None where there is only one way."""
    ttl: float | None = None
    """Seconds without use after which it is ejected; 0 never, None as the settings say."""
    state: LoadState = "loading"
    fraction: float = 0.0
    """Loaded part of the file, 0 to 1."""
    info: ModelInfo | None = None
    error: AppError | None = None
    """Why it stopped."""
    settled: threading.Event = field(default_factory=threading.Event, repr=False)
    """Set when it is no longer loading."""

    @property
    def answers(self) -> bool:
        """It is ready, and its engine has not ended in this moment; quick."""
        return self.state == "ready" and self.engine.alive

    def runs_with(self, config: LoadConfig) -> bool:
        """Whether these settings are in force.

        A projector or a memory for resting chats that is left open is no difference.
        """
        asked, wanted = (self._filled(each) for each in (config, self.wanted))
        return asked in (wanted, self.config)

    def _filled(self, config: LoadConfig) -> LoadConfig:
        now = self.config
        if config.projector is None:
            config = structs.replace(config, projector=now.projector)
        if config.parking_bytes is None:
            config = structs.replace(config, parking_bytes=now.parking_bytes)
        return config

    @property
    def mostly_on_gpu(self) -> bool:
        """Whether more than half of it lies on graphics cards, as far as is estimated."""
        return self.need is not None and 2 * self.need.on_gpu > self.need.total

    @property
    def claimed_bytes(self) -> int:
        """What it takes of the memory that the system calls available.

        Its weights, which the system could read again, and while it is loading what is to come.
        """
        coming = 0
        if self.state == "loading" and self.need is not None:
            coming = self.need.in_main - self.engine.resident_bytes
        return self.engine.mapped_bytes + max(0, coming)

    @property
    def held(self) -> Held:
        """What becomes free when it is ejected: what its process really has of main memory.

        Apple's GPU memory is not told for a process; MLX has all weights there at least.
        """
        mapped = self.engine.mapped_bytes
        in_main = max(mapped, self.engine.resident_bytes)
        if self.engine.backend == "mlx" and self.need is not None:
            in_main = max(in_main, self.need.weights)
        on_gpu = 0 if self.need is None else self.need.on_gpu
        size = MemoryEstimate(
            weights=mapped, kv_cache=0, compute=0, overhead=in_main - mapped + on_gpu, on_gpu=on_gpu
        )
        return Held(self.model.id, self.model.name, size, mapped)


def stopped(entry: LoadedModel) -> LoadStopped:
    """Why a load that was stopped did not go on."""
    return LoadStopped(
        f"{entry.model.name} was not loaded", "The load was cancelled.", "Load it when you want."
    )
