"""Errors as clients of LM Studio's second interface expect them."""

from msgspec import Struct
from starlette.responses import Response

from app.api.errors import ApiError, ErrorKind
from app.api.streams import json_response

_TYPES: dict[ErrorKind, str] = {
    "model_not_found": "model_not_found",
    "unsupported": "not_implemented",
    "engine": "internal_error",
    "internal": "internal_error",
    "busy": "internal_error",
}


class LmStudioError(Struct, omit_defaults=True):
    """What went wrong."""

    type: str
    message: str
    code: str | None = None
    param: str | None = None


def error_of(error: ApiError) -> LmStudioError:
    """An error, also within a stream."""
    kind = _TYPES.get(error.kind, "invalid_request")
    if error.param == "job_id":
        kind = "job_not_found"
    code = error.kind if error.kind in ("unauthorized", "busy", "context_length_exceeded") else None
    return LmStudioError(kind, error.message, code, error.param)


def error_response(error: ApiError) -> Response:
    """The answer of a request that failed."""
    return json_response({"error": error_of(error)}, error.status)
