"""Whether the hub has newer files of installed models.

The hashes of what is here are known to the library's records (`app.core.file_records`). At most
once a day a repository is asked for the hashes it has now; nothing is asked while the offline
switch is on, or when a person does not want it. Downloaded files whose hashes are not known are
compared by size.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from app.core.download_state import DownloadItem, DownloadRequest
from app.core.errors import AppError, NotFoundError, StorageError
from app.core.events import EventHook
from app.core.file_records import Origin
from app.core.files import write_atomically
from app.core.hub import HubClient, HubDetail
from app.core.kept_json import load_json
from app.core.library import ModelLibrary
from app.core.library_types import LocalModel
from app.core.ollama_name import ollama_name_of
from app.core.paths import AppPaths
from app.core.settings import SettingsStore
from app.core.transfer_job import CONFIG
from app.core.transfer_names import repository_folder
from app.core.variants import RepoFile

log = logging.getLogger(__name__)

CHECK_EVERY = 24 * 3600.0
"""Seconds between two questions about one repository."""


class ModelUpdate(Struct, frozen=True):
    """Newer files of a model on this computer."""

    model: LocalModel
    request: DownloadRequest
    """Fetches them beside the old ones, and replaces those at the end."""
    root: Path
    """The models folder that the old ones lie in."""


class _Memory(Struct, frozen=True):
    """What lies in the file."""

    version: int = 1
    asked: dict[str, float] = {}
    """When each repository was asked last, Unix seconds."""
    newer: dict[str, DownloadRequest] = {}
    """What was found, by the path of what the model is opened by."""


class ModelUpdates:
    """Looks for newer files and remembers what was found. Any thread may call it."""

    def __init__(
        self,
        paths: AppPaths,
        settings: SettingsStore,
        library: ModelLibrary,
        hub: HubClient,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.changed: EventHook[[]] = EventHook()
        self._path = paths.updates_file
        self._settings = settings
        self._library = library
        self._hub = hub
        self._clock = clock
        self._lock = threading.Lock()
        self._looking = threading.Lock()
        self._memory: _Memory | None = None

    def installed(self, item: DownloadItem) -> None:
        """A download is done: there is nothing newer than what it brought."""
        names = [file.path for file in item.request.files]
        key = str(item.target if CONFIG in names else item.target / names[0])

        def change(memory: _Memory) -> _Memory:
            newer = {path: each for path, each in memory.newer.items() if path != key}
            return msgspec.structs.replace(memory, newer=newer)

        self._change(change)
        self.changed()

    def available(self) -> tuple[ModelUpdate, ...]:
        """What was found, of models that are still here. Quick."""
        with self._lock:
            newer = self._load().newer
        if not newer:
            return ()
        found = ((model, newer.get(_key(model))) for model in self._models())
        return tuple(
            ModelUpdate(model, request, self._root(model)) for model, request in found if request
        )

    def look(self, *, now: bool = False) -> None:
        """Ask the hub about all models that were not asked about today; `now` asks about all.

        Blocks. Raises an AppError only with `now`: by itself it is no news that there is no hub.
        """
        settings = self._settings.current
        if settings.network.offline or not (now or settings.downloads.look_for_updates):
            if now:
                self._hub.check()  # says that the switch is on
            return
        with self._looking:
            for repo, models in self._due(now=now).items():
                try:
                    self._ask(repo, models)
                except NotFoundError:
                    self._note(repo, {})  # gone from the hub: nothing newer
                except AppError as error:
                    log.info("no look for newer files of %s: %s", repo, error)
                    if now:
                        raise
                    break
        self.changed()

    def again(self, model: LocalModel) -> ModelUpdate:
        """What replaces damaged files of a model by the hub's: the same, or newer ones.

        Blocks. Raises NotFoundError if the hub has not all of them any more, else like
        `HubClient.detail`.
        """
        repo = model.repo or ""
        detail = self._hub.detail(repo)
        request = newer_files(model, self._here(model, repo), detail, even_same=True)
        if request is None:
            raise NotFoundError(
                f"{model.name} is not on the hub any more",
                f"{repo} does not have files of these names now.",
                "Choose another variant of it on the page Discover.",
            )
        return ModelUpdate(model, request, self._root(model))

    def _models(self) -> Iterator[LocalModel]:
        return filter(is_replaceable, self._library.models())

    def _root(self, model: LocalModel) -> Path:
        return self._library.own_folders.of(model.path) or self._library.folder

    def _due(self, *, now: bool) -> dict[str, list[LocalModel]]:
        with self._lock:
            asked = self._load().asked
        due: dict[str, list[LocalModel]] = {}
        for model in self._models():
            repo = model.repo or ""
            # A clock that was set back must not silence it for long.
            if now or not 0 <= self._clock() - asked.get(repo, -CHECK_EVERY) < CHECK_EVERY:
                due.setdefault(repo, []).append(model)
        return due

    def _ask(self, repo: str, models: Sequence[LocalModel]) -> None:
        detail = self._hub.detail(repo)
        found: dict[str, DownloadRequest] = {}
        for model in models:
            request = newer_files(model, self._here(model, repo), detail)
            if request is not None:
                found[_key(model)] = request
        self._note(repo, found, [_key(model) for model in models])

    def _here(self, model: LocalModel, repo: str) -> dict[RepoFile, Origin | None]:
        """The files of a model in the folder of its repository, with what is known of them.

        Raises `DownloadError` for a repository whose name is refused.
        """
        folder = repository_folder(self._root(model), repo)
        here: dict[RepoFile, Origin | None] = {}
        for path in model.files:
            record = self._library.records.of(path) if path.is_relative_to(folder) else None
            if record is not None:
                name = path.relative_to(folder).as_posix()
                sha256, blob_sha1 = record.sha256 or None, record.blob_sha1 or None
                here[RepoFile(name, record.size, sha256, blob_sha1)] = record.origin
        fetched: dict[RepoFile, Origin | None] = {
            file: origin for file, origin in here.items() if origin is not None
        }
        return fetched or here

    def _note(
        self, repo: str, found: dict[str, DownloadRequest], looked_at: Sequence[str] = ()
    ) -> None:
        def change(memory: _Memory) -> _Memory:
            rest = {key: each for key, each in memory.newer.items() if key not in looked_at}
            asked = {**memory.asked, repo: self._clock()}
            return msgspec.structs.replace(memory, asked=asked, newer={**rest, **found})

        self._change(change)

    def _load(self) -> _Memory:
        try:
            return self._read()
        except StorageError as error:  # looked for again the next time
            log.warning("what was downloaded is not known now: %s", error)
            return _Memory()

    def _read(self) -> _Memory:
        if self._memory is None:
            self._memory = load_json(self._path, _Memory) or _Memory()
        return self._memory

    def _change(self, change: Callable[[_Memory], _Memory]) -> None:
        """A failure costs only what is remembered, so it is just logged."""
        with self._lock:
            try:
                self._memory = change(self._read())
                write_atomically(self._path, msgspec.json.encode(self._memory))
            except StorageError as error:
                log.warning("what was downloaded is not remembered: %s", error)


def is_replaceable(model: LocalModel) -> bool:
    """Whether it is from the hub, and Corral's to fetch anew."""
    own = model.source == "corral" and not model.read_only and not model.variant_of
    return bool(own and model.present and model.repo and not ollama_name_of(model.repo))


