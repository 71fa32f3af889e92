"""Looking at the models folders now and then: the terminal brings models too, drives come back."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QWidget

from app.core.errors import AppError
from app.gui.worker import Task

if TYPE_CHECKING:
    from app.gui.context import AppContext

log = logging.getLogger(__name__)

LOOK_MS = 4000
"""How often the folders are looked at while the page is in view."""
_MOST_OF_THE_TIME = 0.05
"""Share of the time that may go into that: many models are looked at less often."""


class FolderLooks(QObject):
    """Looks while a page is in view, and at once when its window becomes the active one.

    The library tells what is new.
    """

    def __init__(self, context: AppContext, page: QWidget) -> None:
        super().__init__(page)
        self._context = context
        self._page = page
        self._looking: Task | None = None
        self.timer = QTimer(page, singleShot=True, interval=LOOK_MS)
        self.timer.timeout.connect(self.look)
        page.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The page comes into view or leaves it, or the person is back from another window."""
        if event.type() == QEvent.Type.Show:
            self.timer.start(LOOK_MS)
        elif event.type() == QEvent.Type.Hide:
            self.timer.stop()
        elif event.type() == QEvent.Type.ActivationChange and self._page.isActiveWindow():
            self.look()
        return False

    def look(self) -> None:
        """Look now, unless a look is under way or nobody sees the page."""
        if self._looking is None and self._page.isVisible():
            look = partial(_timed, self._context.library.scan)
            self._looking = self._context.worker.run(look, done=self._looked, failed=self._no_look)

    def _looked(self, seconds: float) -> None:
        self._looking = None
        if self._page.isVisible():
            self.timer.start(max(LOOK_MS, round(1000 * seconds / _MOST_OF_THE_TIME)))

    def _no_look(self, error: AppError) -> None:
        log.info("the folders could not be looked at: %s", error)
        self._looked(0.0)


def _timed(work: Callable[[], object]) -> float:
    """Seconds that it took."""
    begin = time.monotonic()
    work()
    return time.monotonic() - begin
