"""What llama.cpp logs: the last lines are kept, and a failed load is explained by them."""

import logging
import re
from collections import deque

from backends.errors import (
    BadLoadSetting,
    ModelFileMissing,
    ModelFileTruncated,
    ModelLoadError,
    NotAModelFile,
    OutOfMemory,
    UnknownArchitecture,
)

logger = logging.getLogger(__name__)

# ggml.h's own numbers; the binding's table is shifted against them.
_LEVELS = {1: logging.DEBUG, 2: logging.INFO, 3: logging.WARNING, 4: logging.ERROR}
_CONTINUE = 5


class EngineLog:
    """The last lines of the engine's log but for debug lines, pieces joined to lines.

    `feed` has the signature of `ggml_log_callback` and may be called by any thread of llama.cpp.
    """

    def __init__(self, keep: int = 200) -> None:
        self._lines: deque[tuple[int, str]] = deque(maxlen=keep)
        self._level = logging.INFO
        self._partial = ""

    def feed(self, level: int, text: bytes | None, _user_data: object = None) -> None:
        """Take a piece of log; a line ends at its line feed or where the next one begins."""
        if level != _CONTINUE:
            self._flush()
            self._level = _LEVELS.get(level, logging.INFO)
        if self._level == logging.DEBUG:
            return
        self._partial += (text or b"").decode("utf-8", "replace")
        if self._partial.endswith("\n"):
            self._flush()

    def _flush(self) -> None:
        for line in self._partial.splitlines():
            if line.strip():
                self._lines.append((self._level, line.rstrip()))
                serious = self._level >= logging.WARNING
                logger.log(logging.INFO if serious else logging.DEBUG, "%s", line.rstrip())
        self._partial = ""

    def clear(self) -> None:
        """Forget the lines, so that the next failure is explained by its own."""
        self._lines.clear()
        self._partial = ""

    def tail(self, count: int = 40) -> tuple[str, ...]:
        """The last `count` lines, oldest first."""
        return tuple(line for _, line in list(self._lines)[-count:])

    def problems(self) -> tuple[str, ...]:
        """The lines logged as warning or error, oldest first."""
        return tuple(line for level, line in list(self._lines) if level >= logging.WARNING)


_DAMAGED = "The file is damaged: its description of the model does not make sense."
_TOO_BIG = "The model did not fit into memory."

# The first match wins. The phrases are llama.cpp's and ggml's, seen with broken files.
_CAUSES: tuple[tuple[str, type[ModelLoadError], str], ...] = (
    (
        r"unknown model architecture: '(?P<name>[^']*)",
        UnknownArchitecture,
        "This version of llama.cpp has no code for the architecture “{name}”.",
    ),
    (
        r"unknown pre-tokenizer type: '(?P<name>[^']*)|unknown tokenizer: '(?P<name2>[^']*)",
        UnknownArchitecture,
        "This version of llama.cpp does not know the model's tokenizer.",
    ),
    (
        r"only supports up to version",
        UnknownArchitecture,
        "The file has a newer GGUF version than this version of llama.cpp can read.",
    ),
    (r"invalid magic characters", NotAModelFile, "The file is not a GGUF model."),
    (r"exceeds maximum", NotAModelFile, _DAMAGED),
    (
        r"not within the file bounds|exceeds remaining file size|failed to read (magic|header)"
        r"|failed to read (key-value pairs|tensor info)|unexpectedly reached end of file",
        ModelFileTruncated,
        "The file ends before the data it announces.",
    ),
    (
        r"quantized V cache|V cache quantization",
        BadLoadSetting,
        "A quantized KV cache needs flash attention.",
    ),
    (r"failed to allocate|unable to allocate|out of memory|bad_alloc", OutOfMemory, _TOO_BIG),
    (
        r"failed to open|no such file|permission denied",
        ModelFileMissing,
        "The model file cannot be opened.",
    ),
    (
        r"wrong number of tensors|wrong shape|tensor '.*' not found|missing tensor|key not found"
        r"|invalid|duplicate|gguf_init|unsupported",
        NotAModelFile,
        _DAMAGED,
    ),
)


def explain_load_failure(log: EngineLog) -> ModelLoadError:
    """The error that the log of a failed load tells of; the engine's words are its detail."""
    text = "\n".join(log.problems() or log.tail(20))
    for pattern, error, message in _CAUSES:
        if found := re.search(pattern, text, re.IGNORECASE):
            return error(message.format(**found.groupdict("")), text)
    return ModelLoadError("llama.cpp could not load the model.", text)
