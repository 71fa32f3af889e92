"""Computes a piece of an image as a batch of its own."""

from collections.abc import Callable
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from backends.llamacpp.batch import Batch
from backends.llamacpp.context import Context, Decoded
from backends.llamacpp.image_tokens import ImagePlace
from backends.llamacpp.run import Run


class Encoder(Protocol):
    """The image encoder beside a model."""

    @property
    def embedding_length(self) -> int:
        """Numbers of one embedding."""
        ...

    def encode(self, place: ImagePlace) -> NDArray[np.float32]:
        """The embeddings of the chunk at a place, one a row. Raises `EngineFailure`."""
        ...


class ImageStep:
    """Encodes chunks of images and puts their embeddings into the KV cache. Close it.

    A chunk larger than a batch takes several steps and is encoded once.
    """

    def __init__(self, context: Context, encoder: Encoder) -> None:
        self._context = context
        self._encoder = encoder
        self._batch = Batch(context.batch_size, encoder.embedding_length)
        self._encoded: tuple[tuple[int, ...], NDArray[np.float32]] | None = None
        """Ids and embeddings of the chunk under way."""

    def piece(self, run: Run, place: ImagePlace) -> tuple[list[int], Callable[[], Decoded]]:
        """The ids of the next step of a run that has come to `place`, and what computes it."""
        sequence = run.sequence
        ids = list(place.chunk.ids[place.offset : place.offset + self._batch.capacity])
        return ids, partial(
            self._compute,
            place,
            len(ids),
            position=len(sequence.tokens),
            sequence=sequence.number,
            outputs=int(len(ids) == run.missing),
        )

    def _compute(
        self, place: ImagePlace, count: int, *, position: int, sequence: int, outputs: int
    ) -> Decoded:
        """Compute `count` embeddings of a chunk; runs on the thread of the graph."""
        chunk = place.chunk
        if self._encoded is None or self._encoded[0] != chunk.ids:
            self._encoded = None  # before the next one takes as much memory
            self._encoded = chunk.ids, self._encoder.encode(place)
        rows = self._encoded[1][place.offset : place.offset + count]
        self._batch.clear()
        self._batch.add_embeddings(rows, position, sequence, outputs)
        status = self._context.decode(self._batch, causal=not chunk.non_causal)
        if status is Decoded.DONE and place.offset + count == len(chunk.ids):
            self._encoded = None
        return status

    def close(self) -> None:
        """Free the native memory."""
        self._batch.close()
