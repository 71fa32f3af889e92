"""`corral rm`, `corral cp`, `corral create`: models go, and are made of others."""

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from app.cli.model_facts import template_of
from app.cli.parts import Parts
from app.cli.rendering import human_size, remark
from app.cli.session import make_model
from app.core.errors import AppError, NotFoundError, StorageError
from app.core.library_files import size_to_delete
from app.core.library_types import LocalModel
from app.core.modelfile import ModelfileError, read_modelfile
from app.core.ollama_recipe import Recipe
from app.core.removal import remove_model

_LARGEST = 10_000_000
"""Bytes of a Modelfile; a larger file is none."""


def rm(arguments: Namespace) -> int:
    """Delete models; what is used in place is only forgotten."""
    with Parts() as parts:
        models = [parts.library.find(name, whole=True) for name in arguments.models]
        kept = 0
        for model in dict.fromkeys(model.id for model in models):
            kept += not _removed(parts, parts.library.get(model), sure=arguments.yes)
    return 1 if kept else 0


def _removed(parts: Parts, model: LocalModel, *, sure: bool) -> bool:
    made = [each for each in parts.library.models() if each.variant_of == model.id]
    if not sure and not _confirmed(parts, model, made):
        return False
    if parts.running is not None:
        parts.running.remove(model.id)
    else:
        remove_model(parts.library, parts.presets, parts.settings, model)
    sys.stdout.write(f"{'Forgotten' if model.read_only else 'Deleted'}: {model.id}\n")
    sys.stdout.writelines(f"Deleted, as it was made of it: {each.id}\n" for each in made)
    return True


def _confirmed(parts: Parts, model: LocalModel, made: Sequence[LocalModel]) -> bool:
    if not sys.stdin.isatty():
        raise AppError(
            f"{model.name} was not deleted", hint="Without a terminal to ask in, add --yes."
        )
    stays = model.variant_of or model.read_only
    size = "its files stay" if stays else human_size(size_to_delete(model, parts.library.models()))
    further = f" and what was made of it, {', '.join(each.name for each in made)}" if made else ""
    try:
        answer = input(f"Delete {model.name} ({size}){further}? [y/N] ")
    except EOFError:
        return False
    return answer.strip().lower() in ("y", "yes")


def cp(arguments: Namespace) -> int:
    """Give a model a further name."""
    with Parts() as parts:
        model = parts.library.find(arguments.model)
        made = make_model(parts, arguments.name, model, Recipe(arguments.name))
    sys.stdout.write(f"{made.id}\n")
    return 0


def create(arguments: Namespace) -> int:
    """Make a model by a Modelfile."""
    text, folder = _read(arguments.file)
    told = read_modelfile(text, arguments.name, folder)
    with Parts() as parts:
        base = _base(parts, told.base, folder)
        if told.template and told.template.strip() != template_of(parts, base).strip():
            raise ModelfileError(
                "The Modelfile has a chat template of its own",
                f"{base.name} answers with the one in its file only.",
                "Leave TEMPLATE out.",
            )
        made = make_model(parts, arguments.name, base, told.recipe)
    if told.recipe.left_out:
        remark(f"Not taken from the Modelfile: {', '.join(told.recipe.left_out)}.")
    sys.stdout.write(f"{made.id}\n")
    return 0


def _read(name: str) -> tuple[str, Path]:
    """The text of the Modelfile, and where its paths begin."""
    try:
        if name == "-":
            data = sys.stdin.buffer.read(_LARGEST + 1)
        else:
            with open(name, "rb") as file:
                data = file.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise ModelfileError(f"{name} is no Modelfile", "It is larger than 10 MB.")
        return data.decode("utf-8-sig"), Path() if name == "-" else Path(name).parent
    except FileNotFoundError as error:
        raise NotFoundError(
            f"There is no file {name}", hint="Name the Modelfile with --file."
        ) from error
    except OSError as error:
        raise StorageError(f"{name} could not be read", str(error.strerror)) from error
    except UnicodeDecodeError as error:
        raise ModelfileError(f"{name} is no Modelfile", "It is not UTF-8 text.") from error


def _base(parts: Parts, name: str, folder: Path) -> LocalModel:
    """The model behind FROM: by name, or by the path of a file that is in the library."""
    path = (folder / Path(name).expanduser()).absolute()
    if path.exists():
        known = (each for each in parts.library.models() if each.path.absolute() == path)
        if (model := next(known, None)) is not None:
            return model
        raise NotFoundError(
            f"{path.name} is not among the models", hint=f"Take it up with: corral import {path}"
        )
    return parts.library.find(name)
