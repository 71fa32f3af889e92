"""The window of the system: where it is, how large, and its first paint.

Imports little, so that the frame is on the screen, in the colours of the theme, before the rest
of the window is even imported. (The namespace `Qt` alone takes a fifth of a bare window's start.)
"""

import base64
import logging
import sys
from collections.abc import Callable

from msgspec.structs import replace
from PySide6.QtCore import QByteArray, QSize, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QColor, QGuiApplication, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QApplication, QMainWindow, QWidget

from app.core.errors import AppError
from app.core.settings import SettingsStore
from app.gui.tokens import Scheme, Tokens, pair

log = logging.getLogger(__name__)

_DARK_BELOW = 128
_TITLE_BAR = 40
"""Pixels that the system's frame may take above the window."""


def first_scheme(settings: SettingsStore) -> Scheme:
    """The scheme that the settings name, or the one the system's colours look like."""
    choice = settings.current.appearance.theme
    if choice != "system":
        return choice
    if sys.platform == "win32":  # Windows 10's style has a light palette on a dark desktop, too
        return "dark" if QGuiApplication.styleHints().colorScheme().name == "Dark" else "light"
    ground = QGuiApplication.palette().color(QPalette.ColorRole.Window)
    return "dark" if ground.lightness() < _DARK_BELOW else "light"


class Frame(QMainWindow):
    """Paints the grounds of rail and page until `fill` brings the content."""

    first_painted = Signal()
    """It is on the screen; told once."""
    closing = Signal()
    """It is about to close."""
    put_away = Signal()
    """It was closed, and the program goes on without it."""

    def __init__(self, settings: SettingsStore, tokens: Tokens) -> None:
        super().__init__()
        self._settings = settings
        self._rail = pair(tokens.size["rail"])[0]
        colors = tokens.color[first_scheme(settings)]
        self._grounds = [QColor(colors[role]) for role in ("canvas", "rail", "border")]
        self._painted = False
        self._quitting = False
        self.keeps_running: Callable[[], bool] = lambda: False
        """Whether the program goes on when the window is closed."""
        self.asks_first: Callable[[], bool] = lambda: False
        """Whether the person is asked before the program ends, and it waits for the answer."""
        self.setWindowTitle("Corral")
        width, height = pair(tokens.size["window-min"])
        self.setMinimumSize(width, min(height, self._room().height()))
        self._restore(*pair(tokens.size["window-default"]))

    def _room(self) -> QSize:
        """What the screen has for it: 632 pixels of height where 1080 are shown at 150 %."""
        room = self.screen().availableSize()
        return QSize(room.width(), room.height() - _TITLE_BAR)

    def _restore(self, width: int, height: int) -> None:
        saved = self._settings.current.window.geometry
        blob = QByteArray.fromBase64(QByteArray(saved.encode("ascii", "replace")))
        if not saved or not self.restoreGeometry(blob):
            room = self._room()
            self.resize(min(width, room.width()), min(height, room.height()))

    def fill(self, content: QWidget) -> None:
        """Put the content in; the frame paints no more."""
        self.setCentralWidget(content)

    def bring_back(self) -> None:
        """Show it again, in front."""
        QApplication.setQuitOnLastWindowClosed(True)
        if self.isMinimized():
            self.showNormal()
        else:
            self.show()
        self.raise_()
        self.activateWindow()

    def quit(self, *, sure: bool = False) -> None:
        """End the program, also where closing the window does not. `sure` asks nothing."""
        if not sure and self.asks_first():
            return
        self._quitting = True
        QApplication.setQuitOnLastWindowClosed(True)
        hidden = not self.isVisible()
        self.close()
        if hidden:  # no window was closed that Qt would have waited for
            QApplication.quit()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Grounds without content; tells of the first time."""
        if self.centralWidget() is None:
            canvas, rail, border = self._grounds
            painter = QPainter(self)
            painter.fillRect(self.rect(), canvas)
            painter.fillRect(0, 0, self._rail, self.height(), rail)
            painter.fillRect(self._rail - 1, 0, 1, self.height(), border)
        if not self._painted:
            self._painted = True
            QTimer.singleShot(0, self.first_painted.emit)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Keep where the window was, unless the disk is in the way: it closes all the same."""
        if not self._quitting and self.keeps_running():
            event.ignore()
            QApplication.setQuitOnLastWindowClosed(False)
            self.hide()
            self.put_away.emit()
            return
        if not self._quitting and self.asks_first():
            event.ignore()
            return
        self.closing.emit()
        geometry = base64.b64encode(self.saveGeometry().data()).decode("ascii")
        window = replace(self._settings.current.window, geometry=geometry)
        try:
            self._settings.update(window=window)
        except AppError as error:
            log.warning("the place of the window is not kept: %s", error)
        super().closeEvent(event)
