"""`/v1/embeddings`."""

import base64
import math
import struct
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from app.api.body import read_json
from app.api.errors import ApiError
from app.api.openai.sampling import texts_of
from app.api.operations import Operation
from app.api.streams import json_response, while_connected
from app.api.work import Work, client_of
from backends.types import EmbeddingRequest


class EmbeddingsRequest(Struct):
    """Body of a request for embeddings. Fields that are not here are ignored."""

    model: str
    input: str | list[str | int | list[int]]
    """A text or several; tokens are refused, as each model numbers its own."""
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: int | None = None


class EmbeddingRow(Struct):
    """One vector."""

    embedding: list[float] | str
    """Numbers, or the base64 of 32-bit floats, the lowest byte first."""
    index: int
    object: Literal["embedding"] = "embedding"


class EmbeddingUsage(Struct):
    """Tokens of the texts."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingList(Struct):
    """A vector for each text, in order."""

    data: list[EmbeddingRow]
    model: str
    usage: EmbeddingUsage
    object: Literal["list"] = "list"


class EmbeddingOperations:
    """Turns texts into vectors."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def operations(self) -> Sequence[Operation]:
        """What is asked where."""
        return (
            Operation(
                "POST",
                "/v1/embeddings",
                self.embed,
                "chat",
                "Vectors of texts.",
                request=EmbeddingsRequest,
                response=EmbeddingList,
            ),
        )

    async def embed(self, request: Request) -> Response:
        """Answer `request`."""
        asked = await read_json(request, EmbeddingsRequest)
        model = self._work.names.find(asked.model)
        texts = texts_of(asked.input, "input")
        if not all(texts):
            raise ApiError("invalid_request", "input: A text is empty.", param="input")
        wanted = EmbeddingRequest(tuple(texts))
        made = await while_connected(request, self._work.embed(client_of(request), model, wanted))
        rows = []
        for index, vector in enumerate(made.vectors):
            shortened = _shortened(vector, asked.dimensions)
            in_base64 = asked.encoding_format == "base64"
            rows.append(EmbeddingRow(_packed(shortened) if in_base64 else list(shortened), index))
        usage = EmbeddingUsage(made.prompt_tokens, made.prompt_tokens)
        return json_response(EmbeddingList(rows, model.id, usage))


def _shortened(vector: Sequence[float], dimensions: int | None) -> Sequence[float]:
    """The first numbers, scaled to length 1 again, as Matryoshka models mean it."""
    if dimensions is None or dimensions == len(vector):
        return vector
    if not 1 <= dimensions < len(vector):
        raise ApiError(
            "invalid_request",
            f"dimensions: Expected a number from 1 to {len(vector)}.",
            param="dimensions",
        )
    first = vector[:dimensions]
    length = math.hypot(*first) or 1.0
    return [value / length for value in first]


def _packed(vector: Sequence[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
