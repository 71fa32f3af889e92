"""`/api/embed` and the older `/api/embeddings`."""

import math
import time
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from app.api.body import read_json
from app.api.errors import ApiError
from app.api.ollama.answer_types import (
    OllamaEmbedAnswer,
    OllamaEmbeddingAnswer,
    OllamaEmbeddingRequest,
    OllamaEmbedRequest,
)
from app.api.ollama.loading import Loading
from app.api.ollama.times import nanoseconds, time_to_live
from app.api.operations import Operation
from app.api.streams import json_response, while_connected
from app.api.work import Client, Work, client_of, for_embeddings
from app.core.errors import PromptRefused
from app.core.library_types import LocalModel
from backends.types import EmbeddingRequest, Embeddings

_KEPT = 0.8
"""Part of a text that is tried next where it was too long."""


class Embed:
    """Makes vectors of texts."""

    def __init__(self, work: Work, loading: Loading) -> None:
        self._work, self._loading = work, loading

    def operations(self) -> Sequence[Operation]:
        """What is asked where."""
        return (
            Operation(
                "POST",
                "/api/embed",
                self.embed,
                "chat",
                "Embeddings of texts.",
                request=OllamaEmbedRequest,
                response=OllamaEmbedAnswer,
            ),
            Operation(
                "POST",
                "/api/embeddings",
                self.embedding,
                "chat",
                "The embedding of a text, in the older form.",
                request=OllamaEmbeddingRequest,
                response=OllamaEmbeddingAnswer,
            ),
        )

    async def embed(self, request: Request) -> Response:
        """The vectors of one or many texts."""
        asked = await read_json(request, OllamaEmbedRequest)
        model = self._loading.find(asked.model)
        keep = time_to_live(asked.keep_alive)
        texts = [asked.input] if isinstance(asked.input, str) else asked.input or []
        if asked.dimensions is not None and asked.dimensions < 0:
            raise ApiError("invalid_request", "dimensions must not be negative", param="dimensions")
        began = time.monotonic()
        ttl = None if not keep else max(keep, 0.0)
        await while_connected(request, self._work.loaded_for_embeddings(model, ttl=ttl))
        loaded = time.monotonic()
        made = Embeddings((), 0)
        if texts:
            cut = asked.truncate is not False
            made = await while_connected(
                request, self._embedded(client_of(request), model, texts, cut=cut)
            )
        await self._loading.let_go(for_embeddings(model).id, keep)
        return json_response(
            OllamaEmbedAnswer(
                asked.model,
                [_shortened(each, asked.dimensions or 0) for each in made.vectors],
                nanoseconds(time.monotonic() - began),
                nanoseconds(loaded - began),
                made.prompt_tokens,
            )
        )

    async def embedding(self, request: Request) -> Response:
        """The vector of one text; without one, the model is loaded."""
        asked = await read_json(request, OllamaEmbeddingRequest)
        model = self._loading.find(asked.model)
        keep = time_to_live(asked.keep_alive)
        ttl = None if not keep else max(keep, 0.0)
        await while_connected(request, self._work.loaded_for_embeddings(model, ttl=ttl))
        vector: list[float] = []
        if asked.prompt:
            made = await while_connected(
                request, self._embedded(client_of(request), model, [asked.prompt], cut=True)
            )
            vector = list(made.vectors[0])
        await self._loading.let_go(for_embeddings(model).id, keep)
        return json_response(OllamaEmbeddingAnswer(vector))

    async def _embedded(
        self, client: Client, model: LocalModel, texts: list[str], *, cut: bool
    ) -> Embeddings:
        """The vectors; with `cut`, of what fits of texts that are too long."""
        try:
            return await self._work.embed(client, model, EmbeddingRequest(tuple(texts)))
        except PromptRefused:
            if not cut:
                raise
        if len(texts) > 1:
            each = [await self._embedded(client, model, [text], cut=True) for text in texts]
            vectors = tuple(made.vectors[0] for made in each)
            return Embeddings(vectors, sum(made.prompt_tokens for made in each))
        shorter = texts[0][: int(len(texts[0]) * _KEPT)]
        return await self._embedded(client, model, [shorter], cut=True)


def _shortened(vector: Sequence[float], dimensions: int) -> list[float]:
    """The first numbers of a vector, of length 1 again."""
    if not 0 < dimensions < len(vector):
        return list(vector)
    first = vector[:dimensions]
    length = math.sqrt(sum(x * x for x in first)) or 1.0
    return [x / length for x in first]
