"""Errors as Ollama's clients expect them."""

from starlette.responses import Response

from app.api.errors import ApiError
from app.api.streams import json_response


def error_body(error: ApiError) -> dict[str, object]:
    """The body of an error, also as the last line of a stream that broke."""
    return {"error": error.message}


def error_response(error: ApiError) -> Response:
    """The answer of a request that failed."""
    return json_response(error_body(error), error.status)
