"""Corral's pictures for macOS: the icon set (.icns) and the ground of the disk image's window.

Format of .icns: a header and an entry for each picture, all PNG, which macOS has read since 10.7.
"""

import os
import struct
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PySide6.QtGui import QImage

ICONS = {
    "icp4": 16,
    "ic11": 32,
    "icp5": 32,
    "ic12": 64,
    "ic07": 128,
    "ic13": 256,
    "ic08": 256,
    "ic14": 512,
    "ic09": 512,
    "ic10": 1024,
}
"""Width in pixels by type: 16, 32, 128, 256 and 512 points, each for plain and dense screens."""
BODY = 824 / 1024
"""Share of the width that Apple's grid gives to an icon's body."""
DRAWN_BODY = 464 / 512
"""The same of the program's own picture."""
WINDOW = (640, 400)
"""Size of the disk image's window in points."""
PROGRAM_PLACE, FOLDER_PLACE = (170, 190), (470, 190)
"""Middles of the two icons in it."""
GROUND, INK = "#f6f4ef", "#8a857b"
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def icon_set(picture: Path) -> bytes:
    """The content of an .icns file with the SVG `picture`."""
    drawn = {size: _png(_icon(picture, size)) for size in sorted(set(ICONS.values()))}
    entries = b"".join(
        kind.encode() + struct.pack(">I", 8 + len(drawn[size])) + drawn[size]
        for kind, size in ICONS.items()
    )
    return b"icns" + struct.pack(">I", 8 + len(entries)) + entries


def entries(content: bytes) -> dict[str, bytes]:
    """The pictures of an icon set by type. Raises ValueError for what is none."""
    if content[:4] != b"icns" or int.from_bytes(content[4:8], "big") != len(content):
        raise ValueError("this is no complete icon set")
    found, place = {}, 8
    while place < len(content):
        size = int.from_bytes(content[place + 4 : place + 8], "big")
        found[content[place : place + 4].decode()] = content[place + 8 : place + size]
        place += size
    return found


def ground(scale: int) -> bytes:
    """The PNG behind the icons of the disk image: an arrow from the program to the folder."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtCore import QPointF, Qt
    from PySide6.QtGui import QColor, QImage, QPainter, QPen

    width, height = WINDOW
    image = QImage(width * scale, height * scale, QImage.Format.Format_RGB32)
    image.fill(QColor(GROUND))
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(scale, scale)
    pen = QPen(QColor(INK), 5)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    (left, middle), (right, _) = PROGRAM_PLACE, FOLDER_PLACE
    begin, tip = left + 110, right - 110
    painter.drawLine(QPointF(begin, middle), QPointF(tip, middle))
    painter.drawPolyline(
        [QPointF(tip - 18, middle - 18), QPointF(tip, middle), QPointF(tip - 18, middle + 18)]
    )
    painter.end()
    return _png(image)


def _icon(picture: Path, size: int) -> "QImage":
    """The picture in one size, its body as wide as Apple's grid says."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtCore import QRectF
    from PySide6.QtGui import QImage, QPainter
    from PySide6.QtSvg import QSvgRenderer

    image = QImage(size, size, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(0)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    width = size * BODY / DRAWN_BODY
    margin = (size - width) / 2
    QSvgRenderer(str(picture)).render(painter, QRectF(margin, margin, width, width))
    painter.end()
    return image


def _png(image: "QImage") -> bytes:
    from PySide6.QtCore import QBuffer, QByteArray, QIODevice

    content = QByteArray()
    buffer = QBuffer(content)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload] # its stubs know "PNG" as bytes only
    return bytes(content.data())
