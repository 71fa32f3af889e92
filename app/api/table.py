"""All operations of all dialects: found by method and path, run, their failures put into form."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from app.api.errors import ApiError, api_error
from app.api.operations import Dialect, Operation
from app.core.request_log import RequestLog


class OperationTable:
    """The ASGI application behind the guard."""

    def __init__(self, dialects: Sequence[Dialect], request_log: RequestLog) -> None:
        self._log = request_log
        self._orders = {
            marker: _Order.of(sorted(dialects, key=lambda each: each.marker != marker))
            for marker in {each.marker for each in dialects if each.marker}
        }
        self._usual = _Order.of(dialects)

    def find(self, scope: Scope) -> Operation | None:
        """The operation that a request asks for, if it is one; HEAD of a GET's is the same."""
        found = self._match(scope)
        return None if found is None else found[0]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the operation, or answer 404 or 405. Raises ClientDisconnect."""
        found = self._match(scope)
        if found is None:
            others = self._methods(scope)
            problem = ApiError("not_found", f"There is nothing at {scope['path'][:200]} here.")
            if others:
                names = ", ".join(others)
                problem = ApiError("method_not_allowed", f"Only {names} is understood here.")
            await self.refuse(scope, receive, send, problem)
            return
        operation, dialect, parameters = found
        scope["path_params"] = parameters
        self._log.update(scope["state"]["client"].record, dialect=dialect.name)
        request = Request(scope, receive)
        try:
            response = await operation.handler(request)
            await response(scope, receive, send)
        except ClientDisconnect:
            raise
        except Exception as error:  # noqa: BLE001 - whatever happens, the client is told
            await self._fail(scope, receive, send, error)

    async def refuse(self, scope: Scope, receive: Receive, send: Send, error: ApiError) -> None:
        """Answer with an error, in the form of whose path it is."""
        self._log.update(scope["state"]["client"].record, error=error.message)
        response = self._dialect(scope).error_response(error)
        if error.retry_after is not None:
            response.headers["retry-after"] = str(error.retry_after)
        if error.kind == "unauthorized":
            response.headers["www-authenticate"] = "Bearer"
        if error.kind in ("too_large", "timeout", "unauthorized", "forbidden"):
            response.headers["connection"] = "close"  # what it sends besides is not waited for
        await response(scope, receive, send)

    async def _fail(self, scope: Scope, receive: Receive, send: Send, error: Exception) -> None:
        if scope["state"].get("answering"):
            # Too late for a status: the stream's own end says what happened, or it breaks off.
            raise error
        await self.refuse(scope, receive, send, api_error(error))

    def _match(self, scope: Scope) -> tuple[Operation, Dialect, dict[str, object]] | None:
        for route, operation, dialect in self._order(scope).routes:
            match, child = route.matches(scope)
            if match is Match.FULL and _accepted(scope, operation):
                return operation, dialect, child["path_params"]
        return None

    def _methods(self, scope: Scope) -> list[str]:
        found = []
        for route, operation, _ in self._usual.routes:
            if route.matches(scope)[0] is Match.PARTIAL:
                found.append(operation.method)
        return sorted(set(found))

    def _dialect(self, scope: Scope) -> Dialect:
        found = self._match(scope)
        if found is not None:
            return found[1]
        path, dialects = scope["path"], self._order(scope).dialects
        fitting = [
            (len(prefix), each)
            for each in dialects
            for prefix in each.prefixes
            if path.startswith(prefix)
        ]
        if fitting:
            return max(fitting, key=lambda pair: pair[0])[1]
        return self._usual.dialects[0]

    def _order(self, scope: Scope) -> "_Order":
        """Where paths overlap, whose turn it is first."""
        for name, _ in scope["headers"]:
            order = self._orders.get(name.decode("latin-1"))
            if order is not None:
                return order
        return self._usual


@dataclass(frozen=True)
class _Order:
    """The dialects and their operations; the first that fits a request is the one."""

    dialects: tuple[Dialect, ...]
    routes: tuple[tuple[Route, Operation, Dialect], ...]

    @classmethod
    def of(cls, dialects: Sequence[Dialect]) -> "_Order":
        """The dialects in this order."""
        routes = (
            (Route(operation.path, operation.handler, methods=[operation.method]), operation, each)
            for each in dialects
            for operation in each.operations
        )
        return cls(tuple(dialects), tuple(routes))


def _accepted(scope: Scope, operation: Operation) -> bool:
    """Whether the request asks for the kind of answer that the operation gives."""
    return operation.accept in Headers(scope=scope).get("accept", "")
