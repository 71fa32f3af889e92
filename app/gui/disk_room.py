"""The free space of the models folder, asked so that a dead drive holds one thread, never all."""

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.core.download_space import free_space
from app.core.errors import AppError
from app.core.library import ModelLibrary
from app.core.model_roots import silent_folder
from app.gui.worker import Worker


class DiskRoom(QObject):
    """One question at a time, whoever wants to know. GUI thread only."""

    seen = Signal(object, object)
    """Bytes that are free, and why that is not known: one of the two is None."""

    def __init__(
        self, worker: Worker, library: ModelLibrary, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._worker, self._library = worker, library
        self._asked: Path | None = None

    def look(self) -> None:
        """Ask anew, unless an answer is awaited already; a folder known to be dead is not asked."""
        folder = self._library.folder
        if self._asked is not None:
            return
        if folder in self._library.silent_folders():
            self.seen.emit(None, silent_folder(folder))
            return
        self._asked = folder
        self._worker.run(free_space, folder, done=self._answered, failed=self._failed)

    def _answered(self, free: int) -> None:
        self._tell(free, None)

    def _failed(self, error: AppError) -> None:
        self._tell(None, error)

    def _tell(self, free: int | None, error: AppError | None) -> None:
        asked, self._asked = self._asked, None
        if asked == self._library.folder:
            self.seen.emit(free, error)
        else:  # it was changed meanwhile
            self.look()
