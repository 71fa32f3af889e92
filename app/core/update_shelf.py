"""What is known of newer versions between two starts, and the packages that lie here.

The packages of this version, of the one before, of the newest and of one that is to be installed
are kept; others are deleted.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from app.core import update_errors
from app.core.errors import StorageError, UpdateError
from app.core.files import locked, write_atomically
from app.core.kept_json import load_json
from app.core.program_form import Program
from app.core.update_fetch import is_package
from app.core.update_manifest import (
    Manifest,
    Package,
    Release,
    numbers,
    package_for,
    read_manifest,
)
from app.core.update_source import UpdateSource

log = logging.getLogger(__name__)


class KeptPackage(Struct, frozen=True):
    """A package that lies here, whole and checked when it came."""

    release: Release
    package: Package
    name: str
    """Of the file."""


class Planned(Struct, frozen=True):
    """A version that is to be installed at the end."""

    version: str
    program: str
    """The version that ran when that was chosen: another one does not install it."""


class UpdateMemory(Struct, frozen=True):
    """What lies in the file."""

    version: int = 1
    serial: int = 0
    """The highest number of a manifest that was ever believed."""
    looked: float = 0.0
    """When a manifest was last got, Unix seconds."""
    tried: float = 0.0
    """When one was last asked for by the program itself, Unix seconds."""
    envelope: str = ""
    """The newest manifest as it came: it is checked again whenever it is read."""
    kept: tuple[KeptPackage, ...] = ()
    installing: str = ""
    """The version that was to be installed when Corral ended last."""
    restoring: float = 0.0
    """When the copy of the data was made that was to be put back then, and was not as far as is
    known. Unix seconds; 0: none."""
    failure: str = ""
    """Why that was not done, in sentences; "" where it is not known."""
    replaced: float = 0.0
    """When the data was copied that an older state has replaced for it, Unix seconds; 0: none."""
    engine: str = ""
    """Id of the engine that was kept for the version that was to be installed."""
    planned: Planned | None = None
    """What is to be installed at the next end."""


class UpdateShelf:
    """The file, the packages beside it, and what they are to this program. For any thread."""

    def __init__(
        self,
        folder: Path,
        source: UpdateSource,
        program: Program,
        version: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.folder = folder
        self.source = source
        self.program = program
        self.version = version
        """The one that runs."""
        self.clock = clock
        self._path = folder / "memory.json"
        self._lock = threading.Lock()
        self._memory: UpdateMemory | None = None

    # -- the file

    def memory(self) -> UpdateMemory:
        """What is remembered; nothing where the file cannot be read now."""
        with self._lock:
            try:
                return self._load()
            except StorageError as error:
                log.warning("what is known of new versions cannot be read: %s", error)
                return UpdateMemory()

    def change(self, change: Callable[[UpdateMemory], UpdateMemory]) -> UpdateMemory:
        """Remember something else. Raises `StorageError`; nothing is changed then.

        `change` gets what the file holds by now: another Corral may have written it.
        """
        with self._lock, locked(self._path):
            known = self._memory or UpdateMemory()
            memory = change(load_json(self._path, UpdateMemory) or known)
            write_atomically(self._path, msgspec.json.format(msgspec.json.encode(memory)))
            self._memory = memory
            return memory

    def _load(self) -> UpdateMemory:
        if self._memory is None:
            self._memory = load_json(self._path, UpdateMemory) or UpdateMemory()
        return self._memory

    # -- the manifest

    def believe(self, data: bytes) -> None:
        """Check a manifest that came, and remember it. Raises `UpdateError` or `StorageError`."""
        manifest = self._read(data)

        def change(memory: UpdateMemory) -> UpdateMemory:
            seen = self._number_of(memory)
            if manifest.serial < seen:
                raise update_errors.replayed(manifest.serial, seen)
            return msgspec.structs.replace(
                memory, serial=manifest.serial, looked=self.clock(), envelope=data.decode()
            )

        self.change(change)

    def manifest(self) -> Manifest | None:
        """The one that is remembered, if it is still to be believed."""
        envelope = self.memory().envelope
        if not envelope:
            return None
        with contextlib.suppress(UpdateError):
            return self._read(envelope.encode())
        return None

    def _number_of(self, memory: UpdateMemory) -> int:
        """The highest number that was believed; 0 if it was signed with a key not trusted any more.

        Else whoever had stolen that key could shut out all lists to come by one large number.
        """
        if not memory.envelope:
            return memory.serial
        try:
            always = datetime.min.replace(tzinfo=UTC)
            return read_manifest(memory.envelope.encode(), self.source.by_id(), always).serial
        except UpdateError:
            return 0

    def _read(self, data: bytes) -> Manifest:
        now = datetime.fromtimestamp(self.clock(), UTC)
        return read_manifest(data, self.source.by_id(), now)

    # -- packages

    def package_of(self, release: Release) -> Package | None:
        """The one that this program can be replaced with."""
        program = self.program
        return package_for(release, program.system, program.machine, program.form)

    def kept(self, version: str) -> KeptPackage | None:
        """The package of a version that lies here; its content is checked by `whole`."""
        for kept in self.memory().kept:
            if kept.release.version == version and (self.folder / kept.name).is_file():
                return kept
        return None

    def is_here(self, version: str, package: Package) -> bool:
        """Whether just this package lies here, not one that was replaced by it since."""
        kept = self.kept(version)
        return kept is not None and kept.package.sha256 == package.sha256

    def whole(self, version: str) -> KeptPackage:
        """The same, once all of it was read and is what was signed for.

        Raises `UpdateError`; a file that is something else is deleted.
        """
        kept = self.kept(version)
        if kept is None:
            raise update_errors.changed_package(version)
        if not is_package(self.folder / kept.name, kept.package):
            (self.folder / kept.name).unlink(missing_ok=True)
            raise update_errors.changed_package(kept.name)
        return kept

    def keep(self, new: KeptPackage, planned: str = "") -> None:
        """Note a package that has come, and delete those that nobody needs any more.

        `planned` is the version that is to be installed.
        """

        def change(memory: UpdateMemory) -> UpdateMemory:
            rest = (each for each in memory.kept if each.release.version != new.release.version)
            known = [*rest, new]
            versions = sorted((each.release.version for each in known), key=numbers)
            older = [each.release.version for each in memory.kept if self.is_older(each.release)]
            before = sorted(older, key=numbers)[-1:]
            wanted = {new.release.version, planned, self.version, versions[-1], *before}
            kept = tuple(each for each in known if each.release.version in wanted)
            return msgspec.structs.replace(memory, kept=kept)

        names = {kept.name for kept in self.change(change).kept}
        for path in self.folder.glob("corral-*"):
            if path.name not in names:
                with contextlib.suppress(OSError):
                    path.unlink()

    def is_older(self, release: Release) -> bool:
        """Whether it is of before the version that runs."""
        return numbers(release.version) < numbers(self.version)
