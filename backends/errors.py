"""What an engine can fail with. Each class has a stable `code` that crosses the pipe.

BackendError
├── ModelLoadError             the model could not be loaded
│   ├── ModelFileMissing       the file vanished or cannot be read
│   ├── NotAModelFile          it is not a GGUF (or MLX) model
│   ├── ModelFileTruncated     it ends before its tensors do
│   ├── UnknownArchitecture    this engine has no code for the model
│   ├── OutOfMemory            weights, KV cache or buffers did not fit
│   └── BadLoadSetting         a setting the engine refuses
├── TemplateError              the chat template raised, or ran over its limit of time or size
├── PromptTooLong              the prompt leaves no room in the context
├── BadRequest                 the request is not valid
│   └── BadConstraint          the form that the answer is to have cannot be followed
├── ServerProblem              a remote model's server did not do its part
│   ├── ServerUnreachable      no connection, or it broke
│   ├── AccessRefused          the server wants another key
│   ├── ModelNotServed         the server has no such model, or no such way to ask it
│   └── ServerBusy             the server asks to wait
├── LoadCancelled              the load was cancelled by the caller
└── EngineFailure              anything else the engine reports
"""

from typing import ClassVar


class BackendError(Exception):
    """Base of every error an engine reports. `detail` holds the engine's own words."""

    code: ClassVar[str] = "backend"

    def __init__(self, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail


class ModelLoadError(BackendError):
    """The model could not be loaded, for a reason not told apart further."""

    code = "load_failed"


class ModelFileMissing(ModelLoadError):
    """The model file vanished or cannot be read."""

    code = "file_missing"


class NotAModelFile(ModelLoadError):
    """The file is not a model in a format this engine reads."""

    code = "not_a_model"


class ModelFileTruncated(ModelLoadError):
    """The file ends before its tensors do."""

    code = "truncated"


class UnknownArchitecture(ModelLoadError):
    """The engine has no code for this model's architecture."""

    code = "unknown_architecture"


class OutOfMemory(ModelLoadError):
    """Weights, KV cache or compute buffers did not fit into memory."""

    code = "out_of_memory"


class BadLoadSetting(ModelLoadError):
    """The engine refuses a load setting."""

    code = "bad_load_setting"


class TemplateError(BackendError):
    """The chat template raised, or ran over its limit of time or size."""

    code = "template"


class PromptTooLong(BackendError):
    """The prompt leaves no room for an answer in the context."""

    code = "prompt_too_long"


class BadRequest(BackendError):
    """The request itself is not valid."""

    code = "bad_request"


class BadConstraint(BadRequest):
    """The answer cannot be held to the form that is asked for: a schema, a grammar, a pattern."""

    code = "bad_constraint"


class ServerProblem(BackendError):
    """A remote model's server did not do its part; the fault is on its side."""

    code = "server"


class ServerUnreachable(ServerProblem):
    """There is no connection to the server, or it broke."""

    code = "server_unreachable"


class AccessRefused(ServerProblem):
    """The server wants another key."""

    code = "access_refused"


class ModelNotServed(ServerProblem):
    """The server has no such model, or does not offer what was asked of it."""

    code = "not_served"


class ServerBusy(ServerProblem):
    """The server has too many requests and asks to wait."""

    code = "server_busy"


class LoadCancelled(BackendError):
    """The caller cancelled the load."""

    code = "load_cancelled"


class EngineFailure(BackendError):
    """Anything else the engine reports."""

    code = "engine"


_CLASSES: dict[str, type[BackendError]] = {
    cls.code: cls
    for cls in (
        BackendError,
        ModelLoadError,
        ModelFileMissing,
        NotAModelFile,
        ModelFileTruncated,
        UnknownArchitecture,
        OutOfMemory,
        BadLoadSetting,
        TemplateError,
        PromptTooLong,
        BadRequest,
        BadConstraint,
        ServerProblem,
        ServerUnreachable,
        AccessRefused,
        ModelNotServed,
        ServerBusy,
        LoadCancelled,
        EngineFailure,
    )
}


def error_from_code(code: str, message: str, detail: str = "") -> BackendError:
    """The error whose class carries `code`; an unknown code gives an `EngineFailure`."""
    return _CLASSES.get(code, EngineFailure)(message, detail)
