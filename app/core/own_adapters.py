"""LoRA adapters that came with a model from Ollama's registry, and belong to it."""

import msgspec

from app.core.library_scan import OLLAMA_ADAPTER
from app.core.library_types import LocalModel
from backends.types import LoadConfig, LoraAdapter


def with_own_adapters(model: LocalModel, config: LoadConfig) -> LoadConfig:
    """`config` with the adapters beside the model, except those that it names already.

    One that a person has set to the strength 0 is named, and so stays without effect.
    """
    named = {adapter.path for adapter in config.lora}
    own = [str(path) for path in model.files if path.name.startswith(OLLAMA_ADAPTER)]
    added = tuple(LoraAdapter(path) for path in own if path not in named)
    return msgspec.structs.replace(config, lora=(*config.lora, *added)) if added else config
