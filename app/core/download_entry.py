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
    WaitsFor,
)
from app.core.download_times import Hold
from app.core.file_records import Origin
from app.core.transfer_names import models_folder, plain_path, target_path
from app.core.transfer_naming import give_up, is_being_named
from app.core.transfer_parts import bytes_on_disk, part_bytes
from app.core.transfer_wire import Trouble

SMOOTHING = 3.0
"""Seconds that the speed looks back, more or less."""
SILENCE = 4.0
"""Seconds without a byte after which a running download counts as silent."""
FIRST_NETWORK_WAIT = 5.0
"""Seconds until the next try where there is no network; doubled for each further one."""
LONGEST_NETWORK_WAIT = 30.0
NETWORK_PATIENCE = 24 * 3600.0
"""Seconds without any network after which a person is asked."""


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
    files_done: tuple[int, ...] = ()
    held: Hold = ""
    """What keeps it back at this time."""
    at_once: bool = False
    """A person wants it now, whatever the schedule says."""
    away: bool = False
    """Its drive is not there."""
    retry_at: float | None = None
    """When it is tried again that there was no network for; monotonic."""
    network_tries: int = 0
    """How often there was no network, since the last byte gained."""
    offline_since: float | None = None
    """Monotonic."""
    ended: float = 0.0
    """When it was done, Unix seconds."""
    spent: float = 0.0
    """Seconds that its runs took that have ended."""
    began: float | None = None
    """When the current run began; monotonic."""
    trouble: Trouble | None = None
    """What the child said last of why no bytes come."""
    heard: float = 0.0
    """When the last byte came, or the run began; monotonic."""
    meter: SpeedMeter = field(default_factory=SpeedMeter)

    def __post_init__(self) -> None:
        """Raises `DownloadError` for a refused name. No disk is asked here: see `measured`."""
        self.places = tuple(plain_path(self.folder, file.path) for file in self.request.files)
        self._place_set = frozenset(self.places)
        self._digest = max(self.request.files, key=lambda file: file.size).sha256
        self._best = 0

    def measured(self) -> tuple[int, ...]:
        """Bytes of each file that are on disk now. Asks the disk: never with the lock held."""
        measure = part_bytes if self.request.update else bytes_on_disk
        sizes = [file.size for file in self.request.files]
        return tuple(map(measure, self.places, sizes))

    def take_up(self, sizes: tuple[int, ...]) -> None:
        """So much was there before the first run."""
        self.files_done = sizes
        self._best = self.done = sum(sizes)

    @classmethod
    def restored(cls, stored: StoredDownload) -> "DownloadEntry":
        """The entry of an earlier session; what was under way then waits to continue."""
        state: State = stored.state
        if state in ("running", "verifying"):
            state = "waiting"
        entry = cls(
            stored.id, stored.request, Path(stored.target), stored.added, state, stored.error
        )
        entry.at_once = stored.at_once
        entry.ended, entry.spent = stored.ended, stored.spent
        if state == "done":
            entry.complete()
        return entry

    @property
    def total(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.request.files)

    @property
    def root(self) -> Path:
        """The models folder that the files go to. Raises `DownloadError` for a refused name."""
        return models_folder(self.folder, self.request.repo)

    @property
    def active(self) -> bool:
        """Whether the child works on it, or is to."""
        return self.state in ("running", "verifying")

    def targets(self) -> list[Path]:
        """Where the files go, in the order of the request. No disk is asked."""
        return list(self.places)

    def origin(self) -> Origin:
        """Where the files come from, once they are there."""
        request = self.request
        return Origin(request.repo, request.revision, request.endpoint, time.time())

    def finished(self) -> bool:
        """Whether all files are there under their final names. Asks the disk."""
        if any(map(is_being_named, self.places)):
            return False
        sizes = [file.size for file in self.request.files]
        pairs = zip(self.targets(), sizes, strict=True)
        return all(target.is_file() and target.stat().st_size == size for target, size in pairs)

    def shares_main_file(self, other: "DownloadEntry") -> bool:
        """Whether both are about the same model file, in whichever models folder."""
        mine, others = self.request, other.request
        return (mine.repo, mine.files[:1]) == (others.repo, others.files[:1])

    def shares_a_file(self, other: "DownloadEntry") -> bool:
        """Whether both write some file, or one will find its largest at the other's place."""
        same_place = not self._place_set.isdisjoint(other._place_set)
        return same_place or self._digest == other._digest is not None

    def complete(self) -> None:
        """All bytes are there."""
        self.files_done = tuple(file.size for file in self.request.files)
        self.done = self.total

    def waits_for_network(self, now: float) -> bool:
        """Whether it is not yet time for another try."""
        return self.retry_at is not None and now < self.retry_at

    def lost_network(self, now: float) -> bool:
        """Note that there was no network; False when that has been so for too long."""
        self.offline_since = now if self.offline_since is None else self.offline_since
        if now - self.offline_since > NETWORK_PATIENCE:
            self.found_network()
            return False
        wait = min(LONGEST_NETWORK_WAIT, FIRST_NETWORK_WAIT * 2.0**self.network_tries)
        self.network_tries += 1
        self.retry_at = now + wait
        return True

    def found_network(self) -> None:
        """Bytes came, or a person asks anew."""
        self.retry_at = self.offline_since = None
        self.network_tries = 0

    def begin(self) -> None:
        """Start a run."""
        self.settle("running")
        self.away = False
        self.began = time.monotonic()
        self.run = uuid.uuid4().hex

    def settle(self, state: State, error: DownloadProblem | None = None) -> None:
        """Enter a state; speed and checks begin anew."""
        if self.began is not None:
            self.spent += time.monotonic() - self.began
            self.began = None
        if state == "done":
            self.ended = time.time()
        self.state = state
        self.error = error
        self.run = None
        self.verified = 0.0
        self.trouble = None
        self.heard = time.monotonic()
        self.meter = SpeedMeter()

    def moved(
        self,
        done: int,
        verified: float | None,
        files: tuple[int, ...] = (),
        trouble: Trouble | None = None,
    ) -> None:
        """Take up a report of the child."""
        self.trouble = trouble
        if verified is not None or done > self.done:
            self.heard = time.monotonic()
        self.files_done = files or self.files_done
        self.state = "running" if verified is None else "verifying"
        self.verified = verified or 0.0
        self.done = min(done, self.total)
        self.meter.measure(self.done, time.monotonic())
        if self.done > self._best:
            self._best = self.done
            self.crashes = 0
            self.found_network()

    def crashed(self) -> int:
        """Note that the child died, and answer how often it did without a byte gained."""
        self.crashes += 1
        return self.crashes

    def discard(self) -> None:
        """Delete what was fetched, and the folders that are empty then, below the root.

        Raises `DownloadError` where a link leads out of the folder.
        """
        models = self.root
        names = [file.path for file in self.request.files]
        # By now a link may lead out of the folder: nothing is deleted there.
        targets = [target_path(self.folder, name) for name in names]
        give_up(targets)
        folders = {parent for target in targets for parent in target.parents}
        for folder in sorted(folders, key=lambda each: len(each.parts), reverse=True):
            if folder != models and folder.is_relative_to(models):
                with contextlib.suppress(OSError):  # not empty
                    folder.rmdir()

    def item(self) -> DownloadItem:
        """A snapshot for others."""
        silent = self._silent()
        speed = self.meter.speed if self.state == "running" and not silent else 0.0
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
            waits_for=self._waits_for(),
            at_once=self.at_once,
            files_done=self.files_done,
            ended=self.ended,
            spent=self.spent,
            silent=silent,
            trouble=self.trouble if silent else None,
            error=self.error,
        )

    def _silent(self) -> float:
        passed = time.monotonic() - self.heard
        fetching = self.state == "running" and self.done < self.total
        return passed if fetching and passed >= SILENCE else 0.0

    def _waits_for(self) -> WaitsFor:
        if self.state != "waiting":
            return ""
        if self.held or self.away:
            return self.held or "drive"
        return "network" if self.retry_at is not None else ""

    def stored(self) -> StoredDownload:
        """What is worth keeping."""
        return StoredDownload(
            id=self.id,
            request=self.request,
            state=self.state,
            target=str(self.folder),
            added=self.added,
            error=self.error,
            at_once=self.at_once,
            ended=self.ended,
            spent=self.spent,
        )
