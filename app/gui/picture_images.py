"""Pictures of messages, decoded small and off the GUI thread."""

from collections import OrderedDict
from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QObject, QSize, Qt, Signal
from PySide6.QtGui import QImage, QImageReader

from app.core.conversations import Picture
from app.core.errors import AppError, ConversationError
from app.gui.worker import Worker

KEPT = 12
"""Images that are kept when nobody shows them any more, as after a change of theme."""

Key = tuple[str, int, int]
"""Id, and the width and height in device pixels that it must fill."""


class PictureImages(QObject):
    """`image` never waits: `ready` tells when one has come. Who shows an image keeps it.

    Few are kept here, so that those of messages that were scrolled away are freed.
    """

    ready = Signal(object, QImage)
    """A key and its image; a null one where the picture is gone."""

    def __init__(
        self, read: Callable[[str], bytes], worker: Worker, parent: QObject | None = None
    ) -> None:
        """`read` gives the file of a picture by its id; it is called in threads of the worker."""
        super().__init__(parent)
        self.read = read
        self.worker = worker
        self._kept: OrderedDict[Key, QImage] = OrderedDict()
        self._asked: dict[Key, None] = {}
        self._busy = False

    def image(self, picture: Picture, width: int, height: int) -> tuple[Key, QImage | None]:
        """The picture so large that it covers a size in device pixels, or None until `ready`."""
        key = (picture.id, width, height)
        if key in self._kept:
            self._kept.move_to_end(key)
            return key, self._kept[key]
        self._asked[key] = None
        self._decode_next()
        return key, None

    def forget(self, key: Key) -> None:
        """Nobody waits for this image any more."""
        self._asked.pop(key, None)

    def _decode_next(self) -> None:
        """One at a time, the newest first: it is what the person looks at."""
        if self._busy or not self._asked:
            return
        key, _ = self._asked.popitem()
        self._busy = True
        self.worker.run(
            decode, self.read, key, done=partial(self._take, key), failed=partial(self._fail, key)
        )

    def _take(self, key: Key, image: QImage) -> None:
        self._busy = False
        self._kept[key] = image
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        self.ready.emit(key, image)
        self._decode_next()

    def _fail(self, key: Key, error: AppError) -> None:
        self._take(key, QImage())


def decode(read: Callable[[str], bytes], key: Key) -> QImage:
    """The picture so small that it just covers the size in `key`; null if it is gone."""
    picture_id, width, height = key
    try:
        data = read(picture_id)
    except ConversationError:
        return QImage()
    return decoded(data, QSize(width, height))


def decoded(data: bytes, cover: QSize | None = None) -> QImage:
    """The image in a file, scaled down until it just covers a size, if one is given."""
    buffer = QBuffer()
    buffer.setData(QByteArray(data))
    buffer.open(QIODevice.OpenModeFlag.ReadOnly)
    reader = QImageReader(buffer)
    reader.setDecideFormatFromContent(True)
    size = reader.size()
    if cover is not None:
        small = size.scaled(cover, Qt.AspectRatioMode.KeepAspectRatioByExpanding)
        if small.width() < size.width():
            reader.setScaledSize(small)
    return reader.read()