def newer_files(
    model: LocalModel,
    here: Mapping[RepoFile, Origin | None],
    detail: HubDetail,
    *,
    even_same: bool = False,
) -> DownloadRequest | None:
    """What replaces the files of `model`; None if the hub has the same ones, or not all of them.

    `here` are the files with where they came from, where that is known. `even_same`: the hub's
    replace them in any case.
    """
    listed = {file.path: file for file in detail.files}
    new = [listed[file.path] for file in here if file.path in listed]
    differ = even_same or any(map(_differs, here, new, here.values()))
    if not here or len(new) < len(here) or not differ:
        return None
    return DownloadRequest(
        repo=detail.model.repo,
        revision=detail.model.sha or "main",
        title=model.name,
        quantization=model.quantization,
        files=tuple(new),
        endpoint=next((origin.endpoint for origin in here.values() if origin), None),
        update=True,
    )


def _differs(here: RepoFile, there: RepoFile, origin: Origin | None) -> bool:
    """By hash where both have one; by size only what is known to have come from a hub.

    A file of unknown origin may be a person's own work under the same name.
    """
    if here.sha256 and there.sha256:
        return here.sha256.lower() != there.sha256.lower()
    if here.blob_sha1 and there.blob_sha1:
        return here.blob_sha1.lower() != there.blob_sha1.lower()
    return origin is not None and here.size != there.size


def _key(model: LocalModel) -> str:
    """What the model is opened by: a file, or the folder of an MLX model."""
    return str(model.path)
