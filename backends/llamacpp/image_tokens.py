"""What stands for an image in a list of tokens.

A prompt is a list of token ids. The places that an image takes hold numbers below 0, which are made
of its content: the same image gives the same numbers, so that finding a prompt in the KV cache,
parking and sharing work as for text.
"""

import hashlib
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile


@dataclass(frozen=True)
class ImageChunk:
    """A piece of an image that the model takes in as a row of embeddings."""

    number: int
    """Which one of its image's native chunks it is."""
    ids: tuple[int, ...]
    """One for each embedding, all below 0."""
    non_causal: bool
    """Its embeddings see one another in both directions: they must be computed in one batch."""


@dataclass(frozen=True)
class ImageTokens:
    """What a model reads in place of an image."""

    ids: tuple[int, ...]
    """Tokens around the image and the ids of its chunks, in order."""
    chunks: tuple[ImageChunk, ...]


@dataclass(frozen=True)
class ImagePlace:
    """What one id below 0 means."""

    image: bytes
    """The encoded file."""
    chunk: ImageChunk
    offset: int
    """Of the embedding in its chunk."""


def chunk_ids(digest: bytes, number: int, length: int) -> tuple[int, ...]:
    """The ids of a chunk of the image with this digest: 63 bits each, so that none meet."""
    stream = hashlib.shake_256(digest + number.to_bytes(4, "big")).digest(8 * length)
    return tuple(-1 - (value >> 1) for value in struct.unpack(f"<{length}Q", stream))


def places(images: Iterable[tuple[bytes, ImageTokens]]) -> dict[int, ImagePlace]:
    """What the ids below 0 of a prompt with these images mean."""
    return {
        id: ImagePlace(image, chunk, offset)
        for image, tokens in images
        for chunk in tokens.chunks
        for offset, id in enumerate(chunk.ids)
    }


def text_before_image(tokens: Iterable[int]) -> Iterator[int]:
    """The tokens up to the first that stands for a part of an image."""
    return takewhile(lambda token: token >= 0, tokens)
