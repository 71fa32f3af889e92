"""Embeddings: one vector for a text, made of the model's last hidden states."""

from collections.abc import Callable
from typing import Any, Literal

import mlx.core as mx
import numpy as np

from backends.errors import BadLoadSetting, BadRequest, PromptTooLong
from backends.mlx.folder import ModelFolder, read_json
from backends.mlx.model import Model
from backends.mlx.vocabulary import Vocabulary
from backends.types import EmbeddingRequest, Embeddings, LoadConfig

Pooling = Literal["mean", "cls", "last"]

_POOLINGS: dict[Pooling, Callable[[mx.array], mx.array]] = {
    "mean": lambda states: mx.mean(states, axis=0),
    "cls": lambda states: states[0],
    "last": lambda states: states[-1],
}
_SENTENCE_TRANSFORMERS: dict[str, Pooling] = {
    "pooling_mode_lasttoken": "last",
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
}


class Embedder:
    """Embeds texts with a model that was loaded for it."""

    def __init__(
        self, folder: ModelFolder, model: Model, vocabulary: Vocabulary, config: LoadConfig
    ) -> None:
        """Raises `BadLoadSetting` for a model or a pooling that cannot be used."""
        self._vocabulary = vocabulary
        self._pool = _POOLINGS[_pooling(folder, config)]
        self._body = _body(model.network)
        self._limit = config.context_length or folder.trained_context
        self.length = int(self._states([0]).shape[-1])
        """Numbers of one vector."""

    def embed(self, request: EmbeddingRequest) -> Embeddings:
        """One vector for each text. Raises `BadRequest` and `PromptTooLong`."""
        if not request.texts:
            raise BadRequest("There is no text to embed.")
        vectors, count = [], 0
        for text in request.texts:
            tokens = self._vocabulary.tokenize_whole(text)
            if not tokens:
                raise BadRequest("A text to embed has no tokens.")
            if 0 < self._limit < len(tokens):
                raise PromptTooLong(
                    f"A text has {len(tokens):,} tokens and the context holds {self._limit:,}."
                )
            count += len(tokens)
            vector = self._pool(self._states(tokens)).astype(mx.float32)
            if request.normalize:
                vector = vector / mx.maximum(mx.linalg.norm(vector), 1e-12)
            vectors.append(tuple(float(number) for number in np.array(vector)))
        return Embeddings(tuple(vectors), count)

    def _states(self, tokens: list[int]) -> mx.array:
        states: mx.array = self._body(mx.array([tokens], mx.uint32))[0]
        return states


def _body(network: Any) -> Any:
    """The network without its output layer, as most architectures of mlx-lm name it."""
    body = getattr(getattr(network, "language_model", network), "model", None)
    if not callable(body):
        raise BadLoadSetting("A model of this kind cannot make embeddings with MLX.")
    return body


def _pooling(folder: ModelFolder, config: LoadConfig) -> Pooling:
    match config.pooling:
        case None:
            told = read_json(folder.path / "1_Pooling" / "config.json")
            return next(
                (_SENTENCE_TRANSFORMERS[k] for k in _SENTENCE_TRANSFORMERS if told.get(k)), "mean"
            )
        case "mean" | "cls" | "last" as chosen:
            return chosen
        case other:
            raise BadLoadSetting(f"MLX has no pooling “{other}”. Choose mean, cls or last.")
