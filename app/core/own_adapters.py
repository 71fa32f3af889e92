"""What came with a model from Ollama's registry and belongs to it: adapters, a draft model."""

import msgspec

from app.core.library_beside import OLLAMA_ADAPTER, OLLAMA_DRAFT
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


def own_drafts(model: LocalModel) -> tuple[LocalModel, ...]:
    """The draft model beside a model, as a model of its own; there is at most one. Reads the disk.

    It is on no list of models: it came with this one and goes with it.
    """
    return tuple(
        msgspec.structs.replace(
            model,
            id=f"{model.id} {path.name}",
            name=f"{model.name} (its own draft model)",
            path=path,
            files=(path,),
            size=path.stat().st_size,
        )
        for path in model.files
        if path.name.startswith(OLLAMA_DRAFT) and path.is_file()
    )
