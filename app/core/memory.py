"""How much memory a model needs, and whether this computer has it.

The formulas were checked against llama.cpp's own figures: weights and KV cache are exact, the
compute buffer is within 7 %.
"""

from collections.abc import Sequence
from enum import Enum
from typing import Protocol

from msgspec import Struct, structs

from app.core.gguf_types import TENSOR_TYPES, GgufArray, GgufHeader
from app.core.hardware import Gpu, HardwareSurvey, MemorySnapshot, memory_snapshot
from backends.types import KVType, LoadConfig

_MIB = 1024**2

MAX_LAYERS = 512
"""More than this no engine takes (LLAMA_MAX_LAYERS)."""

DEFAULT_CONTEXT = 8192
"""Tokens of context unless somebody asks for more."""

_LEAST_CONTEXT = 512

KV_BYTES: dict[KVType, float] = {
    "f16": 2.0,
    "q8_0": 34 / 32,
    "q5_1": 24 / 32,
    "q5_0": 22 / 32,
    "q4_1": 20 / 32,
    "q4_0": 18 / 32,
}
"""Bytes per number in the KV cache (block size / elements, ggml-common.h)."""

FITS_SHARE = 0.85
"""A model fits when it needs at most this share of the available memory."""

_ENGINE_OVERHEAD = 66 * _MIB
"""Python, the vocabulary and small buffers of an engine's process; measured 66 to 124 MB."""

_COMPUTE_EXTRA = 2 * _MIB


class MemoryEstimate(Struct, frozen=True):
    """What a loaded model takes, in bytes."""

    weights: int
    kv_cache: int
    compute: int
    """Buffer for the intermediate results of one batch."""
    overhead: int
    """The engine's own."""

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.kv_cache + self.compute + self.overhead


class Fit(Enum):
    """Whether a model goes into the available memory."""

    FITS = "fits"
    TIGHT = "tight"
    TOO_LARGE = "too_large"


class FitVerdict(Struct, frozen=True):
    """A `Fit` with the numbers it came from, in bytes."""

    fit: Fit
    need: int
    free: int
    total: int


def estimate(header: GgufHeader, config: LoadConfig, file_size: int) -> MemoryEstimate:
    """What a model takes with these settings.

    `file_size` is the bytes of all its files. A header read only in part overstates the weights
    by the size of the header, 2 to 3 %.
    """
    context = config.context_length or default_context(header)
    return MemoryEstimate(
        weights=max(0, file_size - header.data_offset),
        kv_cache=kv_cache_bytes(header, context, config),
        compute=compute_buffer_bytes(header, context, config),
        overhead=_ENGINE_OVERHEAD,
    )


def default_context(header: GgufHeader) -> int:
    """Tokens of context without a setting: the model's own length, at most 8192."""
    return min(header.context_length or DEFAULT_CONTEXT, DEFAULT_CONTEXT)


def kv_cache_bytes(header: GgufHeader, context: int, config: LoadConfig) -> int:
    """Sum over the layers of cells x KV heads x (key length x bytes + value length x bytes).

    Cells are the context rounded up to 256. A sliding-window layer needs no more than its window
    and one batch (llama.cpp with `swa_full` off). Hybrid models have a KV cache in every
    `full_attention_interval`-th layer only. Exact for f16, q8_0 and q4_0.
    """
    layers = _layers(header)
    cells = _round_up(context)
    window = header.sliding_window
    window_cells = min(cells, _round_up(window + config.batch_size)) if window else cells
    per_head = (header.key_length or 0) + (header.value_length or 0)
    windowed = windowed_layers(header)
    interval = header.hyper_integer("full_attention_interval") or 1
    numbers = sum(
        (window_cells if windowed[layer] else cells) * heads * per_head
        for layer, heads in enumerate(_per_layer(header.head_count_kv, layers))
        if (layer + 1) % interval == 0
    )
    return round(numbers * KV_BYTES[config.kv_type])


_WINDOW_PERIODS = {"gemma2": 2, "gemma3": 6, "gemma3n": 5, "gpt-oss": 2, "cohere2": 4, "olmo2": 4}
"""Every n-th layer sees the whole context. Belongs to the architecture (llama.cpp src/models)."""


