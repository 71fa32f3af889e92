"""Takes what later starts of the program were asked to open."""

from PySide6.QtCore import QFileSystemWatcher, QObject, Signal

from app.core.handover import SHOW, Handover


class Inbox(QObject):
    """Watches the folder where they leave it."""

    came = Signal(str)
    """A link, or the path of a file."""
    show_asked = Signal()
    """The program was started once more."""

    def __init__(self, handover: Handover, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._handover = handover
        self._watcher = QFileSystemWatcher(self)
        self._watcher.directoryChanged.connect(self._look)
        self._watcher.addPath(str(handover.folder))
        self._look()

    def _look(self, _: str = "") -> None:
        for text in self._handover.take():
            if text == SHOW:
                self.show_asked.emit()
            else:
                self.came.emit(text)
