"""Looks at the head of an image file before native code unpacks it.

Only kinds that llama.cpp decodes by itself pass: for all others it would start a program named
ffmpeg. And a few bytes can announce an image of many gigabytes, so its size is read first.
"""

import struct
from collections.abc import Iterator

from backends.errors import BadRequest

MAX_BYTES = 20 * 2**20
"""Of an encoded image."""
MAX_PIXELS = 50_000_000
"""Width times height."""
MAX_SIDE = 30_000

# ITU T.81, table B.1: start of frame, all but the markers between them that mean something else.
_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}


def check_image(data: bytes) -> None:
    """Raise `BadRequest` for what is no image, is of an unknown kind, or is too large."""
    if len(data) > MAX_BYTES:
        raise BadRequest(
            f"A picture has {len(data) / 2**20:.0f} MB; at most {MAX_BYTES // 2**20} MB are "
            "possible. Make it smaller."
        )
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        raise BadRequest("WebP pictures cannot be read. Save it as PNG or JPEG.")
    size = image_size(data)
    if size is None:
        raise BadRequest("A file is no picture that can be read. Use PNG, JPEG, GIF or BMP.")
    width, height = size
    if width < 1 or height < 1:
        raise BadRequest("A picture is empty.")
    if width * height > MAX_PIXELS or max(size) > MAX_SIDE:
        raise BadRequest(
            f"A picture has {width:,} x {height:,} pixels, which is too large. Make it smaller."
        )


def image_size(data: bytes) -> tuple[int, int] | None:
    """Width and height of a PNG, JPEG, GIF or BMP file; None for anything else."""
    try:
        if data.startswith(b"\x89PNG\r\n\x1a\n") and data[12:16] == b"IHDR":
            return _two(">II", data, 16)
        if data.startswith((b"GIF87a", b"GIF89a")):
            return _two("<HH", data, 6)
        if data.startswith(b"BM"):
            width, height = _two("<ii", data, 18)
            return abs(width), abs(height)
        if data.startswith(b"\xff\xd8"):
            return next(_jpeg_frames(data), None)
    except struct.error:  # cut off
        return None
    return None


def _jpeg_frames(data: bytes) -> Iterator[tuple[int, int]]:
    """The sizes that the frame headers of a JPEG file tell."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # filler
            at += 1
        elif marker in _WITHOUT_LENGTH:
            at += 2
        else:
            if marker in _FRAMES:
                height, width = _two(">HH", data, at + 5)
                yield width, height
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")


def _two(form: str, data: bytes, at: int) -> tuple[int, int]:
    first, second = struct.unpack_from(form, data, at)
    return first, second
