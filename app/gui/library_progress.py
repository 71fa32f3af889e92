"""How far long work on files is: told by a thread, shown by the window now and then."""

from PySide6.QtCore import QObject, QTimer, Signal

from app.gui.worker import CancelFlag

_INTERVAL_MS = 100


class Progress(QObject):
    """One piece of work at a time."""

    moved = Signal(float)
    """Fraction of the work that is done."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._flag = CancelFlag()
        self._done = (0, 1)
        self._timer = QTimer(self, interval=_INTERVAL_MS)
        self._timer.timeout.connect(self._tell)

    def begin(self) -> CancelFlag:
        """New work begins; its flag, for the worker."""
        self._flag = CancelFlag()
        self._done = (0, 1)
        self._timer.start()
        return self._flag

    def end(self) -> None:
        """The work is over, or nobody waits for it any more."""
        self._timer.stop()

    def report(self, done: int, total: int) -> None:
        """Bytes done, and in all. Any thread."""
        self._done = (done, total)

    def _tell(self) -> None:
        done, total = self._done
        self.moved.emit(done / total if total else 1.0)
