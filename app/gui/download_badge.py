"""The number at Downloads on the rail: what has failed and nobody has seen yet, else what runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

if TYPE_CHECKING:
    from app.gui.context import AppContext
    from app.gui.rail import RailButton

_BUSY = ("running", "verifying")


class DownloadBadge(QObject):
    """Keeps the badge right. `in_view` tells whether the person has the list before their eyes."""

    def __init__(
        self,
        context: AppContext,
        button: RailButton,
        in_view: Callable[[], bool],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._downloads = context.downloads
        self._button = button
        self._in_view = in_view
        self._seen: set[str] = set()
        """Ids of downloads that were seen to have failed."""
        for hook in (self._downloads.changed, self._downloads.removed, self._downloads.finished):
            context.bridge.on(hook, self.refresh)
        self.refresh()

    def refresh(self, *_: object) -> None:
        """Count again; what is in view is seen."""
        items = self._downloads.items()
        failed = {item.id for item in items if item.state == "failed"}
        self._seen = failed if self._in_view() else self._seen & failed
        unseen = len(failed - self._seen)
        busy = sum(item.state in _BUSY for item in items)
        words = []
        if unseen:
            words.append(self.tr("%n failed", "", unseen))
        if busy:
            words.append(self.tr("%n running", "", busy))
        self._button.set_count(unseen or busy, ", ".join(words), alarming=bool(unseen))
