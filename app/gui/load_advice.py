"""What loading will do to the memory, and the ways on after a failure, in words.

No widgets. What is decided is decided in the core: `room`, `auto_fit` and `remedies`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from msgspec import structs
from PySide6.QtCore import QCoreApplication

from app.core.auto_fit import default_config
from app.core.errors import ModelError, RemedyKind
from app.core.estimate_corrections import NO_CORRECTION, Correction
from app.core.gguf_types import GgufHeader
from app.core.hardware import HardwareSurvey, MemorySnapshot
from app.core.library_types import LocalModel
from app.core.memory import FitVerdict, GuardRails, MemoryEstimate, estimate, refused, verdict
from app.core.remedies import Way, ways_on
from app.core.room import Held, without
from app.core.settings import Settings
from app.gui import formatting
from app.gui.message_item import Remedy
from backends.types import LoadConfig

AGAIN = "again"
"""Key of the remedy that changes nothing."""


@dataclass(frozen=True)
class Forecast:
    """What loading a model will take and do."""

    need: MemoryEstimate
    verdict: FitVerdict
    ejected: tuple[str, ...]
    """Names of models that will be ejected to make room."""
    memory: MemorySnapshot
    """Main memory once they are."""


def starting_config(
    model: LocalModel,
    header: GgufHeader,
    hardware: HardwareSurvey,
    settings: Settings,
    memory: MemorySnapshot,
    *,
    remembered: bool = True,
    correction: Correction = NO_CORRECTION,
) -> LoadConfig:
    """How a model is loaded if nothing is changed: as remembered for it, else what suits."""
    wanted = settings.models.load.get(model.id) if remembered else None
    engine = structs.replace(settings.engine, default_load=wanted or settings.engine.default_load)
    return default_config(
        header, hardware, engine, file_size=model.size, memory=memory, correction=correction
    )


def forecast(
    model: LocalModel,
    header: GgufHeader,
    config: LoadConfig,
    memory: MemorySnapshot,
    loaded: Sequence[Held] = (),
    rails: GuardRails = "relaxed",
    correction: Correction = NO_CORRECTION,
) -> Forecast:
    """What loading will take; `loaded` are the models in memory, longest idle first.

    They are ejected one after the other until the guard rails let the model in, as loading does.
    """
    need = correction.apply(estimate(header, config, model.size))
    for held in loaded:
        if held.model_id == model.id:
            memory = without(memory, held)
    wished: GuardRails = "relaxed" if rails == "off" else rails
    fit = verdict(need, memory)
    ejected: list[str] = []
    for held in loaded:
        if not refused(fit.fit, wished):
            break
        if held.model_id != model.id:
            memory = without(memory, held)
            ejected.append(held.name)
            fit = verdict(need, memory)
    return Forecast(need, fit, tuple(ejected), memory)


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
    error: ModelError,
    model: LocalModel,
    header: GgufHeader,
    config: LoadConfig,
    memory: MemorySnapshot,
    models: Sequence[LocalModel],
) -> tuple[Remedy, ...]:
    """Ways on after `error`, the best first, as buttons; their keys are read by `config_for`.

    `config` is how `model` was loaded, `memory` what is free now that the engine is gone.
    Nothing where loading it again as it was is all there is; copying a report is offered by every
    card.
    """
    found = ways_on(error.remedies, model, header, config, memory, models)
    again = Remedy(AGAIN, _tr("Reload and continue"), _tr("With the same settings"))
    order = [(error.remedies.index(way.kind), _remedy(way)) for way in found]
    if found and RemedyKind.RELOAD in error.remedies:
        order.append((error.remedies.index(RemedyKind.RELOAD), again))
    return tuple(remedy for _, remedy in sorted(order, key=lambda pair: pair[0]))


def _remedy(way: Way) -> Remedy:
    if way.model is not None:
        label = " · ".join(part for part in (way.model.name, way.model.quantization) if part)
        return Remedy(_key(way.config, way.model.id), _tr("Switch model"), label, _needs(way.need))
    return Remedy(_key(way.config), _tr("Reload and continue"), _label(way), _needs(way.need))


def _label(way: Way) -> str:
    tokens = formatting.number(way.config.context_length or 0)
    match way.kind:
        case RemedyKind.SMALLER_CONTEXT:
            return _tr("Context %1 tokens").replace("%1", tokens)
        case RemedyKind.SMALLER_KV_TYPE:
            words = _tr("Context %1, KV type %2").replace("%1", tokens)
            return words.replace("%2", way.config.kv_type)
        case RemedyKind.FEWER_LAYERS:
            layers = formatting.number(way.config.gpu_layers or 0)
            return _tr("%1 layers on the graphics card").replace("%1", layers)
        case RemedyKind.NO_GPU:
            return _tr("On the processor alone")
    return _tr("Usual load settings")


def _needs(size: int) -> str:
    return _tr("needs %1").replace("%1", formatting.memory_size(size))


def _tr(text: str) -> str:
    return QCoreApplication.translate("load_advice", text)
