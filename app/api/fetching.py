"""Downloads for clients: asked for, followed to their end, set up."""

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncGenerator

from app.core.download_state import DownloadItem, DownloadRequest
from app.core.downloads import DownloadManager
from app.core.errors import DownloadError
from app.core.hub_reference import Reference
from app.core.library import ModelLibrary
from app.core.local_server import ServerParts
from app.core.ollama_arrival import set_up
from app.core.ollama_name import repository_title
from app.core.variant_choice import chosen_variant


class Fetching:
    """What dialects do with the download manager."""

    def __init__(self, parts: ServerParts) -> None:
        self._parts = parts
        self._downloads = parts.downloads
        self._lock = threading.Lock()
        self._begun: set[str] = set()
        """Downloads that were begun for those who follow them."""
        self._followers: Counter[str] = Counter()

    @property
    def library(self) -> ModelLibrary:
        """Where models arrive."""
        return self._parts.library

    async def request(self, reference: Reference) -> DownloadRequest:
        """What to fetch for `reference`. Asks the hub or registry. Raises AppError."""
        return await asyncio.to_thread(self._request, reference)

    def _request(self, reference: Reference) -> DownloadRequest:
        detail = self._parts.hub.detail(reference.repo, reference.revision or "main")
        variant = chosen_variant(detail, reference)
        return DownloadRequest(
            repo=reference.repo,
            revision=detail.model.sha,
            title=repository_title(reference.repo),
            quantization=variant.quantization,
            files=variant.files + variant.companions,
            recipe=detail.recipe,
        )

    def begin(self, request: DownloadRequest) -> tuple[DownloadItem | None, bool]:
        """The download of `request`, and whether it was begun by this call.

        None where all of it is here. What was begun before is gone on with. Touches the disk.
        Raises AppError.
        """
        with self._lock:  # two who want the same have it begun once
            if self._downloads.finished_path(request) is not None:
                return None, False
            for item in self._downloads.items():
                same = (item.request.repo, item.request.files[0].path)
                if item.state != "done" and same == (request.repo, request.files[0].path):
                    mine = item.state in ("paused", "failed")
                    self._downloads.resume(item.id)
                    return self.item(item.id), mine
            return self._downloads.add(request), True

    def item(self, item_id: str) -> DownloadItem | None:
        """A download as it is now."""
        return next((each for each in self._downloads.items() if each.id == item_id), None)

    def arrived(self, item: DownloadItem) -> None:
        """Set up what has arrived; beside a window that does it. Raises AppError."""
        parts = self._parts
        if not parts.window:
            with self._lock:  # several who followed it have one preset made
                set_up(item, parts.library, parts.presets, parts.settings)

    async def follow(self, request: DownloadRequest) -> AsyncGenerator[DownloadItem, None]:
        """The download of `request` whenever it has got on, until it is done and set up.

        What was begun for those who follow it is paused when the last of them leaves: the next
        time it goes on. Raises AppError.
        """
        news = _News(self._downloads)
        try:
            item, mine = await asyncio.to_thread(self.begin, request)
            if item is None:
                return
            item_id = item.id
            if mine:
                self._begun.add(item_id)
            self._followers[item_id] += 1
            try:
                while True:
                    yield item
                    if item.state in ("failed", "paused"):
                        raise _stopped(item)
                    if item.state == "done":
                        await asyncio.to_thread(self.arrived, item)
                        return
                    item = await news.of(item)
            finally:
                await self._left(item_id)
        finally:
            news.close()

    async def _left(self, item_id: str) -> None:
        self._followers[item_id] -= 1
        if self._followers[item_id]:
            return
        del self._followers[item_id]
        item = self.item(item_id)
        begun = item_id in self._begun
        self._begun.discard(item_id)
        if begun and item is not None and item.state in ("waiting", "running", "verifying"):
            await asyncio.to_thread(self._downloads.pause, item_id)


class _News:
    """What a download manager tells, in the event loop."""

    def __init__(self, downloads: DownloadManager) -> None:
        loop = asyncio.get_running_loop()
        self._came: asyncio.Queue[tuple[str, DownloadItem | None]] = asyncio.Queue()

        def tell(item_id: str, item: DownloadItem | None) -> None:
            loop.call_soon_threadsafe(self._came.put_nowait, (item_id, item))

        self._ends = (
            downloads.changed.connect(lambda item: tell(item.id, item)),
            downloads.removed.connect(lambda item_id: tell(item_id, None)),
        )

    async def of(self, known: DownloadItem) -> DownloadItem:
        """The next state of a download. Raises DownloadError when it was cancelled."""
        while True:
            item_id, item = await self._came.get()
            if item_id != known.id:
                continue
            if item is None:
                raise DownloadError(f"The download of {known.request.title} was cancelled")
            return item

    def close(self) -> None:
        """Hear no more."""
        for end in self._ends:
            end()


def _stopped(item: DownloadItem) -> DownloadError:
    if item.error is None:
        return DownloadError(f"The download of {item.request.title} was paused")
    error = item.error
    return DownloadError(error.title, error.message, error.hint, error.detail)
