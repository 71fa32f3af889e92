"""How a model is loaded where nobody said otherwise: threads, layers on the card, context.

The one place that decides it, for window, terminal and server alike.
"""

from typing import Protocol

from msgspec import structs

from app.core.estimate_corrections import NO_CORRECTION, Correction
from app.core.gguf_types import TENSOR_TYPES, GgufHeader
from app.core.hardware import HardwareSurvey, MemorySnapshot, memory_snapshot
from app.core.memory import (
    FITS_SHARE,
    Fit,
    MemoryEstimate,
    default_context,
    estimate,
    verdict,
)
from app.core.memory_formulas import layer_count
from backends.types import LoadConfig

LEAST_CONTEXT = 512
"""Tokens below which a context is never shrunk."""


class EngineDefaults(Protocol):
    """The part of the settings that loading a model depends on."""

    @property
    def threads(self) -> int | None:
        """Threads for every model; None chooses."""
        ...

    @property
    def default_load(self) -> LoadConfig:
        """What a person set for every model."""
        ...


def default_config(
    header: GgufHeader,
    hardware: HardwareSurvey,
    settings: EngineDefaults,
    *,
    file_size: int | None = None,
    memory: MemorySnapshot | None = None,
    correction: Correction = NO_CORRECTION,
) -> LoadConfig:
    """How to load a model unless a person says otherwise.

    Context: min(the model's, 8192), halved (to 512 at least) until the model fits. Layers: as many
    as the free memory of the graphics cards takes, for each context anew. Threads: physical cores
    - 1, so that the computer stays usable and no spinning thread is starved. Whatever the
    settings name stays as it is. `correction` is what earlier loads on this computer taught.
    """
    wanted = settings.default_load
    threads = wanted.threads or settings.threads or max(1, hardware.physical_cores - 1)
    context = wanted.context_length or default_context(header)
    config = structs.replace(wanted, threads=threads, context_length=context)
    memory = memory or memory_snapshot()
    fixed_layers = wanted.gpu_layers is not None or not memory.gpus
    if fixed_layers and wanted.context_length is not None:
        return config
    size = _size_of(header) if file_size is None else file_size

    def need(tried: LoadConfig) -> MemoryEstimate:
        return correction.apply(estimate(header, tried, size))

    while True:
        config = structs.replace(config, context_length=context)
        if not fixed_layers:
            config = _most_layers(header, config, memory, need)
        if wanted.context_length is not None or context <= LEAST_CONTEXT:
            return config
        if verdict(need(config), memory).fit is Fit.FITS:
            return config
        context = max(LEAST_CONTEXT, context // 2)


class _Need(Protocol):
    def __call__(self, tried: LoadConfig, /) -> MemoryEstimate: ...


def _most_layers(
    header: GgufHeader, config: LoadConfig, memory: MemorySnapshot, need: _Need
) -> LoadConfig:
    """The same settings with the most layers whose share of the cards is 85 % at most."""
    cards = [gpu.available for gpu in memory.gpus]
    if config.split_mode == "none":
        cards = cards[config.main_gpu :][:1]
    room = FITS_SHARE * sum(cards)
    least, most = 0, layer_count(header) + 1  # the last one is the output layer
    while least < most:
        middle = (least + most + 1) // 2
        tried = structs.replace(config, gpu_layers=middle)
        if need(tried).on_gpu <= room:
            least = middle
        else:
            most = middle - 1
    return structs.replace(config, gpu_layers=least)


def _size_of(header: GgufHeader) -> int:
    """Bytes of a file by its tensors."""
    known = (tensor.size for tensor in header.tensors if tensor.type in TENSOR_TYPES)
    return header.data_offset + sum(known)
