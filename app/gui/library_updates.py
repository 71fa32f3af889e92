"""Newer versions of installed models, for the pages that offer them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QObject, Signal

from app.core.errors import AppError
from app.core.library_types import LocalModel
from app.core.model_updates import ModelUpdate
from app.gui import formatting

if TYPE_CHECKING:
    from app.core.download_state import DownloadItem, DownloadRequest
    from app.gui.context import AppContext


class LibraryUpdates(QObject):
    """What is newer and not being fetched already, and the way to fetch it."""

    changed = Signal()
    """There may be others now."""

    def __init__(self, context: AppContext, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self._offered = self._found()
        bridge = context.bridge
        bridge.on(context.updates.changed, self._look_again)
        bridge.on(context.library.changed, self._look_again)
        bridge.on(context.downloads.changed, self._download_changed)
        bridge.on(context.downloads.removed, self._download_removed)

    def look(self) -> None:
        """Ask the hub, where it was not asked today."""
        self._context.worker.run(self._context.updates.look)

    def offered(self) -> tuple[ModelUpdate, ...]:
        """What is newer and not being fetched already, as of the last `changed`. Quick."""
        return self._offered

    def _found(self) -> tuple[ModelUpdate, ...]:
        available = self._context.updates.available()
        if not available:
            return ()
        items = self._context.downloads.items()
        # A download that is done stays found until the search for newer versions has heard of it.
        fetched = {_what(item.request) for item in items}
        fetching = {_what(item.request)[:2] for item in items if item.state != "done"}
        return tuple(
            each
            for each in available
            if _what(each.request) not in fetched and _what(each.request)[:2] not in fetching
        )

    def of(self, model: LocalModel) -> ModelUpdate | None:
        """The newer version of a model, or of the one it is a variant of."""
        base = model.variant_of or model.id
        return next((each for each in self.offered() if each.model.id == base), None)

    def ids(self) -> frozenset[str]:
        """Ids of the models that have a newer version."""
        return frozenset(each.model.id for each in self.offered())

    def start(self, update: ModelUpdate) -> None:
        """Fetch a newer version; the old one stays until the new one is whole."""
        self._context.worker.run(
            self._context.downloads.add,
            update.request,
            update.root,
            done=lambda _: self._look_again(),
            failed=self._failed,
        )

    def start_for(self, model: LocalModel) -> None:
        """Fetch the newer version of a model, if there is one."""
        if (update := self.of(model)) is not None:
            self.start(update)

    def look_now(self) -> None:
        """Ask the hub about everything, and say when there is nothing newer."""
        look = partial(self._context.updates.look, now=True)
        self._context.worker.run(look, done=self._looked, failed=self._failed)

    def _looked(self, _: object) -> None:
        if not self._context.updates.available():
            self._context.notifier.toast(self.tr("All your models are the newest ones"))

    def _download_changed(self, item: DownloadItem) -> None:
        """Many times a second; only the begin and the end of an update matter."""
        if item.request.update:
            self._look_again()

    def _download_removed(self, _item_id: str) -> None:
        self._look_again()

    def _look_again(self) -> None:
        before, self._offered = self._offered, self._found()
        if before != self._offered:
            self.changed.emit()

    def _failed(self, error: AppError) -> None:
        self._context.notifier.error(error)


def _what(request: DownloadRequest) -> tuple[str, str, str]:
    return request.repo, request.files[0].path, request.revision


def update_words(update: ModelUpdate) -> str:
    """ "The hub has another version than yours of 12 May · 4.2 GB"."""
    size = formatting.file_size(sum(file.size for file in update.request.files))
    words = QCoreApplication.translate(
        "UpdateRow", "The hub has another version than yours of %1 · %2"
    )
    words = words.replace("%1", formatting.short_date(update.model.added))
    return words.replace("%2", size)
