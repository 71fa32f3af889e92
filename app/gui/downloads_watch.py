"""What downloads and the rest of the desktop have to tell each other.

At the end of the queue a notice is shown if the window is not in front. While a download waits
for the network, the system is asked to say when there is one again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt, QTimer, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QWidget

from app.core.download_state import DownloadItem
from app.gui.desktop_notice import DesktopNotices

if TYPE_CHECKING:
    from app.gui.context import AppContext

TOGETHER_MS = 500
"""What ends within so long makes one notice."""

Say = Callable[[str, str, QWidget | None], object]


class DownloadsWatch(QObject):
    """Lives as long as the window."""

    def __init__(
        self, context: AppContext, parent: QWidget | None = None, *, say: Say | None = None
    ) -> None:
        super().__init__(parent)
        self._context = context
        self._window = parent
        self._say = say or DesktopNotices(self).say
        self._news: dict[str, DownloadItem] = {}
        """What was done or failed since the last notice."""
        self._soon = QTimer(self, singleShot=True, interval=TOGETHER_MS)
        self._soon.timeout.connect(self._tell_at_the_end)
        self._network: Any = None
        context.bridge.on(context.downloads.changed, self._changed)
        application = QGuiApplication.instance()
        assert isinstance(application, QGuiApplication)
        application.applicationStateChanged.connect(self._state_changed)
        self._state_changed(application.applicationState())

    @Slot(Qt.ApplicationState)
    def _state_changed(self, state: Qt.ApplicationState) -> None:
        self._context.computer_idle.set_in_front(state == Qt.ApplicationState.ApplicationActive)

    def _changed(self, item: DownloadItem) -> None:
        if item.waits_for == "network":
            self._listen_to_network()
        if item.state in ("done", "failed") and item.id not in self._news:
            self._news[item.id] = item
            self._soon.start()  # what ends together is told together
        elif item.state in ("running", "waiting"):
            self._news.pop(item.id, None)

    # The notice

    def _tell_at_the_end(self) -> None:
        """Once for all that came together, when nothing more is under way."""
        items = self._context.downloads.items()
        under_way = any(item.state in ("running", "verifying", "waiting") for item in items)
        if under_way or not self._news:
            return
        news = sorted(self._news.values(), key=lambda item: item.added)
        self._news = {}
        if self._context.settings.current.downloads.notify and not self._in_front():
            self._say(*self.words(news), self._window)

    def _in_front(self) -> bool:
        return QApplication.activeWindow() is not None

    def words(self, news: list[DownloadItem]) -> tuple[str, str]:
        """Title and text of a notice about these."""
        failed = [item for item in news if item.state == "failed"]
        done = [item for item in news if item.state == "done"]
        names = ", ".join(item.request.title for item in done)
        if failed:
            problem = failed[0].error
            title = self.tr("“%1” needs your help").replace("%1", failed[0].request.title)
            return title, problem.title if problem else self.tr("The download stopped")
        if len(done) == 1:
            return self.tr("“%1” is ready").replace("%1", names), self.tr("The download is done.")
        return self.tr("%1 models are ready").replace("%1", str(len(done))), names

    # The network

    def _listen_to_network(self) -> None:
        """Loaded only now: most days nobody needs it. Some systems have nothing to say."""
        if self._network is not None:
            return
        from PySide6.QtNetwork import QNetworkInformation

        self._network = False
        if QNetworkInformation.loadDefaultBackend():
            self._network = QNetworkInformation.instance()
            self._network.reachabilityChanged.connect(self._reachability_changed)

    def _reachability_changed(self, reachability: object) -> None:
        from PySide6.QtNetwork import QNetworkInformation

        reach = QNetworkInformation.Reachability
        if reachability in (reach.Online, reach.Site, reach.Local):
            self._context.downloads.try_network()
