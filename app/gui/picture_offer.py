"""What the clipboard or a drag offers of pictures."""

from pathlib import Path

from PySide6.QtCore import QMimeData, QMimeDatabase
from PySide6.QtGui import QImage

Offer = Path | QImage
"""A file that seems to be a picture, or one without a file."""


def pictures_in(mime: QMimeData) -> tuple[Offer, ...]:
    """Files that seem to be pictures, else a picture that comes without any text."""
    files = [Path(url.toLocalFile()) for url in mime.urls() if url.isLocalFile()]
    if files:
        kinds = QMimeDatabase()
        return tuple(
            file
            for file in files
            if kinds.mimeTypeForFile(str(file)).name().startswith("image/") and file.is_file()
        )
    if mime.hasImage() and not mime.hasText():  # an office program offers its text as a picture
        image = mime.imageData()
        return (image,) if isinstance(image, QImage) else ()
    return ()
