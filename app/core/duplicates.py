"""The same file twice on one disk: found by inode and checksum, made one by hard links."""

import contextlib
import logging
import os
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec import structs

from app.core.checksums import Broken, Cancelled, Moved, Progress, Sum, known_checksums
from app.core.errors import AppError, StorageError
from app.core.file_copies import same_content
from app.core.file_records import FileRecords
from app.core.files import may_be_linked, replace, storage_error
from app.core.library_types import LocalModel

log = logging.getLogger(__name__)

LEAST_SIZE = 1024**2
"""Bytes below which a file is not worth the work."""


@dataclass(frozen=True)
class Copy:
    """One of several files with the same content."""

    path: Path
    """Without links in it."""
    listed: Path
    """As the library has it."""
    model: str
    """Name of the model it belongs to, for people."""
    program: str
    """Whose file it is, where it is not Corral's."""
    ours: bool
    device: int
    inode: int
    mtime_ns: int
    names: int
    """Hard links to it."""
    linkable: bool
    """Whether the system lets this person give it another name."""
    replaceable: bool
    """Whether this person may write to its folder."""


@dataclass(frozen=True)
class Duplicate:
    """Files with the same content on one disk, which take its size several times."""

    sha256: str
    size: int
    """Bytes of one."""
    copies: tuple[Copy, ...]
    """At least two; the first is the one that stays: another program's, else the oldest.

    One that may not be linked stays only where none may.
    """

    def replaced(self, *, also_theirs: bool) -> tuple[Copy, ...]:
        """The copies that become names of the first one."""
        if not self.copies[0].linkable:
            return ()
        others = (each for each in self.copies[1:] if each.replaceable)
        return tuple(each for each in others if each.ours or also_theirs)

    def freed(self, *, also_theirs: bool) -> int:
        """Bytes that linking gives back: none for a file that has a further name somewhere."""
        return self.size * sum(each.names == 1 for each in self.replaced(also_theirs=also_theirs))


def find_duplicates(
    models: Iterable[LocalModel], records: FileRecords, progress: Progress, cancelled: Cancelled
) -> tuple[Duplicate, ...]:
    """All files of models that are more than once on a disk, the biggest first.

    The starter model is left out: its file belongs to an installed package.

    Only files of the same size are read, and only once: their checksums are remembered. Names of
    one file (hard or symbolic links) take no room and are no duplicates. Raises `Broken`.
    """
    by_size: dict[tuple[int, int], dict[int, Copy]] = defaultdict(dict)
    for model in models:
        for copy, size in _copies(model):
            same = by_size[copy.device, size]
            if copy.inode not in same or copy.ours:
                same[copy.inode] = copy
    groups = {key: list(same.values()) for key, same in by_size.items() if len(same) > 1}
    paths = [copy.path for copies in groups.values() for copy in copies]
    sums = known_checksums(paths, records, progress, cancelled)
    found = []
    for (_, size), copies in groups.items():
        by_sum: dict[str, list[Copy]] = defaultdict(list)
        for copy in copies:
            if copy.path in sums:
                by_sum[sums[copy.path]].append(copy)
        for sha256, alike in by_sum.items():
            if len(alike) > 1:
                ordered = sorted(alike, key=_order)
                found.append(Duplicate(sha256, size, tuple(ordered)))
    return tuple(sorted(found, key=lambda each: -each.size))


def _order(copy: Copy) -> tuple[bool, bool, int]:
    return not copy.linkable, copy.ours, copy.mtime_ns


def _copies(model: LocalModel) -> Iterable[tuple[Copy, int]]:
    if model.source in ("starter", "remote") or not model.present or model.variant_of:
        return
    for path in model.files:
        try:
            real = Path(os.path.realpath(path))
            stat = real.stat()
            linkable = may_be_linked(real)
        except OSError:
            continue
        if stat.st_size < LEAST_SIZE or not stat.st_ino:
            continue
        copy = Copy(
            real,
            path,
            model.name,
            model.program,
            not model.read_only and not path.is_symlink(),
            stat.st_dev,
            stat.st_ino,
            stat.st_mtime_ns,
            stat.st_nlink,
            linkable,
            os.access(real.parent, os.W_OK),
        )
        yield copy, stat.st_size


@dataclass(frozen=True)
class Linked:
    """What linking did."""

    freed: int
    """Bytes that became free."""
    problems: tuple[AppError, ...]
    """Why copies stayed as they were."""


def link_duplicates(
    duplicates: Sequence[Duplicate],
    records: FileRecords,
    progress: Progress,
    cancelled: Cancelled,
    *,
    also_theirs: bool,
) -> Linked:
    """Make the copies names of one file, each once both were read and found equal byte by byte.

    Files that are not Corral's are left alone unless the person agreed: `also_theirs`. Whatever
    happens, every name always leads to the whole content that it had. What was known of a copy
    is known of its name. Raises `Broken`; what was linked before stays so.
    """
    pairs = [(each, copy) for each in duplicates for copy in each.replaced(also_theirs=also_theirs)]
    moved = Sum(sum(each.size for each, _ in pairs), progress)
    freed, problems = 0, list[AppError]()
    for duplicate, copy in pairs:
        try:
            _link(duplicate, copy, records, moved, cancelled)
        except Broken:
            raise
        except AppError as error:
            log.warning("%s", error)
            problems.append(error)
        else:
            freed += duplicate.size if copy.names == 1 else 0
    return Linked(freed, tuple(problems))


def _link(
    duplicate: Duplicate, copy: Copy, records: FileRecords, moved: Moved, cancelled: Cancelled
) -> None:
    kept = duplicate.copies[0]
    try:
        same = same_content(kept.path, copy.path, moved, cancelled)
        # After they were read: what was written meanwhile is not lost.
        _check_unchanged(kept, duplicate.size)
        _check_unchanged(copy, duplicate.size)
        if same:
            known = records.of(copy.listed)
            _rename_link(kept.path, copy.path)
    except OSError as error:
        raise storage_error(f"{copy.path.name} was not linked", copy.path, error) from error
    if not same:
        for each in (kept, copy):
            records.doubt(each.path)
            records.doubt(each.listed)
        raise StorageError(
            f"{copy.path.name} was not linked",
            f"{kept.path} and {copy.path} were the same and are not now: one of them is damaged. "
            "Both are as they were.",
            "Verify the files of both models.",
        )
    if known is not None and (known.sha256 or known.origin):
        records.checked(copy.listed, structs.replace(known, mtime_ns=kept.mtime_ns))


def _check_unchanged(copy: Copy, size: int) -> None:
    stat = copy.path.stat()
    if (stat.st_size, stat.st_ino, stat.st_mtime_ns) != (size, copy.inode, copy.mtime_ns):
        raise StorageError(
            f"{copy.path.name} was not linked",
            f"{copy.path} has changed since it was looked at. It is as it was.",
            "Look for duplicates again.",
        )


def _rename_link(kept: Path, copy: Path) -> None:
    """A new name beside the copy takes its place in one step."""
    beside = copy.with_name(f".{uuid.uuid4().hex}.linking")
    try:
        os.link(kept, beside)
        replace(beside, copy)
    except OSError:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise
