"""Changes of the load settings, or of the model, with which a model goes into memory."""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import structs

from app.core.errors import RemedyKind
from app.core.gguf_types import GgufHeader
from app.core.hardware import MemorySnapshot
from app.core.library_types import LocalModel
from app.core.memory import (
    DEFAULT_CONTEXT,
    Fit,
    MemoryEstimate,
    default_context,
    estimate,
    estimate_from_size,
    spread,
    verdict,
)
from app.core.memory_formulas import UNQUANTIZED, layer_count
from backends.types import KVType, LoadConfig

SMALLEST_CONTEXT = 512
QUANTIZED: KVType = "q8_0"
"""The type of the KV cache that halves it at next to no cost in quality."""


@dataclass(frozen=True)
class Advice:
    """A change of the load settings that makes the model fit."""

    config: LoadConfig
    need: int
    """Bytes."""


@dataclass(frozen=True)
class Way:
    """A remedy with what it changes."""

    kind: RemedyKind
    config: LoadConfig
    need: int
    """Bytes that the model will take."""
    model: LocalModel | None = None
    """Another model; None is the same."""


def advice(
    model: LocalModel, header: GgufHeader, config: LoadConfig, memory: MemorySnapshot
) -> Advice | None:
    """The least change that makes a model fit: a smaller context, else a quantized cache too."""
    smaller = _roomier(model, header, config, memory)
    if smaller is None:
        smaller = _roomier(model, header, _quantized(config), memory)
    return smaller


def ways_on(
    kinds: Sequence[RemedyKind],
    model: LocalModel,
    header: GgufHeader,
    config: LoadConfig,
    memory: MemorySnapshot,
    models: Sequence[LocalModel],
) -> tuple[Way, ...]:
    """Those of the remedies that apply, with the settings they lead to.

    `config` is how the model was loaded, `memory` what is free now that its engine is gone,
    `models` what there is instead. A remedy that changes nothing, or after which the model would
    not fit either, is left out.
    """
    found: list[Way] = []
    for kind in kinds:
        way = _way(kind, model, header, config, memory, models)
        if way is None or way.config in (each.config for each in found if not each.model):
            continue
        longest = max((_context(each.config) for each in found), default=0)
        if kind is RemedyKind.SMALLER_KV_TYPE and _context(way.config) <= longest:
            continue  # it would cost quality and gain nothing
        found.append(way)
    return tuple(found)


def _way(
    kind: RemedyKind,
    model: LocalModel,
    header: GgufHeader,
    config: LoadConfig,
    memory: MemorySnapshot,
    models: Sequence[LocalModel],
) -> Way | None:
    if kind is RemedyKind.OTHER_MODEL:
        return _smaller_model(model, memory, models)
    change: Advice | None = None
    match kind:
        case RemedyKind.SMALLER_CONTEXT:
            change = _roomier(model, header, config, memory)
        case RemedyKind.SMALLER_KV_TYPE:
            change = _with_quantized_cache(model, header, config, memory)
        case RemedyKind.FEWER_LAYERS:
            change = _with_layers(model, header, config, _fewer(header, config))
        case RemedyKind.NO_GPU:
            change = _with_layers(model, header, config, 0)
        case RemedyKind.USUAL_SETTINGS:
            usual = LoadConfig(context_length=min(_context_of(header, config), DEFAULT_CONTEXT))
            differs = usual != structs.replace(config, threads=None, gpu_layers=None)
            change = _changed(model, header, usual) if differs else None
    return None if change is None else Way(kind, change.config, change.need)


def _changed(model: LocalModel, header: GgufHeader, config: LoadConfig) -> Advice:
    return Advice(config, estimate(header, config, model.size).total)


def _fewer(header: GgufHeader, config: LoadConfig) -> int:
    """Half of the layers on the card."""
    now = layer_count(header) + 1 if config.gpu_layers is None else config.gpu_layers
    return min(now, layer_count(header) + 1) // 2


def _with_layers(
    model: LocalModel, header: GgufHeader, config: LoadConfig, layers: int
) -> Advice | None:
    if config.gpu_layers == layers:
        return None
    return _changed(model, header, structs.replace(config, gpu_layers=layers))


def _context_of(header: GgufHeader, config: LoadConfig) -> int:
    return config.context_length or default_context(header)


def _context(config: LoadConfig) -> int:
    return config.context_length or 0


def _roomier(
    model: LocalModel, header: GgufHeader, config: LoadConfig, memory: MemorySnapshot
) -> Advice | None:
    """The longest context below the one in `config` with which the model fits."""
    for tokens in _contexts_below(_context_of(header, config)):
        smaller = structs.replace(config, context_length=tokens)
        need = estimate(header, smaller, model.size)
        if verdict(need, memory).fit is Fit.FITS:
            return Advice(smaller, need.total)
    return None


def _contexts_below(context: int) -> Sequence[int]:
    """Powers of two below a context, longest first."""
    powers = [2**power for power in range(9, 24)]
    return [tokens for tokens in reversed(powers) if SMALLEST_CONTEXT <= tokens < context]


def _quantized(config: LoadConfig) -> LoadConfig:
    """The same with a quantized cache, which needs flash attention."""
    return structs.replace(config, kv_type=QUANTIZED, flash_attention=None)


def _with_quantized_cache(
    model: LocalModel, header: GgufHeader, config: LoadConfig, memory: MemorySnapshot
) -> Advice | None:
    """The longest context that fits with a quantized cache, where there was none."""
    if config.kv_type not in UNQUANTIZED:
        return None
    quantized = structs.replace(_quantized(config), context_length=_context_of(header, config))
    need = estimate(header, quantized, model.size)
    if verdict(need, memory).fit is Fit.FITS:
        return Advice(quantized, need.total)
    return _roomier(model, header, quantized, memory)


def _smaller_model(
    model: LocalModel, memory: MemorySnapshot, models: Sequence[LocalModel]
) -> Way | None:
    """The largest model below this one that fits."""
    candidates = (
        (other, spread(rough_estimate(other), memory))
        for other in models
        if other.present and other.problem is None and not other.is_remote
        if other.size < model.size
    )
    fitting = [(other, need) for other, need in candidates if verdict(need, memory).fit is Fit.FITS]
    if not fitting:
        return None
    other, need = max(fitting, key=lambda pair: pair[0].size)
    return Way(RemedyKind.OTHER_MODEL, LoadConfig(), need.total, other)


def rough_estimate(model: LocalModel) -> MemoryEstimate:
    """What a model takes with its standard settings, without reading its header."""
    context = min(model.context_length or DEFAULT_CONTEXT, DEFAULT_CONTEXT)
    return estimate_from_size(model.size, model.parameters, context)
