"""What the parts of the download manager share: the queue, its lock, and what is owed to others."""

import logging
import threading
from functools import partial

from app.core.download_entry import DownloadEntry
from app.core.download_news import News
from app.core.download_queue import DownloadQueue
from app.core.download_state import DownloadItem
from app.core.events import EventHook

log = logging.getLogger(__name__)

_PATIENCE = 5.0
"""Seconds."""


class DownloadBoard:
    """The downloads and those who hear of them. `condition` guards all but the hooks.

    What is owed to listeners is told by `tell`, which is called without the lock.
    """

    def __init__(self) -> None:
        self.changed: EventHook[[DownloadItem]] = EventHook()
        self.removed: EventHook[[str]] = EventHook()
        self.finished: EventHook[[DownloadItem]] = EventHook()
        self.condition = threading.Condition(threading.RLock())
        self.queue = DownloadQueue()
        self.dropped: list[DownloadEntry] = []
        """Cancelled downloads whose files are not deleted yet."""
        self.unsaved = False
        """Whether the stored list is older than this one."""
        self.closing = False
        """Whether nothing more is to be begun."""
        self._news = News()

    def tell_changed(self, entry: DownloadEntry) -> None:
        """Owe listeners a snapshot of `entry`."""
        self._news.add(partial(self.changed, entry.item()))

    def tell_removed(self, item_id: str) -> None:
        """Owe listeners that it is not in the list any more."""
        self._news.add(partial(self.removed, item_id))

    def tell_finished(self, entry: DownloadEntry) -> None:
        """Owe listeners that `entry` is done."""
        self._news.add(partial(self.finished, entry.item()))

    def store(self) -> None:
        """Have the list stored, very soon."""
        self.unsaved = True
        self.condition.notify_all()

    def wake(self) -> None:
        """Have everybody look again; what they look at was changed without the lock.

        For closing, which must come to an end even where somebody holds the lock for ever.
        """
        if self.condition.acquire(timeout=_PATIENCE):
            self.condition.notify_all()
            self.condition.release()
        else:
            log.warning("the downloads are busy and do not notice that they are to end")

    def tell(self) -> None:
        """Tell listeners what is owed to them; never with the lock held."""
        self._news.tell()
