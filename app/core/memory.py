"""How much memory a model needs, and whether this computer has it.

The formulas are in `memory_formulas` and `memory_split`; weights and KV cache are exact, the
compute buffer is within 10 %.
"""

from enum import Enum
from pathlib import Path
from typing import Literal

from msgspec import Struct, structs

from app.core.draft_memory import read_draft
from app.core.gguf_types import GgufHeader
from app.core.hardware import MemorySnapshot
from app.core.memory_formulas import compute_buffer_bytes, kv_cache_bytes, round_up
from app.core.memory_split import place
from backends.types import LoadConfig

_MIB = 1024**2

DEFAULT_CONTEXT = 8192
"""Tokens of context unless somebody asks for more."""

FITS_SHARE = 0.85
"""A model fits when it needs at most this share of the available memory."""

GPU_OVERHEAD = 300 * _MIB
"""What a driver takes on a card for a program that computes there; CUDA 250 to 400 MB."""

_ENGINE_OVERHEAD = 66 * _MIB
"""Python, the vocabulary and small buffers of an engine's process; measured 66 to 124 MB."""

GuardRails = Literal["off", "relaxed", "strict"]
"""What is refused for want of memory.

`strict` refuses what needs more than 85 % of what is free, `relaxed` what needs more than all of
it, `off` nothing: it only warns.
"""


class MemoryEstimate(Struct, frozen=True):
    """What a loaded model takes, in bytes."""

    weights: int
    kv_cache: int
    compute: int
    """Buffers for the intermediate results of one batch."""
    overhead: int
    """The engine's own."""
    on_gpu: int = 0
    """Of the total, what lies on graphics cards; the rest is in main memory."""

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.kv_cache + self.compute + self.overhead

    @property
    def in_main(self) -> int:
        """Of the total, what lies in main memory."""
        return self.total - self.on_gpu


class Fit(Enum):
    """Whether a model goes into the available memory."""

    FITS = "fits"
    TIGHT = "tight"
    TOO_LARGE = "too_large"


class FitVerdict(Struct, frozen=True):
    """A `Fit` with the numbers it came from, in bytes: main memory, or graphics if that is less."""

    fit: Fit
    need: int
    free: int
    total: int
    gpu: bool = False
    """The numbers are those of the graphics cards."""


def estimate(header: GgufHeader, config: LoadConfig, file_size: int) -> MemoryEstimate:
    """What a model takes with these settings.

    `file_size` is the bytes of all its files. A header read only in part overstates the weights
    by the size of the header, 2 to 3 %. Without `gpu_layers` everything is in main memory.
    Adapters and projector count with their files, a draft model with all that it takes.
    """
    weights = max(0, file_size - header.data_offset) + companion_bytes(config)
    if not config.draft_model:
        return _of_one(header, config, weights)
    path = Path(config.draft_model)
    draft = read_draft(path)
    if draft is None:  # loading will say what is wrong with it
        return _of_one(header, config, weights + _file_size(path))
    need = _of_one(header, config, weights)
    # The engine gives a draft model a context of its own, made by the same settings.
    return _in_one_process(need, _of_one(draft.header, config, draft.weights))


def _of_one(header: GgufHeader, config: LoadConfig, weights: int) -> MemoryEstimate:
    """One model by itself, with `weights` bytes of weights."""
    context = config.context_length or default_context(header)
    cache = kv_cache_bytes(header, context, config)
    placed = place(header, weights, context, config)
    if not placed.weights:
        compute = compute_buffer_bytes(header, context, config)
        return MemoryEstimate(weights, cache, compute, _ENGINE_OVERHEAD)
    return MemoryEstimate(
        weights=weights + placed.copied,
        kv_cache=cache,
        compute=placed.compute + placed.host_compute,
        overhead=_ENGINE_OVERHEAD + GPU_OVERHEAD,
        on_gpu=placed.weights + placed.kv_cache + placed.compute + GPU_OVERHEAD,
    )


def _in_one_process(first: MemoryEstimate, second: MemoryEstimate) -> MemoryEstimate:
    """Both models together, which share the engine's own memory and that of the driver."""
    doubled = GPU_OVERHEAD if first.on_gpu and second.on_gpu else 0
    return MemoryEstimate(
        weights=first.weights + second.weights,
        kv_cache=first.kv_cache + second.kv_cache,
        compute=first.compute + second.compute,
        overhead=max(first.overhead, second.overhead),
        on_gpu=first.on_gpu + second.on_gpu - doubled,
    )


def companion_bytes(config: LoadConfig) -> int:
    """Sizes of adapters and projector; a file that is away counts nothing."""
    paths = [config.projector, *(each.path for each in config.lora)]
    return sum(_file_size(Path(path)) for path in paths if path)


def alone(config: LoadConfig) -> LoadConfig:
    """The same settings without the files that are loaded beside the model."""
    return structs.replace(config, draft_model="", projector="", lora=())


def _file_size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def spread(need: MemoryEstimate, memory: MemorySnapshot) -> MemoryEstimate:
    """A rough estimate with as much on the graphics cards as goes there."""
    room = int(FITS_SHARE * memory.gpu_available)
    return structs.replace(need, on_gpu=min(room, need.total - need.overhead))


def default_context(header: GgufHeader) -> int:
    """Tokens of context without a setting: the model's own length, at most 8192."""
    return min(header.context_length or DEFAULT_CONTEXT, DEFAULT_CONTEXT)


def estimate_from_size(
    file_size: int,
    parameters: int | None,
    context: int | None,
    kv_bytes_per_token: int | None = None,
) -> MemoryEstimate:
    """What a model roughly takes when no header is at hand, as for the catalogue.

    `context` is in tokens, None is 8192. Without `kv_bytes_per_token` (f16) the KV cache is taken
    from the parameters: it grows about with their square root, and Llama 3.1 8B has 131,072 bytes
    per token.
    """
    tokens = round_up(context or DEFAULT_CONTEXT)
    billions = (parameters or file_size * 8 / 5) / 1e9
    per_token = kv_bytes_per_token or round(131_072 * (billions / 8) ** 0.5)
    return MemoryEstimate(
        weights=file_size,
        kv_cache=per_token * tokens,
        compute=300 * _MIB,
        overhead=_ENGINE_OVERHEAD,
    )


def verdict(need: MemoryEstimate, memory: MemorySnapshot) -> FitVerdict:
    """Fits up to 85 % of the available memory, tight up to all of it, else too large.

    Main memory and graphics cards are judged apart, and the worse of the two counts. Where
    `memory` has no cards, all of the model has to go into main memory.
    """
    if not memory.gpus or not need.on_gpu:
        return _judge(need.total, memory.available, memory.total)
    card = _judge(need.on_gpu, memory.gpu_available, memory.gpu_total)
    main = _judge(need.in_main, memory.available, memory.total)
    return main if _ORDER[main.fit] > _ORDER[card.fit] else structs.replace(card, gpu=True)


_ORDER = {Fit.FITS: 0, Fit.TIGHT: 1, Fit.TOO_LARGE: 2}


def _judge(need: int, free: int, total: int) -> FitVerdict:
    if need <= FITS_SHARE * free:
        fit = Fit.FITS
    elif need <= free:
        fit = Fit.TIGHT
    else:
        fit = Fit.TOO_LARGE
    return FitVerdict(fit=fit, need=need, free=free, total=total)


def refused(fit: Fit, rails: GuardRails) -> bool:
    """Whether a model is not loaded for want of memory unless the person insists."""
    if rails == "strict":
        return fit is not Fit.FITS
    return rails == "relaxed" and fit is Fit.TOO_LARGE
