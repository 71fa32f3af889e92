"""Reading what a client sends: never more, deeper or slower than it should be."""

import asyncio
import re
from typing import TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request

from app.api.errors import ApiError

USUAL_LIMIT = 64 * 1024 * 1024
"""Bytes of a body: a long conversation with several pictures."""
DEEPEST = 100
"""Brackets within one another in JSON; JSON Schemas of real tools have some twenty."""
LONGEST_PAUSE = 30.0
"""Seconds without a byte after which a client is given up."""

Parsed = TypeVar("Parsed")

_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[{]|[\]}]', re.DOTALL)


async def read_body(request: Request, limit: int = USUAL_LIMIT) -> bytes:
    """The whole body.

    Raises:
        ApiError: it is larger than `limit` bytes, or does not come.
        ClientDisconnect: the client left.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)
    pieces: list[bytes] = []
    size = 0
    stream = request.stream()
    while True:
        try:
            piece = await asyncio.wait_for(anext(stream), LONGEST_PAUSE)
        except StopAsyncIteration:
            return b"".join(pieces)
        except TimeoutError:
            raise ApiError("timeout", "The request did not come to its end in time.") from None
        size += len(piece)
        if size > limit:
            raise _too_large(limit)
        pieces.append(piece)


async def read_json(request: Request, kind: type[Parsed], limit: int = USUAL_LIMIT) -> Parsed:
    """The body as `kind`. Fields that `kind` does not know are ignored, as the originals do.

    Raises ApiError and ClientDisconnect.
    """
    return parse_json(await read_body(request, limit), kind)


def parse_json(body: bytes, kind: type[Parsed]) -> Parsed:
    """`body` as `kind`. Raises ApiError that names the field at fault."""
    if not body.strip():
        raise ApiError("invalid_request", "The request has no body; it must be JSON.")
    if too_deep(body):
        raise ApiError("invalid_request", f"The JSON is nested more than {DEEPEST} levels deep.")
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        text, _, place = str(error).partition(" - at `")
        path = place.rstrip("`").removeprefix("$").removeprefix(".")
        where = f"{path}: " if path else ""
        raise ApiError("invalid_request", f"{where}{text}.", param=path or _named(text)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ApiError("invalid_request", f"The body is not valid JSON: {error}.") from None


def too_deep(body: bytes) -> bool:
    """Whether brackets stand within one another more than `DEEPEST` times."""
    if body.count(b"[") + body.count(b"{") <= DEEPEST:
        return False
    depth = 0
    for match in _BRACKETS.finditer(body):
        mark = match.group()
        if mark in b"[{":
            depth += 1
            if depth > DEEPEST:
                return True
        elif mark in b"]}":
            depth -= 1
    return False


def _named(text: str) -> str | None:
    """The field that a message like "Object missing required field `model`" names."""
    found = re.search(r"field `(\w+)`", text)
    return found.group(1) if found else None


def _too_large(limit: int) -> ApiError:
    return ApiError("too_large", f"The request is larger than {limit // 2**20} MiB.")


__all__ = [
    "DEEPEST",
    "USUAL_LIMIT",
    "ClientDisconnect",
    "parse_json",
    "read_body",
    "read_json",
    "too_deep",
]
