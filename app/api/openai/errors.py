"""Errors as OpenAI's clients expect them."""

from starlette.responses import Response

from app.api.errors import ApiError, ErrorKind
from app.api.streams import json_response

_TYPES: dict[ErrorKind, str] = {
    "unauthorized": "authentication_error",
    "forbidden": "permission_error",
    "busy": "overloaded_error",
    "timeout": "timeout_error",
    "engine": "server_error",
    "internal": "server_error",
}
_CODES: dict[ErrorKind, str] = {
    "context_length_exceeded": "context_length_exceeded",
    "model_not_found": "model_not_found",
    "unauthorized": "invalid_api_key",
    "busy": "server_busy",
}


def error_body(error: ApiError) -> dict[str, object]:
    """The body of an error, also as the last event of a stream that broke."""
    return {
        "error": {
            "message": error.message,
            "type": _TYPES.get(error.kind, "invalid_request_error"),
            "param": error.param,
            "code": _CODES.get(error.kind),
        }
    }


def error_response(error: ApiError) -> Response:
    """The answer of a request that failed."""
    return json_response(error_body(error), error.status)
