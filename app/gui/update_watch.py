"""Asks once whether to look for newer versions of Corral, and offers one in a quiet moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace
from PySide6.QtCore import QObject, QTimer

from app import __version__
from app.gui.controls.strip import Strip
from app.gui.update_words import state_title

if TYPE_CHECKING:
    from app.core.errors import AppError
    from app.gui.context import AppContext
    from app.gui.main_window import MainWindow

FIRST_LOOK_MS = 10_000
"""After the start, which is not to wait for it."""
LOOK_EVERY_MS = 10 * 60_000
"""Whether a day has passed, and whether the moment is quiet."""


class UpdateWatch(QObject):
    """Lives as long as the window."""

    def __init__(self, context: AppContext, main: MainWindow) -> None:
        super().__init__(main)
        self._context = context
        self._updates = context.program_updates
        self._main = main
        self._told = ""
        """The version that was offered since the start."""
        self.strip: Strip | None = None
        """The question or the offer in view."""
        self._timer = QTimer(self, interval=FIRST_LOOK_MS)
        self._timer.timeout.connect(self.look)
        # It may wait for another Corral that writes there, and delete engines.
        context.worker.run(
            self._updates.look_back, done=self._looked_back, failed=self._not_looked_back
        )

    def _looked_back(self, problem: AppError | None) -> None:
        """Whether what was to be installed at the last end has come."""
        self._begin()
        if problem is not None:
            self._main.keep_in_view(problem)
        elif self._updates.replacement.arrived:
            words = self.tr("This is Corral %1 now").replace("%1", __version__)
            strip = Strip(self._context.icons, words, tone="success", closable=True)
            strip.closed.connect(self._drop)
            self._show(strip)

    def _not_looked_back(self, error: AppError) -> None:
        self._begin()
        self._context.notifier.error(error)

    def _begin(self) -> None:
        if self._updates.is_set_up:
            self._context.bridge.on(self._updates.changed, self.offer)
            self._timer.start()

    def look(self) -> None:
        """Look if it is time and agreed; ask whether it may be, if nobody has yet."""
        self._timer.setInterval(LOOK_EVERY_MS)
        if self._context.settings.current.updates.look is None:
            self.ask()
        else:
            self._context.worker.run(self._updates.look, done=self._looked)

    def _looked(self, _: object) -> None:
        self.offer()

    def ask(self) -> None:
        """The question; not in the first minutes of all, and never over something else."""
        settings = self._context.settings.current
        began = settings.models.starter_seen and not settings.network.offline
        if self.strip is not None or not began or self._updates.state().way == "store":
            return
        words = self.tr(
            "May Corral look for a new version of itself once a day? The server is told which "
            "version asks, and nothing else."
        )
        strip = Strip(self._context.icons, words, action=self.tr("Yes, look"), closable=True)
        strip.action_chosen.connect(lambda: self._answer(look=True))
        strip.closed.connect(lambda: self._answer(look=False))
        self._show(strip)

    def _answer(self, *, look: bool) -> None:
        self._drop()
        settings = self._context.settings
        settings.update(updates=replace(settings.current.updates, look=look))
        if look:
            self.look()

    def offer(self) -> None:
        """Say that there is a newer version, once for each start, while nothing is running."""
        state = self._updates.state()
        version = state.release.version if state.release else ""
        if not version or version == self._told or state.fetching or self._context.is_busy():
            return
        if self.strip is not None:
            return
        self._told = version
        if self._is_read():
            return
        strip = Strip(
            self._context.icons,
            state_title(state),
            action=self.tr("What is new"),
            closable=True,
        )
        strip.action_chosen.connect(self._open)
        strip.closed.connect(self._drop)
        self._show(strip)

    def _is_read(self) -> bool:
        """Whether the page that says so is in view."""
        if not self._main.rail.buttons["settings"].isChecked():
            return False
        from app.gui.settings_page import SettingsPage  # not at the start: it was opened since

        page = self._main.current_page
        return isinstance(page, SettingsPage) and page.section("updates").isVisible()

    def _open(self) -> None:
        self._main.open_page("settings", {"section": "updates"})
        self._drop()

    def _show(self, strip: Strip) -> None:
        self.strip = strip
        self._main.add_notice(strip)

    def _drop(self) -> None:
        strip, self.strip = self.strip, None
        if strip is not None:
            self._main.remove_notice(strip)
