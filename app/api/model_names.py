"""Which model a client means, and what each model is called in the lists that clients show."""

import re
from collections.abc import Sequence

from app.api.errors import ApiError
from app.core.errors import NotFoundError
from app.core.library import ModelLibrary
from app.core.library_types import AmbiguousModel, LocalModel


class ModelNames:
    """Names over the library. Quick; touches no disk."""

    def __init__(self, library: ModelLibrary) -> None:
        self._library = library

    def usable(self) -> tuple[LocalModel, ...]:
        """The models that can be asked, by name."""
        return tuple(m for m in self._library.models() if m.present and m.problem is None)

    def find(self, name: str) -> LocalModel:
        """The model that a client calls `name`: by id, name, tag, or anything the terminal takes.

        Raises ApiError of kind "model_not_found", or "invalid_request" where several fit.
        """
        text = name.strip().removesuffix(":latest")
        if not text:
            raise ApiError("invalid_request", "The request names no model.", param="model")
        models = self.usable()
        for model in models:
            if text == model.id or text.casefold() == tag(model, models):
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


def tag(model: LocalModel, models: Sequence[LocalModel]) -> str:
    """A short name in Ollama's form, `name:quantization`, which means this one of `models` only."""
    short = _short(model)
    same = [other.id for other in models if _short(other) == short]
    return short if len(same) < 2 else _slug(model.id)


def _short(model: LocalModel) -> str:
    name = _slug(model.name)
    return f"{name}:{model.quantization.lower()}" if model.quantization else f"{name}:latest"


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9._/]+", "-", text.casefold()).strip("-")
