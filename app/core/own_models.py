"""Models that somebody made of another one: a name, a system prompt, sampling values, examples.

Such a model is a variant in the library; what it says and how it answers is in the preset that was
made with it, so that the window shows both and a person can change them there.
"""

import re
from typing import ClassVar, TypeVar

from msgspec import structs

from app.core.errors import ModelError
from app.core.library import ModelLibrary
from app.core.library_types import LocalModel
from app.core.ollama_recipe import Recipe
from app.core.preset_of_model import ICON, own_preset
from app.core.presets import PresetStore
from app.core.settings import SettingsStore
from backends.types import LoadConfig, SamplingParams


class NameTaken(ModelError):
    """The name means a model that was not made here."""

    code: ClassVar[str] = "name_taken"


class BadName(ModelError):
    """No model can be called so."""

    code: ClassVar[str] = "bad_name"


class OwnModels:
    """Makes, copies and removes them. All calls touch the disk."""

    def __init__(
        self, library: ModelLibrary, presets: PresetStore, settings: SettingsStore
    ) -> None:
        self._library, self._presets, self._settings = library, presets, settings

    def create(self, name: str, base: LocalModel, recipe: Recipe) -> LocalModel:
        """Make a model of the files of `base`; one of that name that was made before is replaced.

        What the recipe leaves at its default is as in `base`. Raises BadName, NameTaken and other
        AppErrors.
        """
        if not _NAME.fullmatch(name):
            raise BadName(
                f"“{name[:80]}” is no name for a model",
                "A name, and what stands between its slashes, begins with a letter or a digit.",
                "Choose another one, such as mario or me/mario:1b.",
            )
        self._make_way(name)
        of_base = own_preset(base.id, self._presets)
        made = self._library.add_variant(base.id, name)
        if of_base is not None:
            recipe = structs.replace(
                recipe,
                system_prompt=recipe.system_prompt or of_base.system_prompt,
                sampling=_over(of_base.sampling, recipe.sampling),
                messages=recipe.messages or of_base.messages,
            )
        if recipe.makes_preset:
            self._presets.create(
                name[:80],
                icon=ICON,
                description=f"Made of {base.name[:200]}.",
                system_prompt=recipe.system_prompt,
                sampling=recipe.sampling,
                messages=recipe.messages,
                model=made.id,
            )
        self._keep_load(made, recipe.load)
        return made

    def _keep_load(self, model: LocalModel, given: LoadConfig) -> None:
        models = self._settings.current.models
        load = _over(models.load.get(model.id, LoadConfig()), given)
        if load != LoadConfig():
            self._settings.update(
                models=structs.replace(models, load={**models.load, model.id: load})
            )

    def delete(self, model: LocalModel, *, to_trash: bool = False) -> None:
        """Delete a model: a made one with its preset, any other with its files, or to the trash.

        Raises AppError.
        """
        gone = [each for each in self._library.models() if model.id in (each.id, each.variant_of)]
        self._library.delete(model.id, to_trash=to_trash)
        for each in gone:
            self.forget(each)

    def _make_way(self, name: str) -> None:
        models = self._library.models()
        same = [each for each in models if _plain(each.name) == _plain(name)]
        for model in same:
            if not model.variant_of:
                raise NameTaken(
                    f"{name} is the name of another model",
                    "Models that were not made here are not replaced.",
                    "Choose another name.",
                )
            self.delete(model)

    def forget(self, model: LocalModel) -> None:
        """Delete what was set for a model that is no more. Raises AppError."""
        preset = own_preset(model.id, self._presets)
        if preset is not None and model.variant_of:
            self._presets.delete(preset.id)
        models = self._settings.current.models
        load = {key: each for key, each in models.load.items() if key != model.id}
        sampling = {key: each for key, each in models.sampling.items() if key != model.id}
        self._settings.update(models=structs.replace(models, load=load, sampling=sampling))


# Clients and commands take names for what they look like: a path, an option, a line of its own.
_NAME = re.compile(r"(?=.{1,200}\Z)\w[^/\\\x00-\x1f\x7f-\x9f]*(?:/\w[^/\\\x00-\x1f\x7f-\x9f]*)*")


def _plain(name: str) -> str:
    return name.casefold().replace(" ", "-")


Values = TypeVar("Values", SamplingParams, LoadConfig)


def _over(base: Values, given: Values) -> Values:
    """`base` with all values of `given` that are not the standard ones."""
    standard = type(given)()
    changed = {
        name: value
        for name, value in structs.asdict(given).items()
        if value != getattr(standard, name)
    }
    return structs.replace(base, **changed)
