"""From a file, the clipboard or a drag to a picture in the store."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QStandardPaths, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QFileDialog, QWidget

from app.core.conversation_store import ConversationStore
from app.core.conversations import Picture
from app.core.errors import AppError
from app.gui.picture_import import import_file, import_image
from app.gui.picture_offer import Offer
from app.gui.worker import Worker


class PictureAttaching(QObject):
    """Imports pictures off the GUI thread, in the order they were offered."""

    attached = Signal(object, object)
    """Id of the chat it was attached to, None for one that has not begun, and the `Picture`."""
    refused = Signal(object)
    """`AppError`: why a file cannot be used."""
    busy_changed = Signal(bool)
    """Whether pictures are on their way."""

    def __init__(
        self, store: ConversationStore, worker: Worker, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._store = store
        self._worker = worker
        self._waiting: list[tuple[int | None, Offer]] = []
        self._busy = False

    def attach(self, conversation_id: int | None, offers: Sequence[Offer]) -> None:
        """Import pictures for the message that is being written in a chat."""
        self._waiting += [(conversation_id, offer) for offer in offers]
        self._next()

    def ask(self, conversation_id: int | None, window: QWidget) -> None:
        """Let the person choose files."""
        folder = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.PicturesLocation)
        dialog = QFileDialog(window, self.tr("Attach pictures"), folder)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        kinds = "*.png *.jpg *.jpeg *.gif *.bmp *.webp *.tif *.tiff"
        upper = kinds.upper()
        pictures = self.tr("Pictures (%1)").replace("%1", f"{kinds} {upper}")
        dialog.setNameFilters([pictures, self.tr("All files (%1)").replace("%1", "*")])

        def chosen(names: list[str]) -> None:
            self.attach(conversation_id, [Path(name) for name in names])

        dialog.filesSelected.connect(chosen)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _next(self) -> None:
        if self._busy or not self._waiting:
            return
        conversation_id, offer = self._waiting.pop(0)
        self._set_busy(True)
        self._worker.run(
            partial(store_picture, self._store, offer),
            done=partial(self._done, conversation_id),
            failed=self._failed,
        )

    def _done(self, conversation_id: int | None, picture: Picture) -> None:
        self.attached.emit(conversation_id, picture)
        self._set_busy(False)
        self._next()

    def _failed(self, error: AppError) -> None:
        self.refused.emit(error)
        self._set_busy(False)
        self._next()

    def _set_busy(self, busy: bool) -> None:
        self._busy = busy
        if not self._waiting or busy:
            self.busy_changed.emit(busy)


def store_picture(store: ConversationStore, offer: Offer) -> Picture:
    """Import one picture into the store. Blocks. Raises `PictureError` and `StorageError`."""
    found = import_image(offer) if isinstance(offer, QImage) else import_file(offer)
    return store.keep_picture(found.data, found.width, found.height)
