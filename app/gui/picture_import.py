"""Makes any picture that Qt can read into one that engines can: for threads of the worker.

A file that engines read already stays as it is, byte for byte. It is written anew if it is of
another kind, larger than a model has use for, or carries notes of a camera or an editor (EXIF, XMP,
texts): those may hold where it was taken, and with a model on a server they would leave this
computer.
"""

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QBuffer, QByteArray, QCoreApplication, QIODevice, QSize, Qt
from PySide6.QtGui import QImage, QImageReader, QImageWriter

from app.core.pictures import PictureError, checked_size, read_picture
from backends.image_file import MAX_BYTES, MAX_PIXELS, MAX_SIDE, image_size

LARGEST_SIDE = 4096
"""Pixels; a larger picture is scaled down."""
JPEG_QUALITY = 92
_CONVERTED = ("webp", "tiff", "heic", "heif", "avif")
"""Kinds that are made PNG or JPEG, where this Qt reads them."""


@dataclass(frozen=True, slots=True)
class ImportedPicture:
    """An encoded picture that engines can read; sizes in pixels."""

    data: bytes
    width: int
    height: int


def import_file(path: Path) -> ImportedPicture:
    """The picture in a file. Raises `PictureError` and `StorageError`."""
    return import_bytes(read_picture(path), path.name)


def import_image(image: QImage) -> ImportedPicture:
    """A picture without a file, as the clipboard has it. Raises `PictureError`."""
    if image.isNull():
        raise _unreadable("")
    return _encoded(_limited(image), lossless=True)


def import_bytes(data: bytes, name: str = "") -> ImportedPicture:
    """The picture in a file that was read. Raises `PictureError`."""
    known = image_size(data) is not None
    if known:
        checked_size(data, name)  # of pixels, too, before anything is unpacked
    buffer = QBuffer()
    buffer.setData(QByteArray(data))
    buffer.open(QIODevice.OpenModeFlag.ReadOnly)
    reader = QImageReader(buffer)
    reader.setDecideFormatFromContent(True)
    reader.setAutoTransform(True)  # turned as the camera was held
    kind = bytes(reader.format().data()).decode()
    size = reader.size()
    if not (known or kind in _CONVERTED) or size.isEmpty():
        raise _unreadable(name)
    if size.width() * size.height() > MAX_PIXELS or max(size.toTuple()) > MAX_SIDE:
        raise PictureError(
            _tr("%1 is too large").replace("%1", name),
            _tr("It has too many pixels. Make it smaller, then attach it again."),
        )
    if max(size.toTuple()) > LARGEST_SIDE:
        box = QSize(LARGEST_SIDE, LARGEST_SIDE)
        reader.setScaledSize(size.scaled(box, Qt.AspectRatioMode.KeepAspectRatio))
    image = reader.read()
    if image.isNull():
        raise _unreadable(name)
    if known and max(size.toTuple()) <= LARGEST_SIDE and not has_notes(data):
        return ImportedPicture(data, image.width(), image.height())
    return _encoded(image, lossless=kind not in ("jpeg", "heic", "heif"))


def has_notes(data: bytes) -> bool:
    """Whether a PNG or JPEG file carries more than the picture and its colours."""
    if data.startswith(b"\x89PNG"):
        chunks = {kind for kind, _ in _png_chunks(data)}
        return bool(chunks & {b"eXIf", b"tEXt", b"zTXt", b"iTXt"})
    if data.startswith(b"\xff\xd8"):
        return _jpeg_has_notes(data)
    return False


def _png_chunks(data: bytes) -> list[tuple[bytes, int]]:
    """Kind and place of the chunks of a PNG file."""
    chunks = []
    at = 8
    while at + 8 <= len(data):
        chunks.append((data[at + 4 : at + 8], at))
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    return chunks


def _jpeg_has_notes(data: bytes) -> bool:
    """Whether APP1 (EXIF, XMP), APP13 (IPTC) or a comment stands before the pixels."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:
        if data[at + 1] in (0xE1, 0xED, 0xFE):
            return True
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return False


def _limited(image: QImage) -> QImage:
    if max(image.width(), image.height()) <= LARGEST_SIDE:
        return image
    return image.scaled(
        LARGEST_SIDE,
        LARGEST_SIDE,
        Qt.AspectRatioMode.KeepAspectRatio,
        Qt.TransformationMode.SmoothTransformation,
    )


def _encoded(image: QImage, *, lossless: bool) -> ImportedPicture:
    """Write a picture anew, without its notes; as JPEG where PNG would be too large."""
    data = b""
    if lossless or image.hasAlphaChannel():
        data = _written(image, "PNG", -1)
    if not data or len(data) > MAX_BYTES:
        data = _written(image, "JPEG", JPEG_QUALITY)
    width, height = checked_size(data)
    return ImportedPicture(data, width, height)


def _written(image: QImage, kind: str, quality: int) -> bytes:
    array = QByteArray()
    buffer = QBuffer(array)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QImageWriter(buffer, QByteArray(kind.encode()))
    writer.setQuality(quality)
    writer.write(_pixels_only(image))
    return bytes(array.data())


def _pixels_only(image: QImage) -> QImage:
    """The image without its texts, which Qt would write, and which cannot be taken out of it."""
    alpha = image.hasAlphaChannel()
    form = QImage.Format.Format_ARGB32 if alpha else QImage.Format.Format_RGB32
    source = image.convertToFormat(form)
    bits, line = source.constBits(), source.bytesPerLine()
    bare = QImage(bits, source.width(), source.height(), line, form).copy()
    bare.setColorSpace(image.colorSpace())
    return bare


def _unreadable(name: str) -> PictureError:
    title = _tr("%1 is no picture that can be used")
    return PictureError(
        title.replace("%1", name or _tr("This")),
        _tr("PNG, JPEG, GIF, BMP and WebP pictures can be attached."),
    )


def _tr(text: str) -> str:
    return QCoreApplication.translate("PictureImport", text)
