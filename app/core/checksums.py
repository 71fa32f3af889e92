"""Checksums of big files: told how far they are, broken off at any time, remembered."""

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal

from msgspec import Struct, structs

from app.core.errors import AppError, ModelError
from app.core.file_records import FileRecord, FileRecords, ToldBy
from app.core.files import storage_error
from app.core.gguf import read_header
from app.core.gguf_validate import check_header
from app.core.transfer_hash import blob_digest

_PIECE = 4 * 1024**2

Progress = Callable[[int, int], object]
"""Gets bytes done and bytes in all."""
Moved = Callable[[int], object]
"""Gets the bytes of each piece that was read or written."""
Cancelled = Callable[[], bool]
Verdict = Literal["right", "wrong", "noted", "damaged", "gone"]
"""As told before; otherwise; nothing was told, and what it is now was noted; no whole model file
by its own header; not there."""


class Broken(AppError):
    """A check was broken off by whoever asked for it."""

    code = "broken_off"


class FileCheck(Struct, frozen=True):
    """What a check of one file found."""

    path: Path
    verdict: Verdict
    sha256: str = ""
    """What it has; where only git's hash was told and is another one, that hash."""
    expected: str = ""
    told_by: ToldBy = ""
    """Who told what it should have."""
    problem: str = ""
    """Why it is damaged, in words."""


def sha256_of(path: Path, moved: Callable[[int], object], cancelled: Cancelled) -> str:
    """The checksum of a file. Raises like `read_into`."""
    digest = hashlib.sha256()
    read_into(path, (digest,), moved, cancelled)
    return digest.hexdigest()


def read_into(
    path: Path,
    digests: Sequence["hashlib._Hash"],
    moved: Callable[[int], object],
    cancelled: Cancelled,
) -> None:
    """Read a file once into all digests; `moved` gets the bytes of each piece.

    Raises:
        Broken: `cancelled` said so.
        StorageError: the file cannot be read.
    """
    piece = bytearray(_PIECE)
    view = memoryview(piece)
    try:
        with path.open("rb", buffering=0) as file:
            while count := file.readinto(piece):
                for digest in digests:
                    digest.update(view[:count])
                moved(count)
                if cancelled():
                    raise Broken("The check was broken off")
    except OSError as error:
        raise storage_error(f"{path.name} could not be read", path, error) from error


class Sum:
    """Adds up pieces: a `Moved` that tells a `Progress`."""

    def __init__(self, total: int, progress: Progress) -> None:
        self._done, self._total, self._progress = 0, total, progress

    def __call__(self, count: int) -> None:
        """Tell of `count` more bytes."""
        self._done += count
        self._progress(self._done, self._total)


def known_checksums(
    paths: Iterable[Path], records: FileRecords, progress: Progress, cancelled: Cancelled
) -> dict[Path, str]:
    """The checksum of every file that can be read: remembered if its content was seen here.

    What others told of a file is not enough. What is worked out now is remembered. Raises `Broken`.
    """
    known = {path: records.of(path) for path in paths}
    here = {path: each for path, each in known.items() if each is not None}
    sums = {path: each.sha256 for path, each in here.items() if each.checked and each.sha256}
    lacking = {path: each for path, each in here.items() if path not in sums}
    moved = Sum(sum(each.size for each in lacking.values()), progress)
    for path, record in lacking.items():
        try:
            sums[path] = sha256_of(path, moved, cancelled)
        except Broken:
            raise
        except AppError:
            continue
        if record.sha256 in ("", sums[path]):
            records.checked(path, _noted(record, sums[path]))
    return sums


def verify(
    files: Sequence[Path], records: FileRecords, progress: Progress, cancelled: Cancelled
) -> tuple[FileCheck, ...]:
    """Read all files again and compare them with what was told of them.

    What is right is remembered with the time, and no longer what was right once and is not now.
    Raises `Broken`, or StorageError for a file that
    cannot be read.
    """
    known = {path: records.of(path) for path in files}
    moved = Sum(sum(each.size for each in known.values() if each is not None), progress)
    return tuple(_verify(path, known[path], records, moved, cancelled) for path in files)


def _verify(
    path: Path,
    record: FileRecord | None,
    records: FileRecords,
    moved: Callable[[int], object],
    cancelled: Cancelled,
) -> FileCheck:
    if record is None:
        return FileCheck(path, "gone")
    sha256, blob = hashlib.sha256(), blob_digest(record.size)
    read_into(path, (sha256, blob) if record.blob_sha1 else (sha256,), moved, cancelled)
    found = sha256.hexdigest()
    if record.sha256 and record.sha256 != found:
        records.doubt(path)
        return FileCheck(path, "wrong", found, record.sha256, record.told_by)
    if record.blob_sha1 and record.blob_sha1 != blob.hexdigest():
        records.doubt(path)
        return FileCheck(path, "wrong", blob.hexdigest(), record.blob_sha1, "hub")
    if problem := _damage(path):
        records.doubt(path)
        return FileCheck(path, "damaged", found, record.sha256, record.told_by, problem)
    records.checked(path, _noted(record, found))
    told = record.sha256 or record.blob_sha1
    return FileCheck(path, "right" if told else "noted", found, record.sha256, record.told_by)


def _damage(path: Path) -> str:
    """What its own header says against a GGUF file."""
    try:
        with path.open("rb") as file:
            if file.read(4) != b"GGUF":
                return ""
        check_header(read_header(path), path)
    except ModelError as error:
        return error.message or error.title
    except OSError as error:
        return str(error)
    return ""


def _noted(record: FileRecord, sha256: str) -> FileRecord:
    told_by = record.told_by or "here"
    return structs.replace(record, sha256=sha256, told_by=told_by, checked=time.time())
