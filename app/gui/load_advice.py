"""What to do about memory: who makes room, smaller contexts, quantized caches, smaller models.

No widgets: numbers in, decisions and words out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from msgspec import structs
from PySide6.QtCore import QCoreApplication

from app.core.gguf_types import GgufHeader
from app.core.hardware import HardwareSurvey, MemorySnapshot
from app.core.library_types import LocalModel
from app.core.memory import (
    DEFAULT_CONTEXT,
    Fit,
    FitVerdict,
    MemoryEstimate,
    default_config,
    default_context,
    estimate,
    estimate_from_size,
    verdict,
)
from app.core.runtime import LoadedModel
from app.core.settings import Settings
from app.gui import formatting
from app.gui.message_item import Remedy
from backends.types import LoadConfig

SMALLEST_CONTEXT = 512
QUANTIZED = "q8_0"
"""The type of the KV cache that halves it at next to no cost in quality."""


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
        """Bytes that become free when it is ejected.

        Weights are file cache: they come back only where they counted as taken.
        """
        return self.size.total - self.size.weights + self.claimed


@dataclass(frozen=True)
class Forecast:
    """What loading a model will take and do."""

    need: MemoryEstimate
    verdict: FitVerdict
    ejected: tuple[str, ...]
    """Names of models that will be ejected to make room."""
    memory: MemorySnapshot
    """Main memory once they are."""


@dataclass(frozen=True)
class Advice:
    """A change of the load settings that makes the model fit."""

    config: LoadConfig
    need: int
    """Bytes."""


def starting_config(
    model: LocalModel,
    header: GgufHeader,
    hardware: HardwareSurvey,
    settings: Settings,
    memory: MemorySnapshot,
    *,
    remembered: bool = True,
) -> LoadConfig:
    """How a model is loaded if nothing is changed: as remembered for it, else what suits."""
    wanted = settings.models.load.get(model.id) if remembered else None
    engine = structs.replace(settings.engine, default_load=wanted or settings.engine.default_load)
    return default_config(header, hardware, engine, file_size=model.size, memory=memory)


def forecast(
    model: LocalModel,
    header: GgufHeader,
    config: LoadConfig,
    memory: MemorySnapshot,
    loaded: Sequence[Held] = (),
) -> Forecast:
    """What loading will take; `loaded` are the models in memory, longest idle first.

    They are ejected one after the other until the model is no longer too large, as loading does.
    """
    need = estimate(header, config, model.size)
    for held in loaded:
        if held.model_id == model.id:
            memory = _with(memory, held.returned)
    fit = verdict(need, memory)
    ejected: list[str] = []
    for held in loaded:
        if fit.fit is not Fit.TOO_LARGE:
            break
        if held.model_id != model.id:
            memory = _with(memory, held.returned)
            ejected.append(held.name)
            fit = verdict(need, memory)
    return Forecast(need, fit, tuple(ejected), memory)


def _with(memory: MemorySnapshot, returned: int) -> MemorySnapshot:
    return structs.replace(memory, available=min(memory.total, memory.available + returned))


def advice(
    model: LocalModel, header: GgufHeader, config: LoadConfig, memory: MemorySnapshot
) -> Advice | None:
    """The least change that makes a model fit: a smaller context, else a quantized cache too."""
    smaller = _roomier(model, header, config, memory)
    if smaller is None:
        smaller = _roomier(model, header, _quantized(config), memory)
    return smaller


def _roomier(
    model: LocalModel, header: GgufHeader, config: LoadConfig, memory: MemorySnapshot
) -> Advice | None:
    """The longest context below the one in `config` with which the model fits."""
    context = config.context_length or default_context(header)
    for tokens in _contexts_below(context):
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


class _Choice(msgspec.Struct, frozen=True):
    """What the key of a remedy says."""

    config: LoadConfig
    model: str | None = None


def config_for(key: str) -> tuple[str | None, LoadConfig] | None:
    """Model id (None: the same model) and settings of a remedy's key; None for any other key."""
    try:
        choice = msgspec.json.decode(key, type=_Choice)
    except msgspec.DecodeError:
        return None
    return choice.model, choice.config


def _key(config: LoadConfig, model: str | None = None) -> str:
    return msgspec.json.encode(_Choice(config, model)).decode()


def remedies(
    loaded: LoadedModel,
    header: GgufHeader,
    memory: MemorySnapshot,
    models: Sequence[LocalModel],
) -> tuple[Remedy, ...]:
    """Ways on after an engine died for lack of memory, the one that changes least first.

    A smaller context; a longer one with a quantized cache, where that helps; a smaller model.
    `memory` is what is free now that the engine is gone.
    """
    model, config = loaded.model, loaded.config
    found: list[Remedy] = []
    smaller = _roomier(model, header, config, memory)
    if smaller is not None:
        words = _tr("Context %1 tokens").replace("%1", _tokens(smaller.config))
        found.append(_reload(smaller, words))
    quantized = _with_quantized_cache(model, header, config, memory)
    if quantized is not None and _context(quantized) > (_context(smaller) if smaller else 0):
        words = _tr("Context %1, KV type %2").replace("%1", _tokens(quantized.config))
        found.append(_reload(quantized, words.replace("%2", QUANTIZED)))
    other = _smaller_model(model, memory, models)
    if other is not None:
        found.append(other)
    return tuple(found)


def _with_quantized_cache(
    model: LocalModel, header: GgufHeader, config: LoadConfig, memory: MemorySnapshot
) -> Advice | None:
    if config.kv_type != "f16":
        return None
    quantized = _quantized(config)
    need = estimate(header, quantized, model.size)
    if verdict(need, memory).fit is Fit.FITS:
        context = config.context_length or default_context(header)
        return Advice(structs.replace(quantized, context_length=context), need.total)
    return _roomier(model, header, quantized, memory)


def _smaller_model(
    model: LocalModel, memory: MemorySnapshot, models: Sequence[LocalModel]
) -> Remedy | None:
    """The largest model below this one that fits."""
    candidates = (
        (other, rough_estimate(other))
        for other in models
        if other.present and other.problem is None and other.size < model.size
    )
    fitting = [(other, need) for other, need in candidates if verdict(need, memory).fit is Fit.FITS]
    if not fitting:
        return None
    other, need = max(fitting, key=lambda pair: pair[0].size)
    return Remedy(
        _key(LoadConfig(), other.id),
        _tr("Switch model"),
        " · ".join(part for part in (other.name, other.quantization) if part),
        _needs(need.total),
    )


def rough_estimate(model: LocalModel) -> MemoryEstimate:
    """What a model takes with its standard settings, without reading its header."""
    context = min(model.context_length or DEFAULT_CONTEXT, DEFAULT_CONTEXT)
    return estimate_from_size(model.size, model.parameters, context)


def _reload(change: Advice, label: str) -> Remedy:
    return Remedy(_key(change.config), _tr("Reload and continue"), label, _needs(change.need))


def _context(change: Advice) -> int:
    return change.config.context_length or 0


def _tokens(config: LoadConfig) -> str:
    return formatting.number(config.context_length or 0)


def _needs(size: int) -> str:
    return _tr("needs %1").replace("%1", formatting.memory_size(size))


def _tr(text: str) -> str:
    return QCoreApplication.translate("load_advice", text)
