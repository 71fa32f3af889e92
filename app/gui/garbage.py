"""Cyclic garbage is collected in the GUI thread only.

Python collects in whichever thread happens to allocate. Where what is thrown away receives a Qt
signal, PySide disconnects it: that thread then holds Qt's lock of connections and waits for the
interpreter's, while the GUI thread, which holds that one, waits for Qt's. The window would stand
still for ever; seen in a run of the tests.
"""

import gc

from PySide6.QtCore import QObject, Qt, QTimer

_EVERY = 2000
"""Milliseconds between two looks whether there is enough of it."""


class GarbageCollection(QObject):
    """Takes Python's own collection out of threads, from the beginning to `close`."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._was_on = gc.isenabled()
        gc.disable()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.VeryCoarseTimer)
        self._timer.timeout.connect(self.collect)
        self._timer.start(_EVERY)

    def collect(self) -> None:
        """Collect the oldest generation that has reached Python's own threshold, if one has."""
        reached = zip(gc.get_count(), gc.get_threshold(), strict=True)
        due = [age for age, (count, threshold) in enumerate(reached) if count > threshold]
        if due:
            gc.collect(due[-1])

    def close(self) -> None:
        """Python collects by itself again."""
        self._timer.stop()
        if self._was_on:
            gc.enable()
