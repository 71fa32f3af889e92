"""`corral estimate`: what memory a model would take here."""

import sys
from argparse import Namespace

import msgspec

from app.cli import run_options
from app.cli.parts import Parts
from app.cli.rendering import human_size, print_json
from app.core.errors import ModelError
from app.core.library_types import LocalModel
from app.core.load_plan import LoadPlan, chosen_config, plan_load
from app.core.memory import Fit, FitVerdict, verdict
from backends.types import LoadConfig

_WORDS = {
    Fit.FITS: "It fits",
    Fit.TIGHT: "It is tight",
    Fit.TOO_LARGE: "It is too large",
}


def estimate(arguments: Namespace) -> int:
    """Say what memory a model would take; 0 where it fits or is tight, else 1."""
    with Parts() as parts:
        model = parts.library.find(arguments.model)
        if model.is_remote:
            raise ModelError(f"{model.name} takes no memory here", "It runs on a server.")
        saved = chosen_config(model, None, parts.settings.current)
        plan, judged = plan_of(parts, model, changed_config(parts, model, saved, arguments))
    if arguments.json:
        print_json(_row(model, plan, judged))
    else:
        sys.stdout.write(_told(model, plan, judged))
    return 1 if judged.fit is Fit.TOO_LARGE else 0


def changed_config(
    parts: Parts, model: LocalModel, saved: LoadConfig, arguments: Namespace
) -> LoadConfig:
    """The settings saved for a model with those of the command line. Raises AppError."""
    arguments.layer_count = None
    if arguments.gpu is not None and not model.is_remote:
        arguments.layer_count = parts.library.header(model.id).block_count
    arguments.load = run_options.with_draft_model(arguments.load, parts.library)
    return run_options.load_config(saved, arguments)


def plan_of(parts: Parts, model: LocalModel, config: LoadConfig) -> tuple[LoadPlan, FitVerdict]:
    """How the model would be loaded, and whether it fits. Raises `ModelError`."""
    runtime = parts.runtime
    hardware = runtime.hardware()
    memory = runtime.free_memory(look_at_gpus=True)
    plan = plan_load(
        model,
        config,
        parts.settings.current,
        hardware,
        memory,
        force=True,
        correction=runtime.corrections.of(model.id, config),
    )
    return plan, verdict(plan.need, memory)


def _row(model: LocalModel, plan: LoadPlan, judged: FitVerdict) -> dict[str, object]:
    need = plan.need
    return {
        "model": model.id,
        "fit": judged.fit.value,
        "context_length": plan.config.context_length,
        "gpu_layers": plan.config.gpu_layers or 0,
        "total": need.total,
        "weights": need.weights,
        "kv_cache": need.kv_cache,
        "compute": need.compute,
        "overhead": need.overhead,
        "on_gpu": need.on_gpu,
        "free": judged.free,
        "judged_by": "graphics memory" if judged.gpu else "main memory",
        "config": msgspec.to_builtins(plan.config),
    }


def _told(model: LocalModel, plan: LoadPlan, judged: FitVerdict) -> str:
    need, config = plan.need, plan.config
    where = "graphics memory" if judged.gpu else "main memory"
    rows = (
        ("weights", human_size(need.weights)),
        ("KV cache", f"{human_size(need.kv_cache)}  ({config.context_length or 0:,} tokens)"),
        ("computing", human_size(need.compute + need.overhead)),
        ("together", human_size(need.total)),
        ("of that on cards", f"{human_size(need.on_gpu)}  ({config.gpu_layers or 0} layers)"),
    )
    lines = [f"{name:17} {text}" for name, text in rows]
    free = f"{human_size(judged.free)} of {human_size(judged.total)} {where} are free"
    return "\n".join([model.name, *lines, f"{_WORDS[judged.fit]}: {free}."]) + "\n"
