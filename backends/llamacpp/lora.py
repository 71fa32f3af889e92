"""LoRA adapters: checked before native code sees them, then switched on in a context."""

import ctypes
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from backends.errors import BadLoadSetting
from backends.llamacpp.gguf_metadata import read_texts
from backends.llamacpp.library import log, native
from backends.llamacpp.model import Model
from backends.types import LoraAdapter

_TYPE, _KIND, _ARCHITECTURE = "general.type", "adapter.type", "general.architecture"


class LoadedAdapters:
    """The adapters of one model. They are freed with the model."""

    def __init__(self, model: Model, adapters: Sequence[LoraAdapter]) -> None:
        """Raises `ModelLoadError`, most often `BadLoadSetting`, for a file that is no fit."""
        self._handles = [_load(model, Path(adapter.path)) for adapter in adapters]
        self._scales = [adapter.scale for adapter in adapters]

    def apply(self, context: Any) -> None:
        """Switch the adapters on in a native context."""
        count = len(self._handles)
        if not count:
            return
        handles = (native.llama_adapter_lora_p_ctypes * count)(*self._handles)
        scales = (ctypes.c_float * count)(*self._scales)
        if native.llama_set_adapters_lora(context, handles, count, scales) != 0:
            raise BadLoadSetting("llama.cpp could not switch the LoRA adapters on.")


def _load(model: Model, path: Path) -> Any:
    facts = read_texts(path, (_TYPE, _KIND, _ARCHITECTURE))
    if facts.get(_TYPE) != "adapter" or facts.get(_KIND) != "lora":
        raise BadLoadSetting(f"{path.name} is not a LoRA adapter: choose a GGUF file of one.")
    if facts.get(_ARCHITECTURE) != model.architecture:
        raise BadLoadSetting(
            f"{path.name} was made for the architecture “{facts.get(_ARCHITECTURE, 'unknown')}”, "
            f"the model has “{model.architecture}”."
        )
    log.clear()
    handle = native.llama_adapter_lora_init(model.handle, str(path).encode())
    if not handle:
        raise BadLoadSetting(
            f"{path.name} does not fit this model.", "\n".join(log.problems() or log.tail(10))
        )
    return handle
