"""One download as the manager works on it: its state, its progress, its speed."""

import contextlib
import math
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from app.core.download_state import (
    DownloadItem,
    DownloadProblem,
    DownloadRequest,
    State,
    StoredDownload,
)
from app.core.file_records import Origin
from app.core.transfer_names import target_path
from app.core.transfer_parts import bytes_on_disk, discard

SMOOTHING = 3.0
"""Seconds that the speed looks back, more or less."""


class SpeedMeter:
    """Bytes a second, smoothed exponentially over time."""

    def __init__(self) -> None:
        self._last: tuple[float, int] | None = None
        self.speed = 0.0

    def measure(self, done: int, now: float) -> None:
        """Note that `done` bytes were there at `now` (seconds)."""
        if self._last is not None and now > self._last[0]:
            passed = now - self._last[0]
            rate = max(0, done - self._last[1]) / passed
            # The first rate counts fully, or a download would seem slow to begin.
            weight = 1 - math.exp(-passed / SMOOTHING) if self.speed else 1.0
            self.speed += weight * (rate - self.speed)
        self._last = (now, done)


@dataclass
class DownloadEntry:
    """Mutable side of a `DownloadItem`. The manager guards it with its lock."""

    id: str
    request: DownloadRequest
    folder: Path
    added: float
    state: State = "waiting"
    error: DownloadProblem | None = None
    run: str | None = None
    """Name of the current run in the transfer child."""
    crashes: int = 0
    verified: float = 0.0
    done: int = 0
    meter: SpeedMeter = field(default_factory=SpeedMeter)

    def __post_init__(self) -> None:
        self._best = self.done = self._on_disk()

    @classmethod
    def restored(cls, stored: StoredDownload) -> "DownloadEntry":
        """The entry of an earlier session; what was under way then waits to continue."""
        state: State = stored.state
        if state in ("running", "verifying"):
            state = "waiting"
        entry = cls(
            stored.id, stored.request, Path(stored.target), stored.added, state, stored.error
        )
        if state == "done":
            entry.done = entry.total
        return entry

    @property
    def total(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.request.files)

    @property
    def active(self) -> bool:
        """Whether the child works on it, or is to."""
        return self.state in ("running", "verifying")

    def targets(self) -> list[Path]:
        """Where the files go, in the order of the request."""
        return [target_path(self.folder, file.path) for file in self.request.files]

    def origin(self) -> Origin:
        """Where the files come from, once they are there."""
        request = self.request
        return Origin(request.repo, request.revision, request.endpoint, time.time())

    def finished(self) -> bool:
        """Whether all files are there under their final names."""
        sizes = [file.size for file in self.request.files]
        pairs = zip(self.targets(), sizes, strict=True)
        return all(target.is_file() and target.stat().st_size == size for target, size in pairs)

    def shares_main_file(self, other: "DownloadEntry") -> bool:
        """Whether both are about the same model file."""
        return self.targets()[:1] == other.targets()[:1]

    def shares_a_file(self, other: "DownloadEntry") -> bool:
        """Whether both write some file."""
        return not set(self.targets()).isdisjoint(other.targets())

    def begin(self) -> None:
        """Start a run."""
        self.settle("running")
        self.run = uuid.uuid4().hex

    def settle(self, state: State, error: DownloadProblem | None = None) -> None:
        """Enter a state; speed and checks begin anew."""
        self.state = state
        self.error = error
        self.run = None
        self.verified = 0.0
        self.meter = SpeedMeter()

    def moved(self, done: int, verified: float | None) -> None:
        """Take up a report of the child."""
        self.state = "running" if verified is None else "verifying"
        self.verified = verified or 0.0
        self.done = min(done, self.total)
        self.meter.measure(self.done, time.monotonic())
        if self.done > self._best:
            self._best = self.done
            self.crashes = 0

    def crashed(self) -> int:
        """Note that the child died, and answer how often it did without a byte gained."""
        self.crashes += 1
        return self.crashes

    def discard(self, models: Path) -> None:
        """Delete what was fetched, and the folders that are empty then, below `models`."""
        for target in self.targets():
            with contextlib.suppress(OSError):
                discard(target)
        folders = {parent for target in self.targets() for parent in target.parents}
        for folder in sorted(folders, key=lambda each: len(each.parts), reverse=True):
            if folder != models and folder.is_relative_to(models):
                with contextlib.suppress(OSError):  # not empty
                    folder.rmdir()

    def item(self) -> DownloadItem:
        """A snapshot for others."""
        speed = self.meter.speed if self.state == "running" else 0.0
        left = self.total - self.done
        return DownloadItem(
            id=self.id,
            request=self.request,
            state=self.state,
            done=self.done,
            total=self.total,
            target=self.folder,
            added=self.added,
            speed=speed,
            eta=left / speed if speed >= 1 else None,
            verified=self.verified,
            error=self.error,
        )

    def stored(self) -> StoredDownload:
        """What is worth keeping."""
        return StoredDownload(
            id=self.id,
            request=self.request,
            state=self.state,
            target=str(self.folder),
            added=self.added,
            error=self.error,
        )

    def _on_disk(self) -> int:
        sizes = [file.size for file in self.request.files]
        pairs = zip(self.targets(), sizes, strict=True)
        return sum(bytes_on_disk(target, size) for target, size in pairs)
