"""Which model a client means, and what each model is called in the lists that clients show."""

import re

from app.api.errors import ApiError
from app.core.errors import NotFoundError
from app.core.given_names import GivenNames
from app.core.library import ModelLibrary
from app.core.library_types import AmbiguousModel, LocalModel
from app.core.ollama_name import ollama_name_of, plain_name

_HUBS = re.compile(r"^(?:https?://)?(?:hf\.co|huggingface\.co)/", re.IGNORECASE)
_LATEST = ":latest"


class ModelNames:
    """Names over the library. Quick; touches the disk only when a model has come or gone."""

    def __init__(self, library: ModelLibrary, given: GivenNames) -> None:
        self._library, self._given = library, given

    def usable(self) -> tuple[LocalModel, ...]:
        """The models that can be asked, by name."""
        return tuple(m for m in self._library.models() if m.present and m.problem is None)

    def tags(self) -> dict[str, str]:
        """The names of all models in Ollama's form, `name:quantization`, by their ids.

        Where several could have one, it stays with the model that had it, also while its drive is
        not connected; the others go by their ids.
        """
        models = self._library.models()
        short = {model.id: _short(model) for model in models}
        holders = self._given.of(models, short)
        return {key: name if holders[name] == key else _slug(key) for key, name in short.items()}

    def find(self, name: str) -> LocalModel:
        """The model that a client calls `name`: by id, name, tag, or anything the terminal takes.

        Raises ApiError of kind "model_not_found", or "invalid_request" where several fit.
        """
        text = _HUBS.sub("", name.strip()).removesuffix(_LATEST)
        if not text:
            raise ApiError("invalid_request", "The request names no model.", param="model")
        models = self.usable()
        known = self.tags()
        for model in models:
            if text in (model.id, known[model.id].removesuffix(_LATEST)):
                return model
        for model in models:
            if text.casefold() in (known[model.id].removesuffix(_LATEST), _slug(model.id)):
                return model
        try:
            model = self._library.find(text)
        except AmbiguousModel as error:
            raise ApiError(
                "invalid_request", f"{error.title}. {error.message}", param="model"
            ) from (error)
        except NotFoundError as error:
            raise ApiError(
                "model_not_found", f"The model “{name}” is not here.", param="model"
            ) from (error)
        if not model.present or model.problem is not None:
            why = model.problem or "Its drive is not connected."
            raise ApiError("model_not_found", f"{model.name} cannot be used: {why}", param="model")
        return model

    def find_exactly(self, name: str) -> LocalModel:
        """`find` for what cannot be undone: the whole name must have been written.

        Raises ApiError of kind "model_not_found" for the beginning of a name, too.
        """
        model = self.find(name)
        written = _HUBS.sub("", name.strip()).casefold().replace(" ", "-")
        known = {
            model.id,
            model.name,
            model.repo or "",
            _slug(model.id),
            self.tags()[model.id].removesuffix(_LATEST),
            *(f"{each}:{model.quantization}" for each in (model.name, model.repo)),
        }
        if written.removesuffix(_LATEST) not in {
            each.casefold().replace(" ", "-") for each in known
        }:
            raise ApiError("model_not_found", f"The model “{name}” is not here.", param="model")
        return model


def _short(model: LocalModel) -> str:
    # What somebody named himself, or Ollama's registry, goes by that name.
    given = plain_name(model.name) if model.variant_of else ollama_name_of(model.repo or "")
    if given is not None:
        return given.short.casefold()
    name = _slug(model.name)
    return f"{name}:{model.quantization.lower()}" if model.quantization else f"{name}{_LATEST}"


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9._/]+", "-", text.casefold()).strip("-")
