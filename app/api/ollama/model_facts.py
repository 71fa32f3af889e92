"""What Ollama's clients are told of a model, from the library and the file's header."""

import hashlib

from app.api.ollama.model_types import ModelDetails
from app.core.library import ModelLibrary
from app.core.library_types import LocalModel

_SCALES = ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "K"))


def digest_of(model: LocalModel, library: ModelLibrary) -> str:
    """64 hexadecimal digits that mean this model. Touches the disk.

    The SHA-256 of its file where that is known: it was downloaded, checked, or bears it in its
    name. Nothing is computed for a list: else it is made of the model's id and size, as it is for a
    model that was made of another one, whose file is not its own.
    """
    record = None if model.variant_of or model.is_remote else library.records.of(model.path)
    if record is not None and record.sha256:
        return record.sha256
    return hashlib.sha256(f"{model.id}\n{model.size}".encode()).hexdigest()


def details_of(
    model: LocalModel, names: dict[str, str], embedding_length: int | None = None
) -> ModelDetails:
    """What a model is; `names` are the short names of all."""
    return ModelDetails(
        parent_model=names.get(model.variant_of, ""),
        format=model.format,
        family=model.architecture,
        families=[model.architecture] if model.architecture else [],
        parameter_size=_counted(model.parameters or 0),
        quantization_level=model.quantization or "unknown",
        context_length=model.context_length or 0,
        embedding_length=embedding_length or 0,
    )


def capabilities_of(model: LocalModel) -> list[str]:
    """What a model can do, in Ollama's words."""
    if "embeddings" in model.capabilities:
        return ["embedding"]
    words = {"tools": "tools", "vision": "vision", "reasoning": "thinking"}
    return ["completion", *(word for name, word in words.items() if name in model.capabilities)]


def _counted(number: int) -> str:
    """A number of parameters as Ollama writes it: "134.52M", "7.6B"."""
    for scale, mark in _SCALES:
        if number >= scale:
            digits = 2 if scale == 10**6 else 1
            return f"{number / scale:.{digits}f}{mark}"
    return str(number) if number else ""
