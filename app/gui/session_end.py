"""Whether the session of the desktop is ending, and Corral with it: nobody can be asked then.

Windows announces it (`QGuiApplication.commitDataRequest`; on X11 only a Qt does that was built to
speak with session managers, which PySide6's was not). Others send a signal (`app.gui.signals`), as
does whoever says `kill`, or take the screen away.
"""

import time

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication

_SECONDS = 120.0
"""How long it counts: another program may have called the end of the session off."""


class SessionEnd(QObject):
    """Hears of it."""

    def __init__(self, app: QGuiApplication, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._announced = -_SECONDS
        app.commitDataRequest.connect(self.announce)

    def announce(self) -> None:
        """The session ends now, or seems to."""
        self._announced = time.monotonic()

    def is_near(self) -> bool:
        """Whether what ends now ends with the session."""
        return time.monotonic() - self._announced < _SECONDS
