"""A model file loaded by llama.cpp."""

import ctypes
import time
from pathlib import Path
from typing import Any

from backends.base import LoadProgressCallback
from backends.errors import LoadCancelled, ModelFileMissing, ModelFileTruncated, NotAModelFile
from backends.llamacpp.library import log, native
from backends.llamacpp.logs import explain_load_failure
from backends.llamacpp.parameters import ModelParameters
from backends.llamacpp.vocabulary import Vocabulary
from backends.types import LoadConfig

_MAGIC = b"GGUF"
_PROGRESS_SECONDS = 0.05


class Model:
    """Weights and vocabulary. Close it after every context made of it."""

    def __init__(self, path: str, config: LoadConfig, on_progress: LoadProgressCallback) -> None:
        _check_file(Path(path))
        progress = _Progress(on_progress)
        callback = native.llama_progress_callback(progress.report)
        params = ModelParameters(config)
        params.native.progress_callback = callback
        log.clear()
        self.handle: Any = native.llama_model_load_from_file(path.encode("utf-8"), params.native)
        if progress.error is not None:
            self.close()
            raise progress.error
        if progress.cancelled:
            self.close()
            raise LoadCancelled("The load was cancelled.")
        if not self.handle:
            raise explain_load_failure(log)
        layers = int(native.llama_model_n_layer(self.handle)) + 1  # and the output layer
        wanted = layers if config.gpu_layers is None else config.gpu_layers
        self.gpu_layers = min(layers, wanted) if params.offload else 0
        self.vocabulary = Vocabulary(self.handle)

    @property
    def trained_context(self) -> int:
        """Tokens of context the model was trained with."""
        return int(native.llama_model_n_ctx_train(self.handle))

    @property
    def chat_template(self) -> str | None:
        """The Jinja source in the file, if there is one."""
        return self._template(None)

    @property
    def tool_template(self) -> str | None:
        """A second template in the file that is meant for tools, if there is one."""
        return self._template(b"tool_use")

    def _template(self, name: bytes | None) -> str | None:
        source = native.llama_model_chat_template(self.handle, name)
        return bytes(source).decode("utf-8", "replace") if source else None

    @property
    def architecture(self) -> str:
        """`general.architecture` of the file."""
        return self.metadata("general.architecture")

    def metadata(self, key: str) -> str:
        """A value of the file's metadata as text, cut at 255 bytes; empty if it is not there."""
        buffer = (ctypes.c_char * 256)()
        native.llama_model_meta_val_str(self.handle, key.encode(), buffer, len(buffer))
        return bytes(buffer.value).decode("utf-8", "replace")

    def close(self) -> None:
        """Free the weights."""
        if self.handle:
            native.llama_model_free(self.handle)
            self.handle = None


class _Progress:
    """Passes on the loaded fraction, seldom enough, and remembers a cancel."""

    def __init__(self, report: LoadProgressCallback) -> None:
        self._report = report
        self._last = 0.0
        self.cancelled = False
        self.error: Exception | None = None

    def report(self, fraction: float, _data: object) -> bool:
        """The native progress callback: False ends the load."""
        now = time.monotonic()
        if fraction < 1 and now - self._last < _PROGRESS_SECONDS:
            return True
        self._last = now
        try:
            self.cancelled = not self._report(fraction)
        except Exception as error:  # noqa: BLE001  # must not cross native frames; raised after
            self.error = error
        return not self.cancelled and self.error is None


def _check_file(path: Path) -> None:
    """Refuse what llama.cpp would hang on or explain badly."""
    if not path.exists():
        raise ModelFileMissing(f"The model file is not there any more: {path}")
    if not path.is_file():  # a pipe would block for ever
        raise NotAModelFile(f"This is not a file: {path}")
    try:
        with path.open("rb") as file:
            magic = file.read(len(_MAGIC))
    except OSError as error:
        raise ModelFileMissing(f"The model file cannot be read: {path}", str(error)) from None
    if not magic:
        raise ModelFileTruncated("The file is empty.")
    if magic != _MAGIC:
        raise NotAModelFile(
            "The file is not a GGUF model.", f"it begins with {magic!r}, not with {_MAGIC!r}"
        )
