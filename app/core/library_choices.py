"""What a person decided about single models: kept with the settings, not with the cache."""

import logging
import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct, structs

from app.core.errors import AppError, StorageError
from app.core.files import locked, set_aside, storage_error, write_atomically
from app.core.library_types import LocalModel

T = TypeVar("T")
log = logging.getLogger(__name__)


class ModelVariant(Struct, frozen=True):
    """Another name for the files of a model, with settings of its own."""

    name: str
    base: str
    """Id of the model that it is a variant of."""


class Choices(Struct, frozen=True):
    """What a person decided about single models."""

    adopted: tuple[str, ...] = ()
    """Paths of models used where they lie."""
    forgotten: tuple[str, ...] = ()
    """Ids of read-only models that were taken off the list."""
    names: tuple[str, ...] = ()
    """Paths that stay listed even where their file is listed by another name."""
    notes: Mapping[str, str] = {}
    """What was noted about models, by id."""
    tags: Mapping[str, tuple[str, ...]] = {}
    variants: Mapping[str, ModelVariant] = {}
    """By their own ids."""

    def recalling(self) -> "Choices":
        """All that was taken off the list is back."""
        return structs.replace(self, forgotten=())

    def adopting(self, path: Path) -> "Choices":
        """One more path."""
        return structs.replace(self, adopted=(*self.dropping(path).adopted, str(path)))

    def dropping(self, path: Path) -> "Choices":
        """One path less."""
        return structs.replace(self, adopted=tuple(t for t in self.adopted if t != str(path)))

    def forgetting(self, model_id: str) -> "Choices":
        """A read-only model is off the list."""
        others = (each for each in self.forgotten if each != model_id)
        return structs.replace(self, forgotten=(*others, model_id))

    def naming(self, paths: Iterable[Path]) -> "Choices":
        """More paths that stay listed."""
        return structs.replace(self, names=tuple(dict.fromkeys((*self.names, *map(str, paths)))))

    def noting(self, model_id: str, text: str) -> "Choices":
        """Another note about a model; an empty one is no note."""
        return structs.replace(self, notes=_with(self.notes, model_id, text.strip()))

    def tagging(self, model_id: str, tags: tuple[str, ...]) -> "Choices":
        """Other tags of a model; each is kept once, without spaces around it."""
        clean = dict.fromkeys(" ".join(tag.split()) for tag in tags)
        kept = tuple(tag for tag in clean if tag)
        return structs.replace(self, tags=_with(self.tags, model_id, kept))

    def renaming(self, model_id: str, name: str) -> "Choices":
        """Another name for a variant."""
        variant = structs.replace(self.variants[model_id], name=name)
        return structs.replace(self, variants={**self.variants, model_id: variant})

    def adding_variant(self, base: LocalModel, name: str) -> tuple["Choices", str]:
        """One variant more, and its id."""
        slug = re.sub(r"[^\w.]+", "-", name.casefold()).strip("-") or "variant"
        root = base.variant_of or base.id
        model_id, number = f"{root}+{slug}", 1
        while model_id in self.variants:
            number += 1
            model_id = f"{root}+{slug}-{number}"
        variants = {**self.variants, model_id: ModelVariant(name, root)}
        return structs.replace(self, variants=variants), model_id

    def without(self, model_id: str) -> "Choices":
        """Nothing is known of a model that was deleted, nor of its variants."""
        gone = {model_id, *(key for key, each in self.variants.items() if each.base == model_id)}
        return structs.replace(
            self,
            notes={key: value for key, value in self.notes.items() if key not in gone},
            tags={key: value for key, value in self.tags.items() if key not in gone},
            variants={key: value for key, value in self.variants.items() if key not in gone},
        )

    def applied(self, models: Mapping[str, LocalModel]) -> list[LocalModel]:
        """The models with what was decided about them, and their variants."""
        listed = dict(models)
        for model_id, variant in self.variants.items():
            if (base := models.get(variant.base)) is not None:
                listed[model_id] = structs.replace(
                    base, id=model_id, name=variant.name, variant_of=base.id
                )
        for model_id in self.notes.keys() | self.tags.keys():
            if model_id in listed:
                listed[model_id] = structs.replace(
                    listed[model_id],
                    notes=self.notes.get(model_id, ""),
                    tags=self.tags.get(model_id, ()),
                )
        return list(listed.values())


def _with(old: Mapping[str, T], key: str, value: T) -> dict[str, T]:
    others = {each: kept for each, kept in old.items() if each != key}
    return {**others, key: value} if value else others


def load_choices(path: Path) -> tuple[Choices, AppError | None]:
    """The person's choices, and what was wrong with the file.

    A damaged one is set aside, and the list starts anew. One that cannot be read now stays.
    """
    title = "The list of models that are used where they lie could not be read"
    try:
        return msgspec.json.decode(path.read_bytes(), type=Choices), None
    except FileNotFoundError:
        return Choices(), None
    except OSError as error:
        log.warning("%s could not be read: %s", path.name, error)
        return Choices(), storage_error(title, path, error)
    except (msgspec.DecodeError, RecursionError) as error:
        log.warning("%s could not be used: %s", path.name, error)
        try:
            kept = f"The file was kept as {set_aside(path).name}."
        except StorageError as failure:
            kept = failure.message
        problem = StorageError(
            title,
            f"{path.name} is damaged. {kept} The models themselves are not touched.",
            "Add those models again.",
            str(error),
        )
        return Choices(), problem


def change_choices(path: Path, change: Callable[[Choices], Choices]) -> Choices:
    """The person's choices, changed and written; another program's changes stay.

    Raises `StorageError`, also where what is there can neither be read nor set aside.
    """
    with locked(path):
        choices, problem = load_choices(path)
        if problem is not None and os.path.lexists(path):  # it would be written over
            raise problem
        changed = change(choices)
        if changed != choices:
            write_atomically(path, msgspec.json.encode(changed))
    return changed
