"""Whether a model can see pictures, loaded or not."""

import re
from typing import Literal

from app.core.library_types import LocalModel
from app.core.loaded_model import LoadedModel
from backends.types import LoadConfig

Sight = Literal["sees", "unknown", "blind", "no_projector"]
"""Unknown: loading it will tell. No projector: it could see if that file lay beside it."""

# Names of models that are published with a projector.
_NAMES = re.compile(
    r"llava|vision|pixtral|minicpm-?v|smolvlm|internvl|moondream|(^|[-_ ])vlm?([-_ ]|$)",
    re.IGNORECASE,
)


def sight_of(model: LocalModel, loaded: LoadedModel | None, config: LoadConfig | None) -> Sight:
    """What is known of it; `config` is how it would be loaded, None for as usual."""
    if loaded is not None and loaded.state == "ready" and loaded.info is not None:
        if loaded.info.vision:
            return "sees"
        return "no_projector" if _lacks_projector(model) else "blind"
    if model.is_remote:
        return "unknown"
    if model.format == "mlx":
        return "blind"
    if "vision" in model.capabilities or (config is not None and config.projector):
        return "unknown"
    return "no_projector" if _lacks_projector(model) else "blind"


def _lacks_projector(model: LocalModel) -> bool:
    named = _NAMES.search(model.name) or _NAMES.search(model.path.name)
    return model.format == "gguf" and "vision" not in model.capabilities and named is not None
