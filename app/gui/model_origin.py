"""Where models come from, in words that tell two of the same name apart."""

from collections import Counter
from collections.abc import Iterable

from PySide6.QtCore import QCoreApplication

from app.core.library_types import LocalModel


def origin(model: LocalModel) -> str:
    """ "starter model", the server, the repository, the other program, or the file's folder."""
    if model.source == "starter":
        return QCoreApplication.translate("origin", "starter model")
    if model.is_remote:
        return model.publisher
    return model.repo or model.program or model.publisher or model.path.parent.name


def origins_of_namesakes(models: Iterable[LocalModel]) -> dict[str, str]:
    """The origin of each model, by id, whose name and quantization another one has as well."""
    models = tuple(models)
    shared = Counter((model.name, model.quantization) for model in models)
    return {
        model.id: origin(model) for model in models if shared[model.name, model.quantization] > 1
    }
