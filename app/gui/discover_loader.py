"""Fetches what the model page shows: files first, then a header and the model card."""

from PySide6.QtCore import QObject, QTimer, Signal

from app.core.errors import AppError
from app.core.gguf_types import GgufHeader
from app.core.hub import HubClient, HubDetail
from app.core.variants import Variant
from app.gui.worker import Task, Worker

SETTLE_MS = 150
"""The hub is asked when the choice has rested this long, not for every row passed by."""


class DetailLoader(QObject):
    """One model at a time; asking for another forgets the one before."""

    detail_loaded = Signal(object)
    header_loaded = Signal(object)
    card_loaded = Signal(str)
    """Markdown; "" if the repository has no card."""
    card_failed = Signal(object)
    failed = Signal(object)
    """An AppError: there is no detail."""

    def __init__(self, hub: HubClient, worker: Worker, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._hub, self._worker = hub, worker
        self._tasks: list[Task] = []
        self._repo, self._revision = "", "main"
        self._timer = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._timer.timeout.connect(self._ask)

    def load(self, repo: str, revision: str | None = None, *, at_once: bool = False) -> None:
        """Ask the hub about a repository."""
        self.cancel()
        self._repo, self._revision = repo, revision or "main"
        if at_once:
            self._ask()
        else:
            self._timer.start()

    def cancel(self) -> None:
        """Forget what was asked."""
        self._timer.stop()
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()

    def _ask(self) -> None:
        task = self._worker.run(
            self._hub.detail, self._repo, self._revision, done=self._detail, failed=self._failed
        )
        self._tasks.append(task)

    def _detail(self, detail: HubDetail) -> None:
        self.detail_loaded.emit(detail)
        repo, sha = detail.model.repo, detail.model.sha or "main"
        self._tasks.append(
            self._worker.run(self._hub.card, repo, sha, done=self._card, failed=self._no_card)
        )
        file = _smallest_gguf(detail.variants)
        if file and not detail.model.gated:
            task = self._worker.run(
                self._hub.header, repo, sha, file, done=self._header, failed=self._no_header
            )
            self._tasks.append(task)

    def _header(self, header: GgufHeader) -> None:
        self.header_loaded.emit(header)

    def _no_header(self, error: AppError) -> None:
        """The verdicts stay estimates from the size."""

    def _card(self, text: str) -> None:
        self.card_loaded.emit(text)

    def _no_card(self, error: AppError) -> None:
        self.card_failed.emit(error)

    def _failed(self, error: AppError) -> None:
        self.failed.emit(error)


def _smallest_gguf(variants: tuple[Variant, ...]) -> str | None:
    """All variants of a repository share their hyperparameters; any file tells them."""
    files = [each.files[0].path for each in variants if each.format == "gguf"]
    return files[0] if files else None
