"""Beginning downloads from the pages, and telling how far one is."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path, PurePosixPath

from PySide6.QtCore import QObject, Signal

from app.core.catalogue import CatalogueEntry
from app.core.download_state import DownloadItem, DownloadRequest
from app.core.downloads import DownloadManager
from app.core.errors import AppError, NotFoundError
from app.core.hub import HubClient, HubDetail
from app.core.library import LocalModel
from app.core.variants import Variant
from app.gui.notify import Notifier
from app.gui.worker import Worker


def request_for(detail: HubDetail, variant: Variant, title: str) -> DownloadRequest:
    """What to ask the download manager for: the model, and the projector that goes with it."""
    return DownloadRequest(
        repo=detail.model.repo,
        revision=detail.model.sha or "main",
        title=title,
        quantization=variant.quantization,
        files=(*variant.files, *variant.companions),
        recipe=detail.recipe,
    )


def item_for(items: Sequence[DownloadItem], repo: str, file: str) -> DownloadItem | None:
    """The download that fetches `file` of `repo`, the newest one if there are several."""
    for item in reversed(items):
        if item.request.repo == repo and any(file == each.path for each in item.request.files):
            return item
    return None


def local_for(models: Sequence[LocalModel], repo: str, file: str) -> LocalModel | None:
    """The model on this computer that was made from `file` of `repo`."""
    name = PurePosixPath(file).name
    for model in models:
        usable = model.repo == repo and model.present and not model.problem
        if usable and any(path.name == name for path in model.files):
            return model
    return None


def away_for(models: Sequence[LocalModel], repo: str, file: str) -> LocalModel | None:
    """The model made from `file` of `repo` that lies on a drive which is not connected."""
    name = PurePosixPath(file).name
    away = (each for each in models if each.repo == repo and not each.present)
    return next((each for each in away if any(path.name == name for path in each.files)), None)


def variant_with(detail: HubDetail, file: str) -> Variant:
    """The variant that holds `file`. Raises NotFoundError if the repository has none any more."""
    name = PurePosixPath(file).name
    for variant in detail.variants:
        if any(PurePosixPath(each.path).name == name for each in variant.files):
            return variant
    raise NotFoundError(
        f"“{name}” is not on the hub any more",
        f"{detail.model.repo} offers other files now.",
        "Open the model's page and choose another variant.",
    )


def _ask_and_add(
    hub: HubClient,
    downloads: DownloadManager,
    repo: str,
    file: str,
    title: str,
    root: Path | None,
) -> DownloadItem:
    """Sizes and hashes come from the hub, never from the shipped list."""
    detail = hub.detail(repo)
    return downloads.add(request_for(detail, variant_with(detail, file), title), root)


def try_action(notifier: Notifier, action: Callable[[str], object], item_id: str) -> None:
    """Pause, cancel, move: quick, but the download may be gone or the switch be offline."""
    try:
        action(item_id)
    except AppError as error:
        notifier.error(error)


def try_later(
    worker: Worker, notifier: Notifier, action: Callable[[str], object], item_id: str
) -> None:
    """Resume: the disk is asked first, which may take long where it is a share."""
    worker.run(action, item_id, failed=notifier.error)


Key = tuple[str, str]
"""Repository and path of the first file."""


def _attempt(
    key: Key, work: Callable[[], DownloadItem]
) -> tuple[Key, DownloadItem | None, AppError | None]:
    """The outcome of `work` with the file it is about."""
    try:
        return key, work(), None
    except AppError as error:
        return key, None, error


class DownloadStarter(QObject):
    """Queues downloads off the GUI thread."""

    started = Signal(object)
    """The DownloadItem that was queued."""
    failed = Signal(str, object)
    """Repository and AppError."""

    def __init__(
        self,
        worker: Worker,
        hub: HubClient,
        downloads: DownloadManager,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._worker, self._hub, self._downloads = worker, hub, downloads
        self._pending: set[Key] = set()

    def is_pending(self, repo: str, file: str) -> bool:
        """Whether the hub or the disk is being asked for this file right now."""
        return (repo, file) in self._pending

    def start(
        self, detail: HubDetail, variant: Variant, title: str, root: Path | None = None
    ) -> None:
        """Queue a variant whose files are known, into a models folder."""
        request = request_for(detail, variant, title)
        key = (request.repo, variant.files[0].path)
        self._run(key, lambda: self._downloads.add(request, root))

    def start_entry(
        self, entry: CatalogueEntry, file: str | None = None, root: Path | None = None
    ) -> None:
        """Queue a suggested model; the hub is asked for its files first."""
        repo, name = entry.gguf_repo, file or entry.gguf_file
        hub, downloads = self._hub, self._downloads
        add = partial(_ask_and_add, hub, downloads, repo, name, entry.name, root)
        self._run((repo, name), add)

    def _run(self, key: Key, work: Callable[[], DownloadItem]) -> None:
        if key not in self._pending:
            self._pending.add(key)
            self._worker.run(_attempt, key, work, done=self._settle, failed=self._give_up)

    def _settle(self, outcome: tuple[Key, DownloadItem | None, AppError | None]) -> None:
        key, item, error = outcome
        self._pending.discard(key)
        if error is not None:
            self.failed.emit(key[0], error)
        elif item is not None:
            self.started.emit(item)

    def _give_up(self, error: AppError) -> None:
        """A defect: nobody knows any more which file it was about."""
        self._pending.clear()
        self.failed.emit("", error)
