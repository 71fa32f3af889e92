"""What a download is, and how the list of downloads is kept on disk."""

import logging
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from app.core.errors import AppError, StorageError
from app.core.files import set_aside, write_atomically
from app.core.variants import RepoFile

log = logging.getLogger(__name__)

State = Literal["waiting", "running", "verifying", "paused", "failed", "done"]


class DownloadRequest(Struct, frozen=True):
    """What to download: files of one repository that belong together."""

    repo: str
    """`owner/name` on the hub."""
    revision: str
    """Commit the files were listed at, so that all parts come from the same version."""
    title: str
    """Name shown in lists."""
    quantization: str
    files: tuple[RepoFile, ...]
    """All files; the one that a model is opened by comes first."""
    endpoint: str | None = None
    """Address of the hub; None is the one in force when the download runs."""


class DownloadProblem(Struct, frozen=True):
    """Why a download stopped: an `AppError` that can be stored."""

    title: str
    message: str = ""
    hint: str = ""
    detail: str = ""

    @classmethod
    def of(cls, error: AppError) -> "DownloadProblem":
        """The storable form of `error`."""
        return cls(error.title, error.message, error.hint, error.detail)


class DownloadItem(Struct, frozen=True, kw_only=True):
    """A snapshot of one download. Sizes are bytes."""

    id: str
    request: DownloadRequest
    state: State
    done: int
    """Bytes of all files that are on disk."""
    total: int
    target: Path
    """Folder the files go to."""
    added: float
    """Unix seconds."""
    speed: float = 0.0
    """Bytes a second, smoothed; 0 unless running."""
    eta: float | None = None
    """Seconds left at that speed; None when it cannot be told."""
    verified: float = 0.0
    """While verifying: checked part of the current file, 0 to 1."""
    error: DownloadProblem | None = None


class StoredDownload(Struct, frozen=True, kw_only=True):
    """The part of an item that is worth keeping over a restart."""

    id: str
    request: DownloadRequest
    state: State
    target: str
    added: float
    error: DownloadProblem | None = None


class _StoredList(Struct, frozen=True):
    version: int
    downloads: tuple[StoredDownload, ...]


class DownloadList:
    """The stored list. `path` None keeps nothing, for programs that run one download and end."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.problem: AppError | None = None
        """What was wrong with the file; it was set aside."""

    def load(self) -> tuple[StoredDownload, ...]:
        """The stored downloads; none if there is no file or it cannot be used."""
        if self._path is None:
            return ()
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_StoredList).downloads
        except FileNotFoundError:
            return ()
        except (OSError, msgspec.DecodeError) as error:
            self.problem = self._set_aside(self._path, error)
            log.warning("%s", self.problem)
            return ()

    def save(self, downloads: tuple[StoredDownload, ...]) -> None:
        """Replace the stored list in one step; a full disk must not stop a download."""
        if self._path is None:
            return
        data = msgspec.json.format(msgspec.json.encode(_StoredList(1, downloads)), indent=1)
        try:
            write_atomically(self._path, data)
        except StorageError as error:
            log.warning("the list of downloads is not kept: %s", error)

    def _set_aside(self, path: Path, error: Exception) -> StorageError:
        try:
            kept = f"It was set aside as {set_aside(path).name}."
        except StorageError as second:
            kept = second.message
        return StorageError(
            "The list of downloads could not be read",
            f"{path} holds no valid list. {kept} Files that were downloaded are not touched.",
            "Start the missing downloads again; they continue where they stopped.",
            str(error),
        )
