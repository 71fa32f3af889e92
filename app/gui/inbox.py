"""Takes what later starts of the program were asked to open."""

import contextlib

from PySide6.QtCore import QFileSystemWatcher, QObject, QTimer, Signal

from app.core.handover import SHOW, Handover

_UNWATCHED = 2000
"""Milliseconds between two looks where the system does not tell of changes."""


class Inbox(QObject):
    """Watches the folder where they leave it, from `begin` on."""

    came = Signal(str)
    """A link, or the path of a file."""
    show_asked = Signal()
    """The program was started once more."""

    def __init__(self, handover: Handover, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._handover = handover
        self._watcher = QFileSystemWatcher(self)
        self._watcher.directoryChanged.connect(self.begin)
        self._timer = QTimer(self)
        self._timer.setInterval(_UNWATCHED)
        self._timer.timeout.connect(self.begin)

    def begin(self) -> None:
        """Take what lies there, and hear of what comes; to be called when somebody listens."""
        folder = str(self._handover.folder)
        with contextlib.suppress(OSError):  # somebody emptied the cache: the next look tries again
            self._handover.folder.mkdir(parents=True, exist_ok=True)
        if folder in self._watcher.directories() or self._watcher.addPath(folder):
            self._timer.stop()
        else:
            self._timer.start()
        for text in self._handover.take():
            if text == SHOW:
                self.show_asked.emit()
            else:
                self.came.emit(text)
