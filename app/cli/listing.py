"""`corral ls` and `corral presets`."""

import sys
from argparse import Namespace

import msgspec

from app.cli.model_facts import model_row
from app.cli.parts import Parts
from app.cli.rendering import human_size, print_json, table
from app.core.errors import NotFoundError
from app.core.library_types import LocalModel


def ls(arguments: Namespace) -> int:
    """List the models on this computer and those of servers."""
    with Parts() as parts:
        models = [each for each in parts.library.models() if _is_wanted(each, arguments)]
    if arguments.json:
        print_json(list(map(model_row, models)))
        return 0
    if arguments.ids:
        sys.stdout.write("".join(f"{model.id}\n" for model in models))
        return 0
    if not models:
        sys.stdout.write("No models yet. Get one with: corral get OWNER/REPO\n")
        return 0
    rows: list[tuple[str, ...]] = [
        (
            model.name,
            f"on {model.publisher}" if model.is_remote else model.quantization,
            "" if model.is_remote else human_size(model.disk_size),
            f"{model.context_length:,}" if model.context_length else "",
            model.id,
        )
        for model in models
    ]
    head = ["NAME", "QUANTIZATION", "SIZE", "CONTEXT", "ID"]
    if any(model.problem for model in models):
        head.append("PROBLEM")
        rows = [(*row, model.problem or "") for row, model in zip(rows, models, strict=True)]
    sys.stdout.write(table(head, rows, right=(2, 3)) + "\n")
    return 0


def _is_wanted(model: LocalModel, arguments: Namespace) -> bool:
    embeds = "embeddings" in model.capabilities
    return not (arguments.llm and embeds) and not (arguments.embedding and not embeds)


def presets(arguments: Namespace) -> int:
    """List the presets, or show one."""
    with Parts() as parts:
        known = parts.presets.list()
    if arguments.preset is None:
        if arguments.json:
            print_json(known)
            return 0
        rows = [(each.id, each.name, each.description) for each in known]
        sys.stdout.write(table(("ID", "NAME", "DESCRIPTION"), rows) + "\n")
        return 0
    preset = next((each for each in known if each.id == arguments.preset), None)
    if preset is None:
        names = ", ".join(each.id for each in known)
        raise NotFoundError(
            f"There is no preset named {arguments.preset}", hint=f"There are: {names}."
        )
    if arguments.json:
        print_json(preset)
        return 0
    values = msgspec.to_builtins(preset.sampling)
    sys.stdout.write(f"{preset.name}\n{preset.description}\n")
    sys.stdout.write("".join(f"  {name} = {value}\n" for name, value in values.items()))
    sys.stdout.write(f"\n{preset.system_prompt}\n")
    return 0
