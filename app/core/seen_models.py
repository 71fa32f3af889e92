"""What the hub told of models, kept so that it can be shown when the hub cannot be asked.

One JSON file for each repository and each list; the longest unused go first. What is damaged or
of another version is as good as never seen.
"""

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct, structs

from app.core.errors import StorageError
from app.core.files import write_atomically
from app.core.gguf_types import GgufArray, GgufHeader
from app.core.hub import Format, HubDetail, HubModel, HubPage, HubQuery
from app.core.hub_facts import RepoFacts

log = logging.getLogger(__name__)

MOST_FILES = 300
CARD_LIMIT = 200_000
"""Characters of a card that are kept."""
_ARRAY_LIMIT = 512
"""Longer arrays of a header are kept by their count."""
_VERSION = 1


class SeenModel(Struct, frozen=True):
    """One repository as the hub told of it. None means: not seen."""

    detail: HubDetail
    time: float
    """When `detail` came, Unix seconds."""
    card: str | None = None
    header: GgufHeader | None = None
    facts: RepoFacts | None = None
    relatives: tuple[HubModel, ...] | None = None
    """Other repositories of the same model."""
    version: int = _VERSION

    def of_commit(self, sha: str) -> bool:
        """Whether it is of this commit, so that header and card are, too."""
        return bool(sha) and self.detail.model.sha == sha


class SeenList(Struct, frozen=True):
    """The first page of a list."""

    page: HubPage
    time: float
    version: int = _VERSION


Kept = TypeVar("Kept", SeenModel, SeenList)


class SeenModels:
    """Reads and writes block for as long as the disk takes. Any thread may call."""

    def __init__(self, folder: Path, now: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._now = now
        self._lock = threading.Lock()

    def model(self, repo: str) -> SeenModel | None:
        """What was told of a repository last."""
        return self._read(self._model_file(repo), SeenModel)

    def list(self, query: HubQuery) -> SeenList | None:
        """The first page of a list as it was last."""
        return self._read(self._list_file(query), SeenList)

    def search(self, query: HubQuery) -> SeenList | None:
        """Everything seen that has all words of a query in its name; as old as the oldest of it."""
        words = query.text.casefold().split()
        found: dict[str, HubModel] = {}
        oldest = self._now()
        for path in sorted(self._folder.glob("*.json")):
            kept: SeenModel | SeenList | None
            if path.name.startswith("model-"):
                kept = self._read(path, SeenModel)
                models: Sequence[HubModel] = (kept.detail.model,) if kept else ()
            else:
                kept = self._read(path, SeenList)
                models = kept.page.models if kept else ()
            new = [each for each in models if _is_wanted(each, words, query.format)]
            if kept is not None and new:
                oldest = min(oldest, kept.time)
            found |= {each.repo: each for each in new}
        ordered = sorted(found.values(), key=lambda each: -each.downloads)
        return SeenList(HubPage(tuple(ordered), None), oldest) if ordered else None

    def keep_list(self, query: HubQuery, page: HubPage) -> None:
        """Remember the first page of a list."""
        with self._lock:
            self._write(self._list_file(query), SeenList(page, self._now()))

    def keep_detail(self, detail: HubDetail) -> None:
        """Remember a repository; what is known of the same commit stays."""
        path = self._model_file(detail.model.repo)
        with self._lock:
            old = self._read(path, SeenModel)
            if old is None or not old.of_commit(detail.model.sha):
                old = SeenModel(detail, 0.0)
            self._write(path, structs.replace(old, detail=detail, time=self._now()))

    def keep(
        self,
        repo: str,
        sha: str,
        *,
        card: str | None = None,
        header: GgufHeader | None = None,
        facts: RepoFacts | None = None,
        relatives: tuple[HubModel, ...] | None = None,
    ) -> None:
        """Remember more of a repository whose detail was kept; ignored for another commit."""
        news: dict[str, object] = {
            "card": card[:CARD_LIMIT] if card is not None else None,
            "header": _shortened(header) if header is not None else None,
            "facts": facts,
            "relatives": relatives,
        }
        path = self._model_file(repo)
        with self._lock:
            old = self._read(path, SeenModel)
            if old is not None and old.of_commit(sha):
                told = {name: value for name, value in news.items() if value is not None}
                self._write(path, structs.replace(old, **told))

    def _model_file(self, repo: str) -> Path:
        return self._folder / f"model-{_digest(repo.casefold())}.json"

    def _list_file(self, query: HubQuery) -> Path:
        return self._folder / f"list-{_digest(repr(query))}.json"

    def _read(self, path: Path, kind: type[Kept]) -> Kept | None:
        try:
            found = msgspec.json.decode(path.read_bytes(), type=kind)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError, RecursionError) as error:
            log.warning("%s cannot be used: %s", path.name, error)
            return None
        return found if found.version == _VERSION else None

    def _write(self, path: Path, value: SeenModel | SeenList) -> None:
        try:
            write_atomically(path, msgspec.json.encode(value))
            self._prune()
        except (OSError, StorageError) as error:
            log.warning("what the hub told is not kept: %s", error)

    def _prune(self) -> None:
        files = sorted(self._folder.glob("*.json"), key=lambda path: path.stat().st_mtime)
        for path in files[:-MOST_FILES]:
            path.unlink(missing_ok=True)


def _is_wanted(model: HubModel, words: Sequence[str], wanted: Format) -> bool:
    name = model.repo.casefold()
    return all(word in name for word in words) and (wanted == "any" or wanted in model.tags)


def _shortened(header: GgufHeader) -> GgufHeader:
    """Without long arrays, such as the vocabulary."""
    metadata = {
        key: structs.replace(value, values=None)
        if isinstance(value, GgufArray) and value.count > _ARRAY_LIMIT
        else value
        for key, value in header.metadata.items()
    }
    return structs.replace(header, metadata=metadata, tensors=())


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
