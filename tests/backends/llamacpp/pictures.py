"""Small image files, written byte by byte."""

import struct
import zlib

import numpy as np


def png(seed: int, width: int = 40, height: int = 30) -> bytes:
    """A PNG file of large random squares, another one for each seed."""
    squares = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
    rows = np.arange(height) * 4 // height
    columns = np.arange(width) * 4 // width
    pixels = squares[rows][:, columns]
    lines = b"".join(b"\0" + line.tobytes() for line in pixels)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
            _chunk(b"IDAT", zlib.compress(lines)),
            _chunk(b"IEND", b""),
        )
    )


def png_of_size(width: int, height: int) -> bytes:
    """The head of a PNG file that announces so many pixels."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head)


def bmp(width: int, height: int) -> bytes:
    """A grey BMP file."""
    row = b"\x80" * (3 * width) + b"\0" * (-3 * width % 4)
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    data = row * height
    return b"BM" + struct.pack("<IHHI", 54 + len(data), 0, 0, 54) + head + data


def jpeg_head(width: int, height: int) -> bytes:
    """The head of a JPEG file, with a comment before the frame."""
    comment = b"\xff\xfe\x00\x06" + b"\xff\xc0\xff\xc0"
    frame = b"\xff\xc2\x00\x11\x08" + struct.pack(">HH", height, width) + b"\x03" + bytes(9)
    return b"\xff\xd8" + comment + b"\xff" + frame


def gif_head(width: int, height: int) -> bytes:
    """The head of a GIF file."""
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\0\0\0"


def _chunk(kind: bytes, data: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + checksum
