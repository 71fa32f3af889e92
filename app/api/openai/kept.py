"""What is kept of a response, to be shown again and gone on from."""

from typing import Any

from msgspec import Struct

Json = dict[str, Any]


class KeptResponse(Struct, frozen=True):
    """A response with what was asked."""

    input: list[Json]
    """The items of the request itself, not of those before it."""
    response: Json
    previous: str = ""
    """Id of the response that it goes on from; empty at a beginning."""
