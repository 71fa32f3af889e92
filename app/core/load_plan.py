"""Decide how a model is loaded, and refuse what an engine would choke on, before one starts."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import msgspec

from app.core.auto_fit import default_config
from app.core.errors import ModelError
from app.core.estimate_corrections import NO_CORRECTION, Correction
from app.core.gguf_types import GgufHeader
from app.core.gguf_validate import check_model
from app.core.hardware import HardwareSurvey, MemorySnapshot
from app.core.library_types import LocalModel
from app.core.memory import (
    FITS_SHARE,
    FitVerdict,
    GuardRails,
    MemoryEstimate,
    alone,
    estimate,
    refused,
    verdict,
)
from app.core.memory_formulas import UNQUANTIZED
from app.core.mlx_header import read_mlx_header
from app.core.own_adapters import with_own_adapters
from app.core.projectors import projector_beside
from app.core.room import Held, rooms
from app.core.settings import Settings
from backends.types import LoadConfig

_SETTING_NAMES = {
    "context_length": "Context length",
    "gpu_layers": "GPU layers",
    "threads": "Threads",
    "batch_size": "Batch size",
    "kv_type": "Type of the KV cache",
    "flash_attention": "Flash attention",
    "slots": "Answers at once",
    "main_gpu": "Main graphics card",
    "tensor_split": "Share of each graphics card",
    "experts_on_cpu": "Layers with experts on the processor",
    "rope_freq_base": "RoPE base",
    "rope_freq_scale": "RoPE scale",
    "draft_tokens": "Tokens guessed ahead",
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
    need: MemoryEstimate
    """What it is estimated to take, by what was learned on this computer."""
    formula: MemoryEstimate
    """Of the model without its companions, by the formulas alone: what engines measure."""
    warning: str = ""
    """A sentence about memory that is short, for a person."""
    ejected: tuple[str, ...] = ()
    """Ids of the models that have to be ejected first."""


def chosen_config(model: LocalModel, config: LoadConfig | None, settings: Settings) -> LoadConfig:
    """What the caller wants, else what the person set for this model, else for all models.

    The memory for resting chats, where it is left open, is always that for all models.
    """
    standard = settings.engine.default_load
    wanted = config or settings.models.load.get(model.id) or standard
    if wanted.parking_bytes is None:
        return msgspec.structs.replace(wanted, parking_bytes=standard.parking_bytes)
    return wanted


def remembered_config(config: LoadConfig) -> LoadConfig:
    """What of load settings is kept for one model: all but what is set for all models."""
    return msgspec.structs.replace(config, parking_bytes=None)


def plan_load(
    model: LocalModel,
    config: LoadConfig,
    settings: Settings,
    hardware: HardwareSurvey,
    memory: MemorySnapshot,
    *,
    force: bool = False,
    held: Sequence[Held] = (),
    correction: Correction = NO_CORRECTION,
) -> LoadPlan:
    """Check model and settings; fill in what is left open in `config`.

    `memory` is what there is for it. `held` are the models that may be ejected for it, in the
    order in which they are; no more of them than needed for the longest context and the most
    layers on the card. `correction` is what earlier loads taught.

    Raises:
        NotEnoughMemory: it does not fit, the guard rails are on and `force` is False.
        ModelError: the file or a setting is not valid.
    """
    check_settings(config)
    if model.format == "mlx":
        header = read_mlx_header(model.path)
        memory = msgspec.structs.replace(memory, gpus=())  # Apple's GPU computes in main memory
    else:
        header = check_model(model.path)
    if config.projector is None:
        config = msgspec.structs.replace(config, projector=projector_beside(model, header))
    config = with_own_adapters(model, config)
    rails = settings.engine.guard_rails
    spaces = list(rooms(memory, held))
    plans = [
        _plan_in(space, model, header, config, settings, hardware, correction) for space in spaces
    ]
    verdicts = [verdict(plan.need, space) for plan, space in zip(plans, spaces, strict=True)]
    # Without guard rails everything loads, but not beside idle models that it could do without.
    wished = "relaxed" if force or rails == "off" else rails
    possible = [
        (plan.config.context_length or 0, plan.config.gpu_layers or 0, -ejected)
        for ejected, (plan, judged) in enumerate(zip(plans, verdicts, strict=True))
        if not refused(judged.fit, wished)
    ]
    ejected = -max(possible)[2] if possible else len(held)
    plan, judged = plans[ejected], verdicts[ejected]
    warning = ""
    if not possible:
        if not force and rails != "off":
            raise _not_enough(model, plan, judged, rails)
        warning = _warning(model, judged)
    names = tuple(each.model_id for each in held[:ejected])
    return replace(plan, warning=warning, ejected=names)


def _plan_in(
    memory: MemorySnapshot,
    model: LocalModel,
    header: GgufHeader,
    config: LoadConfig,
    settings: Settings,
    hardware: HardwareSurvey,
    correction: Correction,
) -> LoadPlan:
    """The best plan for exactly this memory, whether it is refused or not."""
    engine = msgspec.structs.replace(settings.engine, default_load=config)
    final = default_config(
        header, hardware, engine, file_size=model.size, memory=memory, correction=correction
    )
    need = correction.apply(estimate(header, final, model.size))
    return LoadPlan(final, need, estimate(header, alone(final), model.size))


def check_settings(config: LoadConfig) -> None:
    """Refuse values out of range and combinations that no engine accepts."""
    try:
        msgspec.convert(msgspec.to_builtins(config), LoadConfig)
    except msgspec.ValidationError as error:
        raise ModelError(
            "A load setting is not possible", _range_sentence(config, str(error)), _RESET
        ) from error
    if config.kv_type not in UNQUANTIZED and config.flash_attention is False:
        raise ModelError(
            "Two load settings exclude each other",
            f"A KV cache of type {config.kv_type} needs flash attention, which is switched off.",
            "Switch flash attention on, or set the type of the KV cache to f16.",
        )


def _not_enough(
    model: LocalModel, plan: LoadPlan, judged: FitVerdict, rails: GuardRails
) -> NotEnoughMemory:
    """Why a model is refused, with the numbers."""
    need, tokens = plan.need, plan.config.context_length
    context = f" with a context of {tokens:,} tokens" if tokens else ""
    where = "The graphics card has" if judged.gpu else "This computer has"
    kept = f" {1 - FITS_SHARE:.0%} of that is kept free." if rails == "strict" else ""
    return NotEnoughMemory(
        f"{model.name} needs more memory than is free",
        f"It needs about {_gigabytes(judged.need)}{context}: "
        f"{_gigabytes(need.weights)} for the model, {_gigabytes(need.kv_cache)} for the KV cache, "
        f"{_gigabytes(need.compute + need.overhead)} for computing. "
        f"{where} {_gigabytes(judged.free)} free of {_gigabytes(judged.total)}.{kept}",
        "Choose a smaller context length or a smaller variant, or close other programs. "
        "You can load it anyway (in the terminal with --force), but this computer may become very "
        "slow.",
        verdict=judged,
    )


def _warning(model: LocalModel, judged: FitVerdict) -> str:
    return (
        f"{model.name} needs about {_gigabytes(judged.need)} and {_gigabytes(judged.free)} are "
        "free: this computer may become very slow or end the model."
    )


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
