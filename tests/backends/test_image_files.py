"""What is looked at before an image reaches native code."""

import hashlib

import pytest

from backends.errors import BadRequest
from backends.image_file import MAX_BYTES, check_image, image_size
from backends.llamacpp.image_tokens import chunk_ids
from tests.backends.llamacpp.pictures import bmp, gif_head, jpeg_head, png, png_of_size


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (png(1, 40, 30), (40, 30)),
        (jpeg_head(640, 480), (640, 480)),
        (gif_head(7, 9), (7, 9)),
        (bmp(3, 2), (3, 2)),
        (b"", None),
        (b"no picture", None),
        (b"\x89PNG\r\n\x1a\n", None),
        (b"GIF89a\x01", None),
        (b"BM", None),
        (b"\xff\xd8\xff", None),
        (b"\xff\xd8\xff\xc0\x00\x11", None),
        (jpeg_head(640, 480)[:17], None),
    ],
)
def test_the_size_is_read_from_the_head(data: bytes, size: tuple[int, int] | None) -> None:
    assert image_size(data) == size


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"no picture", "no picture"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "WebP"),
        (b"RIFF\0\0\0\0WAVEfmt ", "no picture"),
        (png_of_size(60_000, 10), "too large"),
        (png_of_size(10_000, 10_000), "too large"),
        (png_of_size(0, 10), "empty"),
        (png(1) + bytes(MAX_BYTES), "20 MB"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(data: bytes, words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        check_image(data)


@pytest.mark.parametrize("data", [png(1), bmp(3, 2), jpeg_head(640, 480), gif_head(7, 9)])
def test_pictures_of_known_kinds_pass(data: bytes) -> None:
    check_image(data)


def test_ids_of_images_are_below_zero_and_tell_images_and_chunks_apart() -> None:
    first, second = hashlib.sha256(b"1").digest(), hashlib.sha256(b"2").digest()
    every = [id for image in (first, second) for n in (0, 1) for id in chunk_ids(image, n, 100)]
    assert len(set(every)) == 400
    assert -(2**63) <= min(every) <= max(every) < 0
    assert chunk_ids(first, 1, 100) == chunk_ids(first, 1, 100)
