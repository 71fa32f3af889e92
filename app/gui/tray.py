"""The icon in the system tray, behind which the program goes on when its window is closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QMenu, QSystemTrayIcon

from app.core.lan import openable

if TYPE_CHECKING:
    from app.core.settings import Settings
    from app.gui.context import AppContext


class Tray(QObject):
    """Shown while the settings want it and the desktop has a tray."""

    open_asked = Signal()
    quit_asked = Signal()

    def __init__(self, context: AppContext, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._icon = QSystemTrayIcon(QApplication.windowIcon(), self)
        self._menu = QMenu()
        self.open_action = QAction(self.tr("Open Corral"), self._menu)
        self.open_action.triggered.connect(self.open_asked)
        self.server_action = QAction(self.tr("Server"), self._menu)
        self.server_action.setCheckable(True)
        self.server_action.triggered.connect(self._switch)
        self.quit_action = QAction(self.tr("Quit"), self._menu)
        self.quit_action.triggered.connect(self.quit_asked)
        self._menu.addActions([self.open_action, self.server_action])
        self._menu.addSeparator()
        self._menu.addAction(self.quit_action)
        self._icon.setContextMenu(self._menu)
        self._icon.activated.connect(self._activated)
        context.bridge.on(context.settings.changed, self._follow)
        if context.server is not None:
            context.bridge.on(context.server.changed, self._say)
        self._follow(context.settings.current)

    def keeps_running(self) -> bool:
        """Whether the program is to go on without a window."""
        return self._icon.isVisible()

    def is_possible(self) -> bool:
        """Whether this desktop has a tray."""
        return QSystemTrayIcon.isSystemTrayAvailable()

    def close(self) -> None:
        """Take the icon away."""
        self._icon.hide()
        self._menu.deleteLater()

    def _follow(self, settings: Settings) -> None:
        wanted = settings.server.in_tray and QSystemTrayIcon.isSystemTrayAvailable()
        self._icon.setVisible(wanted)
        self._say()

    def _say(self) -> None:
        server = self._context.server
        addresses = server.addresses if server is not None else ()
        self.server_action.setChecked(self._context.settings.current.server.on)
        self.server_action.setEnabled(server is not None)
        where = f"\n{openable(addresses[0])[0]}" if addresses else ""
        self._icon.setToolTip(f"Corral{where}")

    def _switch(self, on: bool) -> None:
        settings = self._context.settings
        settings.update(server=replace(settings.current.server, on=on))

    def _activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason == QSystemTrayIcon.ActivationReason.Trigger:
            self.open_asked.emit()
