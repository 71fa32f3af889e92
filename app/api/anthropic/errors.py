"""Errors as Anthropic's clients expect them."""

from starlette.responses import Response

from app.api.errors import ApiError, ErrorKind
from app.api.streams import json_response
from app.api.work import new_id

_TYPES: dict[ErrorKind, str] = {
    "unauthorized": "authentication_error",
    "forbidden": "permission_error",
    "model_not_found": "not_found_error",
    "not_found": "not_found_error",
    "too_large": "request_too_large",
    "busy": "overloaded_error",
    "timeout": "timeout_error",
    "engine": "api_error",
    "internal": "api_error",
}


def request_headers() -> dict[str, str]:
    """What every answer carries: an id to speak of it."""
    return {"request-id": new_id("req_")}


def error_body(error: ApiError, request_id: str | None = None) -> dict[str, object]:
    """The body of an error, also as the last event of a stream that broke."""
    kind, message = _TYPES.get(error.kind, "invalid_request_error"), error.message
    if error.kind == "context_length_exceeded":
        message = f"prompt is too long: {message}"  # by these words clients know it
    return {
        "type": "error",
        "error": {"type": kind, "message": message},
        "request_id": request_id,
    }


def error_response(error: ApiError) -> Response:
    """The answer of a request that failed."""
    headers = request_headers()
    return json_response(error_body(error, headers["request-id"]), error.status, headers)
