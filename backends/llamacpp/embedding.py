"""Embeddings: texts to vectors, several texts in one batch."""

import ctypes
import math
from typing import Any

import numpy as np

from backends.errors import BadRequest, EngineFailure, PromptTooLong
from backends.llamacpp.batch import Batch
from backends.llamacpp.context import Context, Decoded
from backends.llamacpp.library import native
from backends.llamacpp.model import Model
from backends.types import EmbeddingRequest, Embeddings

_POOLING_NONE, _POOLING_RANK = 0, 4  # llama.h: enum llama_pooling_type


class Embedder:
    """Embeds texts with a context that was made for it. Used by one thread."""

    def __init__(self, model: Model, context: Context) -> None:
        self._vocabulary = model.vocabulary
        self._context = context
        self._batch = Batch(context.batch_size)
        pooling = int(native.llama_pooling_type(context.handle))
        self._pooled = pooling != _POOLING_NONE
        self.length = (
            1 if pooling == _POOLING_RANK else int(native.llama_model_n_embd_out(model.handle))
        )
        """Numbers of one vector."""

    def embed(self, request: EmbeddingRequest) -> Embeddings:
        """One vector for each text. Raises `BadRequest`, `PromptTooLong` and `EngineFailure`."""
        if not request.texts:
            raise BadRequest("There is no text to embed.")
        prompts = [self._tokens(text) for text in request.texts]
        vectors: list[tuple[float, ...]] = []
        waiting: list[list[int]] = []
        for tokens in prompts:
            room = self._batch.capacity - sum(map(len, waiting))
            if len(tokens) > room or len(waiting) == self._context.slots:
                vectors += self._run(waiting, normalize=request.normalize)
                waiting = []
            waiting.append(tokens)
        vectors += self._run(waiting, normalize=request.normalize)
        return Embeddings(tuple(vectors), sum(map(len, prompts)))

    def close(self) -> None:
        """Free the native memory."""
        self._batch.close()

    def _tokens(self, text: str) -> list[int]:
        tokens = self._vocabulary.tokenize_whole(text)
        if not tokens:
            raise BadRequest("A text to embed has no tokens.")
        if len(tokens) > self._batch.capacity:
            raise PromptTooLong(
                f"A text to embed has {len(tokens):,} tokens; this model takes "
                f"{self._batch.capacity:,} at once. Load it with a larger batch, or cut the text."
            )
        return tokens

    def _run(self, prompts: list[list[int]], *, normalize: bool) -> list[tuple[float, ...]]:
        self._batch.clear()
        if self._context.memory:
            native.llama_memory_clear(self._context.memory, True)
        for number, tokens in enumerate(prompts):
            self._batch.add(tokens, 0, number, len(tokens))
        if self._context.decode(self._batch) is not Decoded.DONE:
            raise EngineFailure("llama.cpp had no room for the texts to embed.")
        start, vectors = 0, []
        for number, tokens in enumerate(prompts):
            vectors.append(self._vector(number, range(start, start + len(tokens)), normalize))
            start += len(tokens)
        return vectors

    def _vector(self, number: int, places: range, normalize: bool) -> tuple[float, ...]:
        context = self._context.handle
        if self._pooled:
            vector = self._row(native.llama_get_embeddings_seq(context, number))
        else:  # the model does not say how: the mean
            rows = [self._row(native.llama_get_embeddings_ith(context, at)) for at in places]
            vector = np.mean(rows, axis=0)
        if normalize and self.length > 1:
            vector = vector / (math.sqrt(float(vector @ vector)) or 1.0)
        return tuple(map(float, vector))

    def _row(self, pointer: Any) -> Any:
        if not pointer:
            raise EngineFailure("llama.cpp gave no embedding.")
        values = ctypes.cast(pointer, ctypes.POINTER(ctypes.c_float))
        return np.ctypeslib.as_array(values, (self.length,)).copy()
