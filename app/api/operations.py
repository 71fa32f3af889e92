"""An operation of the server: what is asked where, by whom, with what; and the dialects' errors."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from app.api.errors import ApiError
from app.core.access_tokens import Scope

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Operation:
    """One method at one path."""

    method: str
    path: str
    """In Starlette's form: `/v1/models/{id:path}`."""
    handler: Handler
    scope: Scope | None
    """What a token must allow; None: it tells nothing, so anybody may ask."""
    summary: str
    """A sentence for the documentation."""
    request: Any = None
    """Type of the JSON body; None where there is none."""
    response: Any = None
    """Type of the JSON answer."""
    stream: Any = None
    """Type of each event, where the answer may be a stream."""
    body: str = "application/json"
    """Content type of the body."""
    largest_body: int | None = None
    """Bytes; None is the usual limit."""
    documented: bool = True
    """It stands in `openapi.json`."""


@dataclass(frozen=True)
class Dialect:
    """A family of operations and the form of its errors."""

    name: str
    """As the request log calls it."""
    operations: tuple[Operation, ...]
    error_response: Callable[[ApiError], Response]
    prefixes: tuple[str, ...] = ()
    """Paths below these that are not an operation's are answered in its form, too."""
    marker: str = ""
    """A header, in small letters, of requests that speak it where a path is another's as well."""
