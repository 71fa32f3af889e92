"""Answers that are sent as they come, and work that ends when the client leaves."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from typing import Any, TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.api.body import LONGEST_PAUSE

Answer = TypeVar("Answer")

_encoder = msgspec.json.Encoder()


def json_response(
    value: object, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """`value`, of any type that msgspec knows, as JSON."""
    return Response(_encoder.encode(value), status, headers, media_type="application/json")


def sse(data: object, event: str = "") -> bytes:
    """One server-sent event with JSON (or ready bytes) as its data."""
    text = data if isinstance(data, bytes) else _encoder.encode(data)
    name = f"event: {event}\n".encode() if event else b""
    return name + b"data: " + text + b"\n\n"


def ndjson(value: object) -> bytes:
    """One line of newline-delimited JSON."""
    return _encoder.encode(value) + b"\n"


class StreamedResponse(Response):
    """Sends pieces as they come. When the client leaves, the source is ended at once."""

    def __init__(
        self,
        source: AsyncGenerator[bytes, None],
        media_type: str = "text/event-stream",
        headers: dict[str, str] | None = None,
    ) -> None:
        quiet = {"cache-control": "no-cache", "x-accel-buffering": "no"}
        super().__init__(None, headers={**quiet, **(headers or {})}, media_type=media_type)
        self._source = source
        del self.headers["content-length"]  # nobody knows it yet

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the source ends or the client is gone."""
        try:
            await self._answer(receive, send, scope.get("state", {}).get("pause", LONGEST_PAUSE))
        finally:
            await self._source.aclose()

    async def _answer(self, receive: Receive, send: Send, pause: float) -> None:
        start = {"status": self.status_code, "headers": self.raw_headers}
        await send({"type": "http.response.start", **start})
        leaving = asyncio.ensure_future(_gone(receive))
        sending = asyncio.ensure_future(self._send(send, pause))
        try:
            await asyncio.wait({leaving, sending}, return_when=asyncio.FIRST_COMPLETED)
            if not sending.done():
                raise ClientDisconnect
            sending.result()
        finally:
            for task in (leaving, sending):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, OSError):
                    await task

    async def _send(self, send: Send, pause: float) -> None:
        try:
            async for piece in self._source:
                try:
                    async with asyncio.timeout(pause):
                        await send({"type": "http.response.body", "body": piece, "more_body": True})
                except TimeoutError:  # it is there, but reads nothing
                    raise ClientDisconnect from None
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            await self._source.aclose()


async def while_connected(request: Request, work: Coroutine[Any, Any, Answer]) -> Answer:
    """What `work` answers; it is cancelled when the client leaves. The body must be read before.

    Raises ClientDisconnect then, else what `work` raises.
    """
    leaving = asyncio.ensure_future(_gone(request.receive))
    working = asyncio.ensure_future(work)
    try:
        await asyncio.wait({leaving, working}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        for task in (leaving, working):
            if not task.done():
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def primed(source: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """`source` after its first piece was made: what fails before that is an error, not a stream."""
    first = await anext(source, None)

    async def rest() -> AsyncGenerator[bytes, None]:
        try:
            yield b""  # from here on, whoever closes this closes `source`
            if first is not None:
                yield first
                async for piece in source:
                    yield piece
        finally:
            await source.aclose()

    begun = rest()
    await anext(begun)
    return begun


async def beside(
    source: AsyncIterator[Answer], pause: float
) -> AsyncGenerator[Answer | None, None]:
    """The items of `source`, and None whenever `pause` seconds passed without one."""
    waiting = asyncio.ensure_future(anext(source, _END))
    try:
        while True:
            done, _ = await asyncio.wait({waiting}, timeout=pause)
            if not done:
                yield None
                continue
            item = waiting.result()
            if item is _END:
                return
            yield item
            waiting = asyncio.ensure_future(anext(source, _END))
    finally:
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError, StopAsyncIteration):
            await waiting


_END: Any = object()
