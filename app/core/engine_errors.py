"""What an engine's end or refusal means, in words for a person."""

import re
import signal
import sys
from collections.abc import Sequence
from typing import Literal

from app.core.errors import EngineDied, ModelError, PromptRefused
from backends import errors

Blame = Literal["no sign", "not cancelled", "garbled"]
"""Why the program itself ended a child."""

_RELOAD = "Load the model again."
_SMALLER = (
    "Load it again with a smaller context length or fewer GPU layers, choose a smaller variant, "
    "or close other programs."
)
_OTHER_FILE = (
    "Load the model again. If it stops again, the file may be damaged or too new for this engine: "
    "download it again or choose another variant."
)
_REST_IS_SAFE = "Other models and all chats are safe."

_BLAMES: dict[Blame, tuple[str, str, str]] = {
    "no sign": (
        "The engine did not start",
        "It gave no sign of life in time and was ended.",
        "Try again when this computer is less busy.",
    ),
    "not cancelled": (
        "The engine stopped answering",
        "It did not let go of its work when asked to and was ended.",
        _RELOAD,
    ),
    "garbled": (
        "The engine sent something that cannot be understood",
        "It was ended to be safe.",
        _RELOAD,
    ),
}

_SIGNALS: dict[str, tuple[str, str, str]] = {
    "SIGABRT": ("The engine stopped itself", "A check inside it failed.", _OTHER_FILE),
    "SIGSEGV": ("The engine crashed", "It used memory that is not its own.", _OTHER_FILE),
    "SIGBUS": (
        "The engine crashed",
        "Part of the model file could no longer be read, or memory ran out.",
        "Check that the drive with the model is connected, then load the model again.",
    ),
    "SIGFPE": ("The engine crashed", "It met an impossible calculation.", _OTHER_FILE),
    "SIGILL": (
        "The engine does not suit this processor",
        "It used an instruction that this processor does not have.",
        "Install the build of Corral that is made for this computer.",
    ),
    "SIGKILL": (
        "The engine was ended by the system",
        "Most likely this computer ran out of memory.",
        _SMALLER,
    ),
    "SIGTERM": ("The engine was ended", "Another program or the system ended it.", _RELOAD),
}

_WINDOWS_STATUS = {
    0xC0000005: "SIGSEGV",  # access violation
    0xC0000006: "SIGBUS",  # in-page error
    0xC0000017: "SIGKILL",  # no memory
    0xC000001D: "SIGILL",  # illegal instruction
    0xC0000094: "SIGFPE",  # integer division by zero
    0xC00000FD: "SIGSEGV",  # stack overflow
    0xC000012D: "SIGKILL",  # commitment limit
    0xC0000374: "SIGABRT",  # heap corruption
    0xC0000409: "SIGABRT",  # fast fail
}
"""NTSTATUS values and what they would be elsewhere (Microsoft, [MS-ERREF] 2.3)."""

_WINDOWS_ABORT = 3
"""Exit status that abort() leaves behind."""

_TELLING = re.compile(r"assert|error|fail|memory|exception|cannot|unable|illegal", re.IGNORECASE)
_NOT_TELLING = re.compile(r"^\s*(Fatal Python error|File |Thread |Current thread)")
MAX_QUOTE = 240
"""Characters of an engine's words inside a sentence."""


def death(status: int, last_words: Sequence[str], blame: Blame | None = None) -> EngineDied:
    """Why a child ended, from its exit status (negative: a signal) and the end of its log.

    `blame` is given when the program itself ended the child.
    """
    if blame is not None:
        title, why, hint = _BLAMES[blame]
    else:
        title, why, hint = _from_status(status)
    quote = telling_line(last_words)
    words = f" Its last words were: “{quote}”." if quote else ""
    detail = "\n".join([*last_words, f"exit status {status}"])
    error = EngineDied(title, f"{why}{words} {_REST_IS_SAFE}", hint, detail)
    error.for_memory = hint == _SMALLER
    return error


def telling_line(last_words: Sequence[str]) -> str:
    """The last line that sounds like a reason; empty if none does."""
    for line in reversed(last_words):
        found = _TELLING.search(line)
        if found and not _NOT_TELLING.search(line):
            # A flood without line ends may stand before the reason in the same line.
            return line[max(0, found.start() - MAX_QUOTE // 2) :].strip()[:MAX_QUOTE]
    return ""


def _from_status(status: int) -> tuple[str, str, str]:
    name = _WINDOWS_STATUS.get(status, "")
    if status == _WINDOWS_ABORT and sys.platform == "win32":
        name = "SIGABRT"
    elif status < 0:
        try:
            name = signal.Signals(-status).name
        except ValueError:
            name = f"signal {-status}"
    if name in _SIGNALS:
        return _SIGNALS[name]
    if name:
        return "The engine was ended", f"It received {name}.", _RELOAD
    return "The engine ended by itself", f"Its exit code was {status}.", _RELOAD


_REFUSALS: dict[type[errors.BackendError], tuple[str, str]] = {
    errors.ModelFileMissing: (
        "The model file cannot be found",
        "Connect the drive it is on, or download the model again.",
    ),
    errors.NotAModelFile: (
        "This file is not a model",
        "Choose a GGUF file, or download the model again.",
    ),
    errors.ModelFileTruncated: (
        "The model file is incomplete",
        "Download the model again.",
    ),
    errors.UnknownArchitecture: (
        "This engine does not know this kind of model",
        "Choose another model, or update Corral: newer versions know more models.",
    ),
    errors.OutOfMemory: ("There is not enough memory", _SMALLER),
    errors.BadLoadSetting: (
        "A load setting is not possible",
        "Change the setting in the load settings, or reset them.",
    ),
    errors.ModelLoadError: ("The model could not be loaded", _OTHER_FILE),
    errors.TemplateError: (
        "The model's chat template does not work",
        "Choose another variant of the model, or another model.",
    ),
    errors.PromptTooLong: (
        "The conversation is longer than the context",
        "Load the model with a larger context length, or start a new chat.",
    ),
    errors.BadRequest: (
        "The engine cannot answer this request",
        "Check the sampling settings of this chat.",
    ),
    errors.BackendError: ("The engine reports an error", _RELOAD),
}


def refusal(error: errors.BackendError) -> ModelError:
    """What an engine reported, as an error that can be shown."""
    kind = next(kind for kind in type(error).__mro__ if kind in _REFUSALS)
    title, hint = _REFUSALS[kind]
    message = error.message if error.message.endswith(".") else f"{error.message}."
    shown = PromptRefused if isinstance(error, errors.PromptTooLong) else ModelError
    return shown(title, message, hint, error.detail)
