"""`corral show`: what is known of a model."""

import sys
from argparse import Namespace

from msgspec import structs

from app.cli.model_facts import (
    header_of,
    licence_of,
    model_part,
    model_row,
    model_summary,
    recipe_of,
    template_of,
)
from app.cli.parts import Parts
from app.cli.rendering import print_json, without_controls
from app.core.header_values import header_values


def show(arguments: Namespace) -> int:
    """Tell what is known of a model, or one part of it."""
    with Parts() as parts:
        model = parts.library.find(arguments.model)
        if arguments.json:
            recipe = recipe_of(parts, model)
            print_json(
                {
                    **model_row(model),
                    "notes": model.notes,
                    "system": recipe.system_prompt,
                    "messages": recipe.messages,
                    "sampling": structs.asdict(recipe.sampling),
                    "load": recipe.load,
                    "template": template_of(parts, model),
                    "license": licence_of(parts, model),
                    "modelfile": model_part(parts, model, "modelfile"),
                }
            )
            return 0
        if arguments.part:
            text = model_part(parts, model, arguments.part)
            if text:
                sys.stdout.write(f"{without_controls(text).rstrip()}\n")
                return 0
            sys.stderr.write(f"corral: {model.name} has no {arguments.part}.\n")
            return 1
        sys.stdout.write(f"{without_controls(model_summary(parts, model))}\n")
        header = header_of(parts, model) if arguments.verbose else None
        for key, told in header_values(header) if header else ():
            sys.stdout.write(f"  {without_controls(f'{key} = {told}')}\n")
    return 0
