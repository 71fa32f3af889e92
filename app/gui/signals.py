"""Ends the window in order when the system asks for it: Ctrl+C, log-out, `kill`."""

import signal
import socket
import sys
from collections.abc import Callable
from types import FrameType

from PySide6.QtCore import QObject, QSocketNotifier

_MUST_END = {signal.SIGTERM, *([] if sys.platform == "win32" else [signal.SIGHUP])}
"""The session ends, or somebody who said `kill`: there is no time for a question."""
_ASKED_TO_END = (signal.SIGINT, *_MUST_END)


class EndSignals(QObject):
    """Wakes Qt's loop for signals, which Python alone would only see at the next event."""

    def __init__(self, end: Callable[[bool], object], parent: QObject | None = None) -> None:
        """`end` is told whether it must not ask anybody; Ctrl+C may be answered by a question."""
        super().__init__(parent)
        self._end = end
        self._asked: set[int] = set()
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        self._fd_before = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        self._before = {
            number: signal.signal(number, self._note)
            for number in _ASKED_TO_END
            if number == signal.SIGINT or signal.getsignal(number) is not signal.SIG_IGN
        }  # `nohup` has the end of the terminal ignored, and it stays so
        kind = QSocketNotifier.Type.Read
        self._notifier = QSocketNotifier(self._reader.fileno(), kind, self)
        self._notifier.activated.connect(self._woken)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._asked.add(number)

    def _woken(self) -> None:
        self._reader.recv(64)
        asked, self._asked = self._asked, set()
        if asked:
            self._end(not asked.isdisjoint(_MUST_END))

    def close(self) -> None:
        """Leave signals as they were."""
        self._notifier.setEnabled(False)
        signal.set_wakeup_fd(self._fd_before)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._reader.close()
        self._writer.close()
