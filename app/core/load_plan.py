"""Decide how a model is loaded, and refuse what an engine would choke on, before one starts."""

import re
from dataclasses import dataclass
from typing import ClassVar

import msgspec

from app.core.errors import ModelError
from app.core.gguf_validate import check_model
from app.core.hardware import HardwareSurvey, MemorySnapshot
from app.core.library_types import LocalModel
from app.core.memory import Fit, FitVerdict, MemoryEstimate, default_config, estimate, verdict
from app.core.settings import Settings
from backends.types import LoadConfig

_SETTING_NAMES = {
    "context_length": "Context length",
    "gpu_layers": "GPU layers",
    "threads": "Threads",
    "batch_size": "Batch size",
    "kv_type": "Type of the KV cache",
    "flash_attention": "Flash attention",
}
_BOUND = re.compile(r"(?P<sign>>=|<=) (?P<bound>-?\d+)")
_FIELD = re.compile(r"\$\.(?P<field>\w+)")
_RESET = "Change it in the load settings, or reset them."


class NotEnoughMemory(ModelError):
    """The estimate says that the model does not fit; `load(force=True)` tries all the same."""

    code: ClassVar[str] = "not_enough_memory"

    def __init__(
        self,
        title: str,
        message: str = "",
        hint: str = "",
        detail: str = "",
        verdict: FitVerdict | None = None,
    ) -> None:
        super().__init__(title, message, hint, detail)
        self.verdict = verdict
        """The numbers, in bytes."""


@dataclass(frozen=True)
class LoadPlan:
    """How a model is loaded."""

    config: LoadConfig
    need: int
    """Bytes that it is estimated to take."""


def chosen_config(model: LocalModel, config: LoadConfig | None, settings: Settings) -> LoadConfig:
    """What the caller wants, else what the person set for this model, else for all models."""
    return config or settings.models.load.get(model.id) or settings.engine.default_load


def plan_load(
    model: LocalModel,
    config: LoadConfig,
    settings: Settings,
    hardware: HardwareSurvey,
    memory: MemorySnapshot,
    *,
    force: bool = False,
    replaced: LoadConfig | None = None,
) -> LoadPlan:
    """Check model and settings; fill in what is left open in `config`.

    `memory` is what there is for it. `replaced` is how this model is loaded now: that memory
    becomes free again.

    Raises:
        NotEnoughMemory: it does not fit and `force` is False.
        ModelError: the file or a setting is not valid.
    """
    check_settings(config)
    header = check_model(model.path)
    if replaced is not None:
        memory = _with_returned(memory, estimate(header, replaced, model.size))
    engine = msgspec.structs.replace(settings.engine, default_load=config)
    final = default_config(header, hardware, engine, file_size=model.size, memory=memory)
    need = estimate(header, final, model.size)
    if not force:
        check_memory(model, need, final, memory)
    return LoadPlan(final, need.total)


def check_settings(config: LoadConfig) -> None:
    """Refuse values out of range and combinations that no engine accepts."""
    try:
        msgspec.convert(msgspec.to_builtins(config), LoadConfig)
    except msgspec.ValidationError as error:
        raise ModelError(
            "A load setting is not possible", _range_sentence(config, str(error)), _RESET
        ) from error
    if config.kv_type != "f16" and config.flash_attention is False:
        raise ModelError(
            "Two load settings exclude each other",
            f"A KV cache of type {config.kv_type} needs flash attention, which is switched off.",
            "Switch flash attention on, or set the type of the KV cache to f16.",
        )


def check_memory(
    model: LocalModel, need: MemoryEstimate, config: LoadConfig, memory: MemorySnapshot
) -> None:
    """Refuse a model that needs more memory than there is, with the numbers."""
    fit = verdict(need, memory)
    if fit.fit is not Fit.TOO_LARGE:
        return
    context = (
        f" with a context of {config.context_length:,} tokens" if config.context_length else ""
    )
    raise NotEnoughMemory(
        f"{model.name} needs more memory than is free",
        f"It needs about {_gigabytes(fit.need)}{context}: "
        f"{_gigabytes(need.weights)} for the model, {_gigabytes(need.kv_cache)} for the KV cache, "
        f"{_gigabytes(need.compute + need.overhead)} for computing. "
        f"This computer has {_gigabytes(fit.free)} free of {_gigabytes(fit.total)}.",
        "Choose a smaller context length or a smaller variant, or close other programs. "
        "You can load it anyway, but this computer may become very slow.",
        verdict=fit,
    )


def _with_returned(memory: MemorySnapshot, held: MemoryEstimate) -> MemorySnapshot:
    """Count what the loaded model gives back; its weights are file cache and count as free."""
    returned = held.kv_cache + held.compute + held.overhead
    available = min(memory.total, memory.available + returned)
    return msgspec.structs.replace(memory, available=available)


def _range_sentence(config: LoadConfig, problem: str) -> str:
    """msgspec's “Expected `int` >= 256 - at `$.context_length`” for a person."""
    field = _FIELD.search(problem)
    if field is None:
        return f"{problem}."
    name = _SETTING_NAMES.get(field["field"], field["field"])
    value = getattr(config, field["field"], None)
    bound = _BOUND.search(problem)
    if bound is None:
        return f"{name} cannot be {value}."
    limit = "at least" if bound["sign"] == ">=" else "at most"
    return f"{name} is {value} and must be {limit} {int(bound['bound']):,}."


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB"
