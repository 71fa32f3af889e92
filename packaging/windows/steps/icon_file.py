"""Corral's pictures for Windows: an .ico file with all sizes, and one beside the installer's words.

Format: Microsoft's ICONDIR, an entry for each picture. The largest is a PNG, as Windows has wanted
it since Vista; the others are bitmaps, which everything reads that makes installers.
"""

import os
import struct
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PySide6.QtGui import QImage

SIZES = (16, 20, 24, 32, 40, 48, 64, 256)
"""Widths in pixels, for 100 % to 200 % scaling."""
LARGEST_BITMAP = 64
SIDE = (328, 628)
"""Size of the installer's picture in pixels; twice that of a plain screen."""
INK = "#201f1d"
"""The ground of the icon."""
_HEADER = 6
_ENTRY = 16


def draw(picture: Path, file: Path) -> None:
    """Write the SVG `picture` as the icon `file`. Raises OSError."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtCore import QRectF
    from PySide6.QtGui import QImage, QPainter
    from PySide6.QtSvg import QSvgRenderer

    renderer = QSvgRenderer(str(picture))
    pictures = []
    for size in SIZES:
        image = QImage(size, size, QImage.Format.Format_ARGB32)
        image.fill(0)
        painter = QPainter(image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        renderer.render(painter, QRectF(0, 0, size, size))
        painter.end()
        pictures.append(_bitmap(image) if size <= LARGEST_BITMAP else _png(image))
    file.write_bytes(icon(pictures))


def draw_side(picture: Path, file: Path) -> None:
    """Write the SVG `picture` on a tall ground as the bitmap `file` (.bmp). Raises OSError."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtCore import QRectF
    from PySide6.QtGui import QColor, QImage, QPainter
    from PySide6.QtSvg import QSvgRenderer

    width, height = SIDE
    image = QImage(width, height, QImage.Format.Format_RGB888)
    image.fill(QColor(INK))
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    across = width * 0.8
    place = QRectF((width - across) / 2, (width - across) / 2, across, across)
    QSvgRenderer(str(picture)).render(painter, place)
    painter.end()
    if not image.save(str(file)):
        raise OSError(f"{file} could not be written")


def icon(pictures: list[bytes]) -> bytes:
    """The content of an icon file with a picture of each of `SIZES`."""
    entries, offset = b"", _HEADER + _ENTRY * len(pictures)
    for size, content in zip(SIZES, pictures, strict=True):
        width = size % 256  # 0 says 256
        entries += struct.pack("<4B2H2I", width, width, 0, 0, 1, 32, len(content), offset)
        offset += len(content)
    return struct.pack("<3H", 0, 1, len(pictures)) + entries + b"".join(pictures)


def _bitmap(image: "QImage") -> bytes:
    """A bitmap without file header: colours from the bottom up, then the mask, which is unused."""
    size = image.width()
    header = struct.pack("<I2i2H6I", 40, size, 2 * size, 1, 32, 0, 4 * size * size, 0, 0, 0, 0)
    content = bytes(image.constBits())
    line = 4 * size
    colours = b"".join(content[row * line : (row + 1) * line] for row in reversed(range(size)))
    return header + colours + bytes((size + 31) // 32 * 4 * size)


def _png(image: "QImage") -> bytes:
    from PySide6.QtCore import QBuffer, QByteArray, QIODevice

    content = QByteArray()
    buffer = QBuffer(content)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload] # its stubs know "PNG" as bytes only
    return bytes(content.data())