def windowed_layers(header: GgufHeader) -> tuple[bool, ...]:
    """Which layers look back over a sliding window only.

    From the file's own `sliding_window_pattern` where it has one, else from the architecture. An
    unknown one counts as full attention, which overstates.
    """
    layers = _layers(header)
    pattern = header.hyper("attention.sliding_window_pattern")
    period = pattern if isinstance(pattern, int) else _WINDOW_PERIODS.get(header.architecture)
    if header.sliding_window is None:
        return (False,) * layers
    if isinstance(pattern, GgufArray) and pattern.values:
        flags = [bool(value) for value in pattern.values]
        return tuple(flags[layer % len(flags)] for layer in range(layers))
    if not period or isinstance(period, bool):
        return (False,) * layers
    return tuple(layer % period < period - 1 for layer in range(layers))


def compute_buffer_bytes(header: GgufHeader, context: int, config: LoadConfig) -> int:
    """The largest intermediate result of one batch: the logits, or the attention scores.

    max(batch x vocabulary x 4, without flash attention (heads + 1) x batch x cells x 4) + 2 MiB.
    Flash attention is on unless it was switched off: llama.cpp's "auto" finds it on every CPU.
    """
    batch = min(config.batch_size, _round_up(context))
    cells = _round_up(context)
    logits = batch * (header.vocabulary_size or 0) * 4
    if config.flash_attention is not False:
        return logits + _COMPUTE_EXTRA
    heads = max(_per_layer(header.head_count, _layers(header)), default=0)
    scores = (heads + 1) * batch * cells * 4
    return max(logits, scores) + _COMPUTE_EXTRA


def _layers(header: GgufHeader) -> int:
    """Layers of the model; a header fresh from the hub may announce any number."""
    return min(max(header.block_count or 0, 0), MAX_LAYERS)


def _per_layer(value: int | Sequence[int] | None, layers: int) -> tuple[int, ...]:
    if value is None or isinstance(value, int):
        return (value or 0,) * layers
    return tuple(value[:layers])


def _round_up(count: int, step: int = 256) -> int:
    return -(-count // step) * step


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
    tokens = _round_up(context or DEFAULT_CONTEXT)
    billions = (parameters or file_size * 8 / 5) / 1e9
    per_token = kv_bytes_per_token or round(131_072 * (billions / 8) ** 0.5)
    return MemoryEstimate(
        weights=file_size,
        kv_cache=per_token * tokens,
        compute=300 * _MIB,
        overhead=_ENGINE_OVERHEAD,
    )


def verdict(need: MemoryEstimate, memory: MemorySnapshot, gpu: Gpu | None = None) -> FitVerdict:
    """Fits up to 85 % of the available memory, tight up to all of it, else too large.

    `gpu` is a card the engine can use; a model that fits there whole is judged by it. On Apple
    silicon the GPU shares the main memory, so there is none to give.
    """
    total, free = memory.total, memory.available
    if gpu is not None and gpu.memory_free and need.total <= FITS_SHARE * gpu.memory_free:
        total, free = gpu.memory_total, gpu.memory_free
    if need.total <= FITS_SHARE * free:
        fit = Fit.FITS
    elif need.total <= free:
        fit = Fit.TIGHT
    else:
        fit = Fit.TOO_LARGE
    return FitVerdict(fit=fit, need=need.total, free=free, total=total)


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
) -> LoadConfig:
    """How to load a model unless a person says otherwise.

    Context: min(the model's, 8192), halved (to 512 at least) until the model fits. Threads:
    physical cores - 1, so that the computer stays usable and no spinning thread is starved.
    Whatever the settings name stays as it is.
    """
    wanted = settings.default_load
    threads = wanted.threads or settings.threads or max(1, hardware.physical_cores - 1)
    context = wanted.context_length or default_context(header)
    config = structs.replace(wanted, threads=threads, context_length=context)
    if wanted.context_length is not None:
        return config
    if file_size is None:
        file_size = header.data_offset + sum(
            tensor.size for tensor in header.tensors if tensor.type in TENSOR_TYPES
        )
    memory = memory or memory_snapshot()
    while context > _LEAST_CONTEXT:
        if verdict(estimate(header, config, file_size), memory).fit is Fit.FITS:
            break
        context = max(_LEAST_CONTEXT, context // 2)
        config = structs.replace(config, context_length=context)
    return config
