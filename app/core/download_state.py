"""What a download is, and how the list of downloads is kept on disk."""

import logging
from pathlib import Path
from typing import Literal

import filelock
import msgspec
from msgspec import Struct

from app.core.errors import AppError, StorageError
from app.core.files import set_aside, storage_error, write_atomically
from app.core.ollama_recipe import Recipe
from app.core.transfer_wire import Trouble
from app.core.variants import RepoFile

log = logging.getLogger(__name__)

State = Literal["waiting", "running", "verifying", "paused", "failed", "done"]
WaitsFor = Literal["", "offline", "hours", "idle", "network", "drive"]
"""What a waiting download waits for; "" is its turn."""


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
    update: bool = False
    """Files of these names that are here already are older; they are replaced at the end."""
    recipe: Recipe | None = None
    """How the model is meant to be run, where its source tells: set up when it has arrived."""


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
    waits_for: WaitsFor = ""
    at_once: bool = False
    """It runs whatever the hours and whoever uses the computer."""
    files_done: tuple[int, ...] = ()
    """Bytes of each file on disk, in the order of the request."""
    ended: float = 0.0
    """When it was done, Unix seconds; 0 where that is not known."""
    spent: float = 0.0
    """Seconds it was under way, over all its runs; 0 where that is not known."""
    silent: float = 0.0
    """Seconds without a byte, where these are so many that a person should know; else 0."""
    trouble: Trouble | None = None
    """What is wrong while it is silent, where that is known."""
    error: DownloadProblem | None = None
    """Why it failed; while it waits for the network or its drive, what was last wrong there."""


class StoredDownload(Struct, frozen=True, kw_only=True):
    """The part of an item that is worth keeping over a restart."""

    id: str
    request: DownloadRequest
    state: State
    target: str
    added: float
    error: DownloadProblem | None = None
    at_once: bool = False
    ended: float = 0.0
    spent: float = 0.0


class _StoredList(Struct, frozen=True):
    version: int
    downloads: tuple[StoredDownload, ...]


class DownloadList:
    """The stored list. `path` None keeps nothing, for programs that run one download and end.

    One program at a time keeps it; a second one starts with an empty list and stores nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock: filelock.BaseFileLock | None = None
        self.problem: AppError | None = None
        """What was wrong with the file: damaged and set aside, or in use."""

    def load(self) -> tuple[StoredDownload, ...]:
        """The stored downloads; none if there is no file or it cannot be used."""
        if self._path is None or not self._take(self._path):
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

    def close(self) -> None:
        """Let another program keep the list."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _take(self, path: Path) -> bool:
        """Take the list for this program; the lock ends with it, however it ends."""
        lock = filelock.FileLock(path.with_name(f"{path.name}.lock"), thread_local=False)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire(blocking=False)
        except filelock.Timeout:
            self.problem = StorageError(
                "Another Corral has the list of downloads",
                "It runs and shows them. Downloads started here are not in its list.",
                "Close it, then start this one again, to see them here.",
            )
        except OSError as error:
            self.problem = storage_error("The list of downloads is not kept", path, error)
        else:
            self._lock = lock
            return True
        self._path = None
        log.warning("%s", self.problem)
        return False

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
