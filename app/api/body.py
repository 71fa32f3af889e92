"""Reading what a client sends: never more, deeper or slower than it should be."""

import asyncio
import re
import time
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

MOST_VALUES = 2_000_000
"""Values in JSON, about: each takes many times the bytes that it is written in."""
SLOWEST = 16 * 1024
"""Bytes a second that a body must bring on the whole, once a pause has passed."""

# A string that does not end reaches to the end, so that none is looked at twice.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[{}]"))
_ONE_KIND = bytes.maketrans(b"{}", b"[]")


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
    pause, began = longest_pause(request), time.monotonic()
    stream = request.stream()
    while True:
        try:
            piece = await asyncio.wait_for(anext(stream), pause)
        except StopAsyncIteration:
            return b"".join(pieces)
        except TimeoutError:
            raise _too_slow() from None
        size += len(piece)
        if size > limit:
            raise _too_large(limit)
        if time.monotonic() - began > pause + size / SLOWEST:
            raise _too_slow()
        pieces.append(piece)


def longest_pause(request: Request) -> float:
    """Seconds without a byte after which this client is given up, as the settings say."""
    return float(request.scope.get("state", {}).get("pause", LONGEST_PAUSE))


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
    if too_many(body):
        raise ApiError("too_large", f"The JSON holds more than {MOST_VALUES} values.")
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
    brackets = _STRING.sub(b"", body).translate(_ONE_KIND, _NO_BRACKETS)
    for _ in range(DEEPEST):  # each round takes away the innermost pairs
        fewer = brackets.replace(b"[]", b"")
        if len(fewer) == len(brackets):
            break
        brackets = fewer
    # What is left is nested deeper or is no JSON; the parser says so of a little of that.
    return brackets.count(b"[") > (0 if b"[]" in brackets else DEEPEST)


def too_many(body: bytes) -> bool:
    """Whether there are more than about `MOST_VALUES` values, whatever they are."""
    if len(body) <= MOST_VALUES or _marks(body) <= MOST_VALUES:
        return False
    return _marks(_STRING.sub(b"", body)) > MOST_VALUES


def _marks(body: bytes) -> int:
    return body.count(b",") + body.count(b"[") + body.count(b"{")


def _named(text: str) -> str | None:
    """The field that a message like "Object missing required field `model`" names."""
    found = re.search(r"field `(\w+)`", text)
    return found.group(1) if found else None


def _too_slow() -> ApiError:
    return ApiError("timeout", "The request did not come to its end in time.")


def _too_large(limit: int) -> ApiError:
    return ApiError("too_large", f"The request is larger than {limit // 2**20} MiB.")


__all__ = [
    "DEEPEST",
    "LONGEST_PAUSE",
    "USUAL_LIMIT",
    "ClientDisconnect",
    "longest_pause",
    "parse_json",
    "read_body",
    "read_json",
    "too_deep",
    "too_many",
]
