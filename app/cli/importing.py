"""`corral import`: take models from elsewhere into a models folder."""

import sys
from argparse import Namespace
from pathlib import Path

from app.cli.folders import meant_folder, use_folder
from app.cli.parts import Parts
from app.cli.rendering import ProgressLine, human_size
from app.core.errors import StorageError
from app.core.library_import import ImportItem, ImportPlan, Way, import_models, plan_import

_DOES: dict[Way, str] = {"link": "linked", "copy": "copied", "move": "moved"}


def import_(arguments: Namespace) -> int:
    """Import files and folders, or say what importing them would do."""
    way: Way | None = arguments.way
    paths = [Path(text) for text in arguments.paths]
    with Parts() as parts:
        plan = plan_import(paths, _folder(parts, arguments), way)
        for path in plan.empty:
            sys.stderr.write(f"{path} holds no model.\n")
        for item in plan.items:
            if item.problem:
                sys.stderr.write(f"{item.name} stays where it is: {item.problem}\n")
        if arguments.dry_run:
            for item in plan.possible:
                sys.stdout.write(_would(item))
            return _code(plan)
        line = ProgressLine(quiet=arguments.quiet)
        try:
            models = import_models(
                parts.library,
                plan,
                lambda done, of: line.show(f"{done / of if of else 1:.0%} of {human_size(of)}"),
                lambda: False,
            )
        finally:
            line.clear()
        for model in models:
            sys.stdout.write(f"{model.path}\n")
        if len(models) < len(plan.possible):
            raise StorageError(
                "Not all models are listed", "Their files are there, but hold no usable model."
            )
    return _code(plan)


def _folder(parts: Parts, arguments: Namespace) -> Path:
    """Where they go; only asking what would be done makes no folder a models folder."""
    if not arguments.to:
        return parts.library.folder
    choose = meant_folder if arguments.dry_run else use_folder
    return choose(parts.library.own_folders, arguments.to)


def _would(item: ImportItem) -> str:
    size = human_size(item.size)
    return f"{item.name} ({size}) would be {_DOES[item.way]} to {item.files[0][1]}\n"


def _code(plan: ImportPlan) -> int:
    """What stays where it is is no success for a script."""
    return 0 if len(plan.possible) == len(plan.items) and not plan.empty else 1
