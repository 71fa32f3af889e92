"""The card that leads the first page: a chat with what is here, or a small model to download."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.core.errors import AppError
from app.core.library import LocalModel
from app.gui.downloads_start import DownloadStarter, item_for, local_for
from app.gui.first_start_parts import StarterCard

if TYPE_CHECKING:
    from app.gui.context import AppContext


class StarterOffer(QObject):
    """Fills the card and does what its button says."""

    chat_wanted = Signal(str)
    """Id of the model to chat with."""
    file_wanted = Signal()
    refused = Signal(str, object)
    """Repository and AppError."""

    def __init__(
        self, context: AppContext, card: StarterCard, starter: DownloadStarter, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._context, self._card, self._starter = context, card, starter
        self._entry = context.catalogue.first_download
        self._awaited = False
        """The person pressed the button and waits for the chat."""
        self._unreached = False
        self._offline = False
        card.button.clicked.connect(self._pressed)
        starter.failed.connect(self._failed)

    def ready_model(self) -> LocalModel | None:
        """The starter model, else any that can be used."""
        usable = [
            model
            for model in self._context.library.models()
            if model.present and not model.problem and not model.is_remote
        ]
        starters = [model for model in usable if model.source == "starter"]
        return next(iter(starters or usable), None)

    def refresh(self) -> None:
        """Show models and downloads as they are now; begin the chat that was waited for."""
        entry, ready = self._entry, self.ready_model()
        self._card.setVisible(ready is not None or entry is not None)
        if self._awaited and entry is not None and self._card.isVisible():
            models = self._context.library.models()
            come = local_for(models, entry.gguf_repo, entry.gguf_file)
            if come is not None:
                self._awaited = False
                self.chat_wanted.emit(come.id)
        if ready is not None:
            self._card.show_model(ready)
        elif entry is not None:
            item = item_for(self._context.downloads.items(), entry.gguf_repo, entry.gguf_file)
            self._offline = self._context.settings.current.network.offline
            asking = self._starter.is_pending(entry.gguf_repo, entry.gguf_file)
            self._card.show_download(
                entry, item, asking=asking, offline=self._offline, unreached=self._unreached
            )

    def _pressed(self) -> None:
        entry, ready = self._entry, self.ready_model()
        if ready is not None:
            self.chat_wanted.emit(ready.id)
        elif self._offline:
            self.file_wanted.emit()
        elif entry is not None:
            self._awaited, self._unreached = True, False
            downloads = self._context.downloads
            item = item_for(downloads.items(), entry.gguf_repo, entry.gguf_file)
            if item is not None and item.state in ("paused", "failed"):
                refused = partial(self.refused.emit, entry.gguf_repo)
                self._context.worker.run(downloads.resume, item.id, failed=refused)
            else:
                self._starter.start_entry(entry)
            self.refresh()

    def _failed(self, repo: str, _: AppError) -> None:
        if self._entry is not None and repo in ("", self._entry.gguf_repo):
            self._awaited, self._unreached = False, True
            self.refresh()
