"""What a request can fail with, in terms that each dialect puts into its own form."""

import logging
from typing import Literal

from app.core.errors import (
    AppError,
    HubError,
    ModelError,
    NotFoundError,
    PromptRefused,
    StorageError,
)
from app.core.load_plan import NotEnoughMemory
from app.core.own_models import BadName, NameTaken
from backends.errors import BackendError, BadRequest, PromptTooLong, TemplateError

log = logging.getLogger(__name__)

ErrorKind = Literal[
    "invalid_request",
    "context_length_exceeded",
    "unauthorized",
    "forbidden",
    "model_not_found",
    "not_found",
    "method_not_allowed",
    "too_large",
    "unsupported",
    "busy",
    "upstream",
    "timeout",
    "engine",
    "internal",
]

STATUS: dict[ErrorKind, int] = {
    "invalid_request": 400,
    "context_length_exceeded": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "model_not_found": 404,
    "not_found": 404,
    "method_not_allowed": 405,
    "timeout": 408,
    "too_large": 413,
    "unsupported": 400,
    "busy": 503,
    "upstream": 502,
    "engine": 500,
    "internal": 500,
}


class ApiError(Exception):
    """A request that is not answered as it was asked."""

    def __init__(
        self,
        kind: ErrorKind,
        message: str,
        *,
        param: str | None = None,
        status: int | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        """A sentence for a person."""
        self.param = param
        """The field of the request that is at fault."""
        self.status = STATUS[kind] if status is None else status
        self.retry_after = retry_after
        """Seconds after which to ask again."""


def api_error(error: Exception) -> ApiError:
    """What `error` of the core or an engine means to a client; a defect goes into the log."""
    match error:
        case ApiError():
            return error
        case PromptRefused() | PromptTooLong():
            return ApiError("context_length_exceeded", _sentence(error))
        case NotFoundError():
            return ApiError("model_not_found", _sentence(error))
        case NotEnoughMemory():
            return ApiError("busy", _sentence(error), retry_after=30)
        case BadRequest() | TemplateError() | BadName() | NameTaken():
            return ApiError("invalid_request", _sentence(error))
        case ModelError() if _is_request(error):
            # Its hint speaks of the window's settings, which are not what was wrong.
            return ApiError("invalid_request", _sentence(error, hint=False))
        case StorageError():  # its message tells where things lie on this computer
            log.warning("%s", error)
            return ApiError("engine", f"{error.title.rstrip('.')}. Corral's log says more.")
        case HubError():
            return ApiError("upstream", _sentence(error))
        case AppError() | BackendError():
            return ApiError("engine", _sentence(error))
    log.error("a request failed", exc_info=error)
    return ApiError("internal", "There is a defect in Corral; its log says more.")


def _is_request(error: ModelError) -> bool:
    """Whether another request would be answered: an engine's refusal of this one."""
    return isinstance(error.__cause__, BadRequest | TemplateError)


def _sentence(error: Exception, *, hint: bool = True) -> str:
    if isinstance(error, AppError):
        parts = (error.title, error.message, error.hint if hint else "")
        return " ".join(f"{part.rstrip('.')}." for part in parts if part)
    if isinstance(error, BackendError):
        return f"{error.message}: {error.detail}" if error.detail else error.message
    return str(error)
