"""What is known of model files besides their bytes: checksums, and where they came from.

Kept with the settings, as it cannot be found out again. By path. What was worked out here counts
only while the file has the size and time of writing it had then; what the hub told of a file stays,
to compare it with.
"""

import logging
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct, structs

from app.core.errors import StorageError
from app.core.files import locked, write_atomically
from app.core.kept_json import load_json
from app.core.library_hub_cache import commit_of
from app.core.variants import RepoFile

log = logging.getLogger(__name__)

_SHA256 = re.compile(r"(?:sha256-)?(?P<hex>[0-9a-f]{64})")

ToldBy = Literal["", "hub", "name", "here"]
"""Who told a sha256: the hub, the file's name in another program's store, or this computer."""


class Origin(Struct, frozen=True):
    """Where a downloaded model came from."""

    repo: str
    """ "owner/name"."""
    commit: str
    endpoint: str | None = None
    """Address of the hub; None is the usual one."""
    fetched: float = 0.0
    """Unix seconds."""


class FileRecord(Struct, frozen=True):
    """What is known of one file."""

    size: int
    mtime_ns: int
    sha256: str = ""
    """Empty where nobody told and nobody worked it out."""
    told_by: ToldBy = ""
    blob_sha1: str = ""
    """Git's hash of the file as the hub told it, which it does for small ones; else empty."""
    checked: float = 0.0
    """When the content was last seen to have this checksum, Unix seconds; 0 never here."""
    origin: Origin | None = None

    def is_of(self, size: int, mtime_ns: int) -> bool:
        """Whether the file is as it was."""
        return (self.size, self.mtime_ns) == (size, mtime_ns)


class FileRecords:
    """The records and their file. Thread-safe; all calls touch the disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._records: Mapping[str, FileRecord] | None = None

    def of(self, path: Path) -> FileRecord | None:
        """What is known of the file as it is now; None if it is not there.

        One from the hub that was written to since keeps what the hub told, but was not seen to be
        so. Stores of other programs name files by their checksums; that counts as told.
        """
        try:
            stat = path.stat()
        except OSError:
            return None
        with self._lock:
            kept = self._loaded().get(str(path))
        if kept is not None and kept.is_of(stat.st_size, stat.st_mtime_ns):
            return kept
        if kept is not None and (kept.told_by == "hub" or kept.origin is not None):
            size, time_ns = stat.st_size, stat.st_mtime_ns
            return structs.replace(kept, size=size, mtime_ns=time_ns, checked=0.0)
        record = FileRecord(stat.st_size, stat.st_mtime_ns)
        match = _SHA256.fullmatch(path.resolve().name)
        return structs.replace(record, sha256=match["hex"], told_by="name") if match else record

    def downloaded(self, files: Iterable[tuple[Path, RepoFile]], origin: Origin) -> None:
        """Keep where files came from, and the checksums they were found to have."""
        now = time.time()

        def change(records: dict[str, FileRecord]) -> None:
            for path, file in files:
                try:
                    stat = path.stat()
                except OSError:
                    continue
                records[str(path)] = FileRecord(
                    stat.st_size,
                    stat.st_mtime_ns,
                    sha256=file.sha256 or "",
                    told_by="hub" if file.sha256 else "",
                    blob_sha1=file.blob_sha1 or "",
                    checked=now if file.sha256 or file.blob_sha1 else 0.0,
                    origin=origin,
                )

        self._change(change)

    def paths_by_sha256(self) -> dict[str, Path]:
        """Where files with known checksums were when they were recorded; the disk is not asked."""
        with self._lock:
            kept = self._loaded()
            return {each.sha256: Path(path) for path, each in kept.items() if each.sha256}

    def downloaded_as(self, path: Path) -> tuple[int, int] | None:
        """Size and time of writing that a downloaded file had; the disk is not asked."""
        with self._lock:
            kept = self._loaded().get(str(path))
        return (kept.size, kept.mtime_ns) if kept is not None and kept.origin is not None else None

    def checked(self, path: Path, record: FileRecord) -> None:
        """Keep what a check found."""
        self._change(lambda records: records.update({str(path): record}))

    def doubt(self, path: Path) -> None:
        """What was told of a file stays, to compare with; but it was not seen to be so."""

        def change(records: dict[str, FileRecord]) -> None:
            if (record := records.get(str(path))) is not None:
                records[str(path)] = structs.replace(record, checked=0.0)

        self._change(change)

    def copied(self, pairs: Iterable[tuple[Path, Path]]) -> None:
        """Files are elsewhere too, with the same content and time of writing."""

        def change(records: dict[str, FileRecord]) -> None:
            for old, new in pairs:
                if (record := records.get(str(old))) is not None:
                    records[str(new)] = record
                else:
                    records.pop(str(new), None)

        self._change(change)

    def forget(self, paths: Iterable[Path]) -> None:
        """Files were deleted."""

        def change(records: dict[str, FileRecord]) -> None:
            for path in paths:
                records.pop(str(path), None)

        self._change(change)

    def _loaded(self) -> Mapping[str, FileRecord]:
        if self._records is None:
            try:
                self._records = self._read()
            except StorageError as error:  # looked for again the next time
                log.warning("what is known of model files is not known now: %s", error)
                return {}
        return self._records

    def _read(self) -> dict[str, FileRecord]:
        return load_json(self._path, dict[str, FileRecord]) or {}

    def _change(self, change: Callable[[dict[str, FileRecord]], object]) -> None:
        """Change and write; a failure costs only what is known, so it is just logged."""
        try:
            with self._lock, locked(self._path):
                records = self._read()
                before = dict(records)
                change(records)
                if records != before:
                    write_atomically(self._path, msgspec.json.encode(records))
                self._records = records
        except StorageError as error:
            log.warning("what is known of model files was not kept: %s", error)


def origin_of(path: Path, repo: str | None, record: FileRecord | None) -> Origin | None:
    """Where a file came from: by its record, else by where it lies."""
    if record is not None and record.origin is not None:
        return record.origin
    return Origin(repo, commit_of(path)) if repo else None
