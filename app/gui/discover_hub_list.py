"""The hub's list as far as it was asked for, or as it was when it was last seen."""

from dataclasses import dataclass

from PySide6.QtCore import QObject, QTimer, Signal

from app.core.errors import AppError, OfflineError
from app.core.hub import HubClient, HubModel, HubPage, HubQuery
from app.core.seen_models import SeenModels
from app.gui.worker import Task, Worker

SKELETON_MS = 200


@dataclass(frozen=True)
class _Told:
    """A page of a list; an old one with the reason why there is no newer."""

    page: HubPage
    seen_at: float | None = None
    error: AppError | None = None


def _ask(hub: HubClient, seen: SeenModels, query: HubQuery, cursor: str | None) -> _Told:
    """A page from the hub; where it cannot be asked, the first one as it was last.

    For what was never asked, what was seen of it otherwise.
    """
    try:
        page = hub.search(query, cursor)
    except AppError as error:
        kept = (seen.list(query) or seen.search(query)) if cursor is None else None
        if kept is None:
            raise
        return _Told(HubPage(kept.page.models, None), kept.time, error)
    if cursor is None:
        seen.keep_list(query, page)
    return _Told(page)


class HubList(QObject):
    """One query at a time, page after page. Asking for another forgets the one before."""

    changed = Signal()
    """A page came, or did not."""
    slow = Signal()
    """The first page takes longer than a blink."""

    def __init__(
        self, hub: HubClient, seen: SeenModels, worker: Worker, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._hub, self._seen, self._worker = hub, seen, worker
        self._query: HubQuery | None = None
        self._settled = False
        self._task: Task | None = None
        self.models: list[HubModel] = []
        self.cursor: str | None = None
        """Of the page that follows; None at the end."""
        self.failure: AppError | None = None
        """Why a page did not come, or why the list is an old one."""
        self.seen_at: float | None = None
        """When the list was told, if it is an old one."""
        self._slow_timer = QTimer(self, singleShot=True, interval=SKELETON_MS)
        self._slow_timer.timeout.connect(self.slow)

    @property
    def is_busy(self) -> bool:
        """Whether the hub is being asked."""
        return self._task is not None

    @property
    def is_offline(self) -> bool:
        """Whether the offline switch is why there is no newer list."""
        return isinstance(self.failure, OfflineError)

    def show(self, query: HubQuery) -> None:
        """Ask for the first page, unless the answer is here already or on its way."""
        if query == self._query and (self._settled or self.is_busy):
            return
        self.forget()
        self._query = query
        self._slow_timer.start()
        self._run()

    def more(self) -> None:
        """Ask for the page that follows, if there is one."""
        if self._query is not None and self.cursor and not self.is_busy:
            self._run()

    def again(self) -> None:
        """Ask again for what did not come."""
        query = self._query
        if self.cursor and self.models:
            self.failure = None
            self.more()
        elif query is not None:
            self.forget()
            self.show(query)

    def stop(self) -> None:
        """Ask for nothing more; what came stays."""
        self._slow_timer.stop()
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def forget(self) -> None:
        """Begin anew at the next question."""
        self.stop()
        self._query, self._settled = None, False
        self.models, self.cursor = [], None
        self.failure, self.seen_at = None, None

    def _run(self) -> None:
        self._task = self._worker.run(
            _ask,
            self._hub,
            self._seen,
            self._query,
            self.cursor,
            done=self._came,
            failed=self._failed,
        )

    def _came(self, told: _Told) -> None:
        self._end()
        known = {model.repo for model in self.models}
        self.models += [model for model in told.page.models if model.repo not in known]
        self.cursor = told.page.next
        self.failure, self.seen_at = told.error, told.seen_at
        self.changed.emit()

    def _failed(self, error: AppError) -> None:
        self._end()
        self.failure = error
        self.changed.emit()

    def _end(self) -> None:
        self._slow_timer.stop()
        self._task, self._settled = None, True
