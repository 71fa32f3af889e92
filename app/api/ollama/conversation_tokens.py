"""The `context` of `/api/generate`: a conversation as a list of whole numbers.

Ollama returns the tokens of the conversation; its clients keep the list and send it back, without a
look inside. Here the numbers are the conversation itself: its messages as compressed JSON, six
bytes in each number, behind one that tells the list from others'. So nothing is kept by the server,
and the model's template is applied anew to the whole conversation.
"""

import zlib
from typing import Literal

import msgspec
from msgspec import Struct

from app.api.errors import ApiError
from backends.types import ChatMessage

_MARK = 0x636F7272616C
"""The first number; the second is the length in bytes."""
_WIDTH = 6
"""Bytes in one number: JavaScript's are exact up to 2^53."""
_LARGEST = 16 * 1024 * 1024
"""Bytes of a conversation."""


class _Said(Struct, array_like=True):
    role: Literal["system", "user", "assistant"]
    text: str


def to_numbers(messages: tuple[ChatMessage, ...], answer: str) -> list[int]:
    """The conversation with its answer. Pictures and reasoning are left out."""
    said = [_Said(m.role, m.content) for m in messages if m.role != "tool"]
    data = zlib.compress(msgspec.json.encode([*said, _Said("assistant", answer)]))
    pieces = (data[at : at + _WIDTH] for at in range(0, len(data), _WIDTH))
    return [_MARK, len(data), *(int.from_bytes(p.ljust(_WIDTH, b"\0"), "big") for p in pieces)]


def from_numbers(numbers: list[int]) -> tuple[ChatMessage, ...]:
    """The conversation that `to_numbers` made a list of. Raises ApiError for any other list."""
    if not numbers:
        return ()
    try:
        mark, length, *pieces = numbers
        if mark != _MARK or not 0 <= len(pieces) * _WIDTH - length < _WIDTH:
            raise ValueError
        data = b"".join(each.to_bytes(_WIDTH, "big") for each in pieces)[:length]
        unpacker = zlib.decompressobj()
        text = unpacker.decompress(data, _LARGEST)
        if unpacker.unconsumed_tail:
            raise ValueError
        said = msgspec.json.decode(text, type=list[_Said])
    except (ValueError, OverflowError, zlib.error, msgspec.DecodeError):
        raise ApiError(
            "invalid_request",
            "The context is none that this server has returned: begin a new conversation.",
            param="context",
        ) from None
    return tuple(ChatMessage(each.role, each.text) for each in said)
