"""Fetches what the model page shows: files first, then header, model card and scans.

What was told of the same commit before is taken from disk. Where the hub cannot be asked, what it
told last is shown, with its age.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from PySide6.QtCore import QObject, QTimer, Signal

from app.core.errors import AccessError, AppError, NotFoundError
from app.core.gguf_types import GgufHeader
from app.core.hub import HubClient, HubDetail
from app.core.hub_facts import RepoFacts, ScanStatus
from app.core.seen_models import SeenModel, SeenModels
from app.core.variants import Variant
from app.gui.worker import Task, Worker

log = logging.getLogger(__name__)
T = TypeVar("T")

SETTLE_MS = 150
"""The hub is asked when the choice has rested this long, not for every row passed by."""


@dataclass(frozen=True)
class Told:
    """What the hub says of a repository, or said when it was asked last."""

    detail: HubDetail
    seen: SeenModel | None = None
    """What was told of the same commit before."""
    error: AppError | None = None
    """Why `detail` is that of `seen` and not of now."""


def ask_detail(hub: HubClient, seen: SeenModels, repo: str, revision: str = "main") -> Told:
    """Files of a repository; blocks. Raises AppError where nothing is known of it."""
    newest = revision == "main"
    try:
        detail = hub.detail(repo, revision)
    except (NotFoundError, AccessError):
        raise  # it was asked, and this is its answer
    except AppError as error:
        kept = seen.model(repo) if newest else None
        if kept is None:
            raise
        return Told(kept.detail, kept, error)
    if newest:
        seen.keep_detail(detail)
    kept = seen.model(repo)
    return Told(detail, kept if kept and kept.of_commit(detail.model.sha) else None)


def scan_of(hub: HubClient, detail: HubDetail) -> ScanStatus:
    """What the hub's scans say of a repository; unknown where it does not tell. Blocks."""
    repo = detail.model.repo
    try:
        return hub.about(repo, detail.model.sha or "main").scan
    except AppError as error:
        log.info("the scans of %s are not known: %s", repo, error)
        return ScanStatus()


class DetailLoader(QObject):
    """One model at a time; asking for another forgets the one before."""

    detail_loaded = Signal(object)
    """Told."""
    header_loaded = Signal(object)
    facts_loaded = Signal(object)
    """RepoFacts."""
    card_loaded = Signal(str)
    """Markdown; "" if the repository has no card."""
    card_failed = Signal(object)
    failed = Signal(object)
    """An AppError: there is no detail."""

    def __init__(
        self, hub: HubClient, seen: SeenModels, worker: Worker, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._hub, self._seen, self._worker = hub, seen, worker
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
            ask_detail,
            self._hub,
            self._seen,
            self._repo,
            self._revision,
            done=self._told,
            failed=self._failed,
        )
        self._tasks.append(task)

    def _told(self, told: Told) -> None:
        self.detail_loaded.emit(told)
        seen = told.seen
        repo, sha = told.detail.model.repo, told.detail.model.sha or "main"
        if seen is not None and seen.facts is not None:
            self._facts(seen.facts)
        if told.error is None:  # scans may find something later, so they are always asked for
            self._tasks.append(self._ask_for(_facts, repo, sha, done=self._facts))
        file = smallest_gguf(told.detail.variants)
        if seen is not None and seen.header is not None:
            self._header(seen.header)
        elif file is None and told.detail.shape is not None:
            self._header(told.detail.shape)
        elif file and not told.detail.model.gated and told.error is None:
            self._tasks.append(self._ask_for(_header, repo, sha, file, done=self._header))
        if seen is not None and seen.card is not None:
            self._card(seen.card)
        elif told.error is not None:
            self._no_card(told.error)
        else:
            task = self._ask_for(_card, repo, sha, done=self._card, failed=self._no_card)
            self._tasks.append(task)

    def _ask_for(
        self,
        work: Callable[..., T],
        *args: str,
        done: Callable[[T], object],
        failed: Callable[[AppError], object] | None = None,
    ) -> Task:
        failed = failed or self._do_without
        return self._worker.run(work, self._hub, self._seen, *args, done=done, failed=failed)

    def _facts(self, facts: RepoFacts) -> None:
        self.facts_loaded.emit(facts)

    def _header(self, header: GgufHeader) -> None:
        self.header_loaded.emit(header)

    def _do_without(self, error: AppError) -> None:
        """The verdicts stay estimates from the size; no scan is told of."""

    def _card(self, text: str) -> None:
        self.card_loaded.emit(text)

    def _no_card(self, error: AppError) -> None:
        self.card_failed.emit(error)

    def _failed(self, error: AppError) -> None:
        self.failed.emit(error)


def _header(hub: HubClient, seen: SeenModels, repo: str, sha: str, file: str) -> GgufHeader:
    header = hub.header(repo, sha, file)
    seen.keep(repo, sha, header=header)
    return header


def _facts(hub: HubClient, seen: SeenModels, repo: str, sha: str) -> RepoFacts:
    facts = hub.about(repo, sha)
    seen.keep(repo, sha, facts=facts)
    return facts


def _card(hub: HubClient, seen: SeenModels, repo: str, sha: str) -> str:
    card = hub.card(repo, sha)
    seen.keep(repo, sha, card=card)
    return card


def smallest_gguf(variants: tuple[Variant, ...]) -> str | None:
    """All variants of a repository share their hyperparameters; any file tells them."""
    files = [each.files[0].path for each in variants if each.format == "gguf"]
    return files[0] if files else None
