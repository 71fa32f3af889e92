"""How Corral's own commands are told what failed: as the error that it is."""

import functools
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from app.api.errors import ApiError, api_error
from app.api.operations import Handler
from app.api.streams import json_response
from app.api.work import Work, client_of
from app.core.errors import AppError
from app.core.running_wire import Failure
from app.core.told_errors import failure_of
from backends.errors import BackendError


def failure(error: Exception) -> Failure:
    """What is told of anything that was raised."""
    if isinstance(error, AppError | BackendError):
        return failure_of(error)
    told = api_error(error)
    return Failure("server", told.kind, told.message)


def telling(work: Work, handler: Callable[[Request], Awaitable[Response]]) -> Handler:
    """`handler`, which answers with a `Failure` where something expected goes wrong."""

    @functools.wraps(handler)
    async def answered(request: Request) -> Response:
        try:
            return await handler(request)
        except (AppError, BackendError, ApiError) as error:
            told = api_error(error)
            work.parts.log.update(client_of(request).record, error=told.message)
            return json_response(failure(error), told.status)

    return answered
