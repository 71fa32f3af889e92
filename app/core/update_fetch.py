"""Downloading the package of a new version, by a transfer child of its own.

The child is the one that downloads models too: it resumes, checks the SHA-256 and names the file
only when it is whole. A child of its own leaves the queue of models alone.
"""

import hashlib
import logging
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from app.core import update_errors
from app.core.children import child_command
from app.core.errors import DownloadError
from app.core.files import replace, storage_error
from app.core.hub_http import HubAccess
from app.core.transfer_child import TransferChild, run_description
from app.core.transfer_wire import (
    Completed,
    Contacted,
    Failed,
    Fetch,
    Limits,
    Moved,
    Reply,
    Stop,
    Stopped,
    Throttle,
)
from app.core.update_http import PURPOSE_OF_UPDATES
from app.core.update_manifest import Package
from app.core.variants import RepoFile
from backends.contacts import Tell
from backends.route import Route

log = logging.getLogger(__name__)

_CHUNK = 1 << 20

Report = Callable[[int], object]
"""Told how many bytes are here."""


class PackageFetch:
    """One download; `stop` may be called from another thread."""

    def __init__(self, cache: Path, tell: Tell | None, limits: Limits) -> None:
        """The child starts in `cache`; `tell` hears of every connection."""
        self._cache = cache
        self._tell = tell
        self._limits = limits
        self._lock = threading.Lock()
        self._run = uuid.uuid4().hex
        self._child: TransferChild | None = None
        self._stopped = False

    def stop(self) -> None:
        """Leave off and keep what is here."""
        with self._lock:
            self._stopped = True
            if self._child is not None:
                self._child.send(Stop(self._run))

    def fetch(
        self, package: Package, target: Path, version: str, route: Route, rate: int, report: Report
    ) -> bool:
        """Whether the whole package is at `target` now; False where it was stopped.

        `rate` is the most bytes a second; 0 is no limit. Raises `DownloadError` for whatever goes
        wrong, and `StorageError` where the file cannot get its name.
        """
        coming = target.with_name(target.name + update_errors.ON_THE_WAY)
        try:
            child = TransferChild(child_command("--transfer-host"), self._cache)
        except (OSError, RuntimeError) as error:  # the latter: no more threads
            raise update_errors.helper_failed("cannot be started", str(error)) from error
        with self._lock:
            self._child = None if self._stopped else child
        try:
            if self._child is None:
                return False
            child.send(Throttle(rate))
            child.send(self._command(package, coming, version, route))
            end = self._hear(child, report)
        finally:
            with self._lock:
                self._child = None
            status = child.close()
        if end is None:
            raise update_errors.helper_failed(run_description(status), child.last_words())
        if isinstance(end, Failed):
            raise DownloadError(end.title, end.message, end.hint, end.detail)
        if isinstance(end, Completed):
            _rename(coming, target)
        return isinstance(end, Completed)

    def _command(self, package: Package, target: Path, version: str, route: Route) -> Fetch:
        parts = urlsplit(package.url)
        access = HubAccess(f"{parts.scheme}://{parts.netloc}", None, route)
        file = RepoFile(target.name, package.size, package.sha256)
        return Fetch(
            self._run,
            (access,),
            version,
            "",
            (file,),
            str(target.parent),
            self._limits,
            update=True,
            addresses={file.path: package.url},
            purpose=PURPOSE_OF_UPDATES,
        )

    def _hear(self, child: TransferChild, report: Report) -> Reply | None:
        """The reply that ends the run; None if the child ended without."""
        for reply in child.replies():
            match reply:
                case Contacted(contact):
                    if self._tell is not None:
                        self._tell(contact)
                case Moved(done=done):
                    report(done)
                case Completed() | Failed() | Stopped():
                    return reply
        return None


def _rename(coming: Path, target: Path) -> None:
    try:
        replace(coming, target)
    except OSError as error:
        raise storage_error(f"{target.name} could not get its name", target, error) from error


def is_package(path: Path, package: Package) -> bool:
    """Whether a file is exactly the package that was signed for. Reads all of it."""
    try:
        if path.stat().st_size != package.size:
            return False
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while piece := file.read(_CHUNK):
                digest.update(piece)
    except OSError as error:
        log.info("%s cannot be read: %s", path.name, error)
        return False
    return digest.hexdigest() == package.sha256
