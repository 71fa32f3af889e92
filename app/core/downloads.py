"""The queue of downloads: up to three at once, surviving a restart at any moment.

The bytes are fetched by the transfer child (`app.core.transfer`); this side decides what runs,
keeps the list, and tells listeners.
"""

from app.core.download_state import DownloadItem, DownloadRequest
from app.core.events import EventHook
from app.core.library import ModelLibrary
from app.core.paths import AppPaths
from app.core.settings import SettingsStore


class DownloadManager:
    """All downloads of this computer. Any thread may call it; hooks fire in any thread."""

    def __init__(self, paths: AppPaths, settings: SettingsStore, library: ModelLibrary) -> None:
        self._paths = paths
        self._settings = settings
        self._library = library
        self.changed: EventHook[[DownloadItem]] = EventHook()
        self.removed: EventHook[[str]] = EventHook()
        self.finished: EventHook[[DownloadItem]] = EventHook()

    def start(self) -> None:
        """Read the stored list and continue what was running."""
        raise NotImplementedError

    def add(self, request: DownloadRequest) -> DownloadItem:
        """Queue a download.

        Raises `StorageError` when the disk has no room for everything queued plus 1 GB, and
        `DownloadError` when the files are here or queued already or carry names that are refused.
        """
        raise NotImplementedError

    def pause(self, item_id: str) -> None:
        """Stop fetching and keep what is there."""
        raise NotImplementedError

    def resume(self, item_id: str) -> None:
        """Continue a paused or failed download."""
        raise NotImplementedError

    def retry(self, item_id: str) -> None:
        """Continue a failed download."""
        raise NotImplementedError

    def cancel(self, item_id: str) -> None:
        """Stop, delete what was fetched, and drop the item."""
        raise NotImplementedError

    def remove(self, item_id: str) -> None:
        """Drop a done item from the list, keeping its files; others are cancelled."""
        raise NotImplementedError

    def items(self) -> tuple[DownloadItem, ...]:
        """All downloads, oldest first."""
        raise NotImplementedError

    def close(self) -> None:
        """End the transfer child. What was running continues at the next `start`."""
