"""A notice of the desktop, for who has another program in front."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable

from PySide6.QtCore import QObject, QProcess, QTimer
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication, QSystemTrayIcon, QWidget

SHOWN_SECONDS = 20
"""How long the tray icon stays that a notice needs on some systems."""

Start = Callable[[str, list[str]], object]


class DesktopNotices(QObject):
    """Says something outside of the window, in the way that the desktop has."""

    def __init__(
        self, parent: QObject | None = None, *, start: Start = QProcess.startDetached
    ) -> None:
        super().__init__(parent)
        self._start = start
        self._tray: QSystemTrayIcon | None = None
        self._away = QTimer(self, singleShot=True, interval=SHOWN_SECONDS * 1000)
        self._away.timeout.connect(self.put_away)

    def say(self, title: str, text: str, window: QWidget | None = None) -> str:
        """Show it; answers how: "notify-send", "tray", or "alert" where only the task bar is left.

        On Linux the tool of the desktops' own protocol comes first: it needs no icon in a tray.
        """
        tool = shutil.which("notify-send") if sys.platform == "linux" else None
        if tool is not None:
            self._start(tool, ["--app-name=Corral", "--icon=corral", title, text])
            return "notify-send"
        if QSystemTrayIcon.isSystemTrayAvailable() and QSystemTrayIcon.supportsMessages():
            self._say_by_tray(title, text, window)
            return "tray"
        if window is not None:
            QApplication.alert(window)
        return "alert"

    def _say_by_tray(self, title: str, text: str, window: QWidget | None) -> None:
        if self._tray is None:
            self._tray = QSystemTrayIcon(QApplication.windowIcon(), self)
            if window is not None:
                self._tray.messageClicked.connect(window.activateWindow)
        self._tray.show()
        self._tray.showMessage(title, text, QIcon(QApplication.windowIcon()))
        self._away.start()

    def put_away(self) -> None:
        """Take the icon out of the tray again."""
        if self._tray is not None:
            self._tray.hide()
