"""Other repositories of the model in view: found by the hub's tags, some of them opened."""

import logging
from collections.abc import Iterable

from PySide6.QtCore import QObject, Signal

from app.core.errors import AppError
from app.core.hub import HubClient, HubModel, HubQuery
from app.core.hub_facts import ScanStatus
from app.core.mlx_support import runs_mlx
from app.core.seen_models import SeenModels
from app.gui.discover_loader import Told, ask_detail, scan_of
from app.gui.worker import Task, Worker

_REMEMBERED = 50
log = logging.getLogger(__name__)

OPENED_GGUF, OPENED_MLX = 2, 1
"""So many repositories of each format are opened by themselves; each costs a few requests."""


class FamilyLoader(QObject):
    """One model at a time. What cannot be had is left out: the model's own page is there."""

    changed = Signal()
    """More repositories are known, or the files of one."""

    def __init__(
        self, hub: HubClient, seen: SeenModels, worker: Worker, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._hub, self._seen, self._worker = hub, seen, worker
        self._tasks: list[Task] = []
        self._asked: set[str] = set()
        self._is_found = False
        self._past: dict[str, tuple[tuple[HubModel, ...], dict[str, Told]]] = {}
        """What was found for other repositories."""
        self.repo = ""
        """The repository that the page is about."""
        self.relatives: tuple[HubModel, ...] = ()
        """Others that hold the same model, the most downloaded first."""
        self.opened: dict[str, Told] = {}
        """Their files, as far as they are known."""
        self.scans: dict[str, ScanStatus] = {}
        """What the hub's scans say of each that was opened, for whatever model."""

    def start(self, repo: str, known: Iterable[HubModel] = (), mlx_repo: str = "") -> None:
        """The page is about another model; `known` are repositories of it."""
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()
        if self._is_found:
            while len(self._past) >= _REMEMBERED:
                del self._past[next(iter(self._past))]
            self._past[self.repo] = (self.relatives, self.opened)
        self.repo = repo
        self._is_found = repo in self._past
        self.relatives, self.opened = self._past.get(repo, ((), {}))
        self._asked = set(self.opened)
        listed = [*known]
        if mlx_repo and all(model.repo != mlx_repo for model in listed):
            listed.append(HubModel(repo=mlx_repo, author=mlx_repo.partition("/")[0], tags=("mlx",)))
        self._add(listed)

    def find(self, sha: str, base: str | None) -> None:
        """Look for more by the repository that the model comes from, and open the first."""
        if self._is_found or base is None:
            self._open_first()
            return
        task = self._worker.run(
            _find,
            self._hub,
            self._seen,
            self.repo,
            sha,
            base,
            done=self._found,
            failed=self._not_found,
        )
        self._tasks.append(task)

    def open(self, repo: str) -> None:
        """Ask for the files of one of them."""
        if repo not in self._asked:
            self._asked.add(repo)
            task = self._worker.run(
                _open,
                self._hub,
                self._seen,
                repo,
                done=self._told,
                failed=self._left_out,
            )
            self._tasks.append(task)

    def opened_in_order(self) -> tuple[Told, ...]:
        """What is opened, the most downloaded repository first."""
        repos = (model.repo for model in self.relatives)
        return tuple(self.opened[repo] for repo in repos if repo in self.opened)

    def not_opened(self) -> tuple[HubModel, ...]:
        """Those whose files were not asked for."""
        return tuple(model for model in self.relatives if model.repo not in self._asked)

    def _found(self, models: tuple[HubModel, ...]) -> None:
        self._is_found = True
        self._add(models)
        self._open_first()
        self.changed.emit()

    def _not_found(self, error: AppError) -> None:
        self._left_out(error)
        self._open_first()

    def _add(self, models: Iterable[HubModel]) -> None:
        every = {model.repo: model for model in self.relatives}
        every |= {model.repo: model for model in models if model.repo != self.repo}
        self.relatives = tuple(sorted(every.values(), key=lambda model: -model.downloads))

    def _open_first(self) -> None:
        mlx = OPENED_MLX + 1 if runs_mlx() else OPENED_MLX
        for tag, most in (("gguf", OPENED_GGUF), ("mlx", mlx)):
            for model in [each for each in self.relatives if tag in each.tags][:most]:
                self.open(model.repo)

    def _told(self, outcome: tuple[Told, ScanStatus]) -> None:
        told, scan = outcome
        self.scans[told.detail.model.repo] = scan
        self.opened[told.detail.model.repo] = told
        self.changed.emit()

    def _left_out(self, error: AppError) -> None:
        log.info("a repository of %s was left out: %s", self.repo, error)


def _open(hub: HubClient, seen: SeenModels, repo: str) -> tuple[Told, ScanStatus]:
    """Files of a repository, and what the hub's scans say of it."""
    told = ask_detail(hub, seen, repo)
    if told.error is None:
        return told, scan_of(hub, told.detail)
    return told, told.seen.facts.scan if told.seen and told.seen.facts else ScanStatus()


def _find(hub: HubClient, seen: SeenModels, repo: str, sha: str, base: str) -> tuple[HubModel, ...]:
    """Repositories with the base's model in types that Corral knows; those of last time offline."""
    try:
        page = hub.search(HubQuery(format="any", sort="downloads", base=base))
    except AppError:
        kept = seen.model(repo)
        if kept is None or kept.relatives is None:
            raise
        return kept.relatives
    found = tuple(model for model in page.models if {"gguf", "mlx"} & set(model.tags))
    seen.keep(repo, sha, relatives=found)
    return found
