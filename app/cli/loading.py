"""`corral load`, `corral unload`, `corral ps`: models in the memory of the running Corral."""

import sys
from argparse import Namespace

from app.cli.estimating import changed_config, estimate
from app.cli.models_here import SharedModels
from app.cli.parts import Parts
from app.cli.rendering import ProgressLine, human_size, human_time, print_json, remark, table
from app.cli.session import make_model, time_to_live
from app.core.errors import AppError
from app.core.library_types import LocalModel
from app.core.ollama_recipe import Recipe
from app.core.running_client import RunningClient
from app.core.running_wire import LoadedRow


def load(arguments: Namespace) -> int:
    """Load a model in the running Corral, or say what it would take."""
    if arguments.estimate_only:
        return estimate(arguments)
    with Parts() as parts:
        client = needed(parts, "load models for")
        model = parts.library.find(arguments.model)
        if arguments.identifier is not None:
            model = _known_as(parts, model, arguments.identifier)
        line = ProgressLine()
        try:
            loaded = SharedModels(parts, client).load(
                model,
                lambda saved: changed_config(parts, model, saved, arguments),
                force=arguments.force,
                ttl=time_to_live(arguments.keepalive),
                on_progress=lambda part: line.show(f"Loading {model.name} {part:.0%}"),
            )
        finally:
            line.clear()
        if loaded.warning:
            remark(loaded.warning)
        if arguments.json:
            print_json({"model": model.id, "info": loaded.info})
        else:
            sys.stdout.write(f"{model.id}\n")
    return 0


def _known_as(parts: Parts, model: LocalModel, name: str) -> LocalModel:
    """The model under a further name, which is made where there is none."""
    for each in parts.library.models():
        if each.name == name and each.variant_of in {model.id, model.variant_of} - {None, ""}:
            return each
    return make_model(parts, name, model, Recipe(name))


def unload(arguments: Namespace) -> int:
    """Eject a model or all of them, or end the running `corral serve`."""
    if arguments.server:
        from app.cli.server import stop

        return stop(arguments)
    with Parts() as parts:
        if arguments.all:
            ids = [row.id for row in parts.running.status().loaded] if parts.running else []
        else:
            ids = [parts.library.find(arguments.model).id]
        loaded = {row.id for row in parts.running.status().loaded} if parts.running else set()
        for model_id in ids:
            if parts.running is None or model_id not in loaded:
                remark(f"{model_id} is not loaded.")
                continue
            parts.running.unload(model_id)
            sys.stdout.write(f"{model_id}\n")
    return 0


def ps(arguments: Namespace) -> int:
    """List what the running Corral has loaded."""
    with Parts() as parts:
        rows = parts.running.status().loaded if parts.running else []
        idle = parts.settings.current.engine.idle_minutes * 60.0
    if arguments.json:
        print_json(rows)
        return 0
    sys.stdout.write(loaded_table(rows, idle) + "\n" if rows else "Nothing is loaded.\n")
    return 0


def loaded_table(rows: list[LoadedRow], idle: float) -> str:
    """Loaded models for a person; `idle` seconds without use end those without a time of theirs."""
    head = ("NAME", "STATE", "MEMORY", "CONTEXT", "PROCESSOR", "UNTIL", "ID")
    return table(
        head,
        [
            (
                row.name,
                f"{row.fraction:.0%}" if row.state == "loading" else row.state,
                human_size(row.resident_bytes),
                f"{row.context_length:,}",
                "GPU" if row.on_gpu else "CPU",
                _until(row, idle),
                row.id,
            )
            for row in rows
        ],
        right=(2, 3),
    )


def _until(row: LoadedRow, idle: float) -> str:
    ttl = idle if row.ttl is None else row.ttl
    return human_time(max(0.0, ttl - row.idle_seconds)) if ttl else "ejected"


def needed(parts: Parts, purpose: str) -> RunningClient:
    """The running Corral. Raises AppError where there is none; `purpose` says what for."""
    if parts.running is None:
        raise AppError(
            "Corral is not running",
            f"There is nothing to {purpose}.",
            "Start it with “corral server start”, or open the window.",
        )
    return parts.running
