"""The same file twice on one disk: found by inode and checksum, made one by hard links."""

import contextlib
import os
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.core.checksums import Cancelled, Progress, known_checksums
from app.core.errors import StorageError
from app.core.file_records import FileRecords
from app.core.files import replace, storage_error
from app.core.library_types import LocalModel

LEAST_SIZE = 1024**2
"""Bytes below which a file is not worth the work."""


@dataclass(frozen=True)
class Copy:
    """One of several files with the same content."""

    path: Path
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


@dataclass(frozen=True)
class Duplicate:
    """Files with the same content on one disk, which take its size several times."""

    sha256: str
    size: int
    """Bytes of one."""
    copies: tuple[Copy, ...]
    """At least two; the first is the one that stays: another program's, else the oldest."""

    def replaced(self, *, also_theirs: bool) -> tuple[Copy, ...]:
        """The copies that become names of the first one."""
        return tuple(each for each in self.copies[1:] if each.ours or also_theirs)

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
        for sha256, same_content in by_sum.items():
            if len(same_content) > 1:
                ordered = sorted(same_content, key=lambda each: (each.ours, each.mtime_ns))
                found.append(Duplicate(sha256, size, tuple(ordered)))
    return tuple(sorted(found, key=lambda each: -each.size))


def _copies(model: LocalModel) -> Iterable[tuple[Copy, int]]:
    if model.source in ("starter", "remote") or not model.present or model.variant_of:
        return
    for path in model.files:
        try:
            real = Path(os.path.realpath(path))
            stat = real.stat()
        except OSError:
            continue
        if stat.st_size < LEAST_SIZE or not stat.st_ino:
            continue
        copy = Copy(
            real,
            model.name,
            model.program,
            not model.read_only and not path.is_symlink(),
            stat.st_dev,
            stat.st_ino,
            stat.st_mtime_ns,
            stat.st_nlink,
        )
        yield copy, stat.st_size


def link_duplicates(duplicates: Sequence[Duplicate], *, also_theirs: bool) -> int:
    """Make the copies names of one file; bytes that became free.

    Files that are not Corral's are left alone unless the person agreed: `also_theirs`. Whatever
    happens, every name always leads to the whole content. Raises StorageError, also for a file
    that has changed since it was read.
    """
    freed = 0
    for each in duplicates:
        kept = each.copies[0]
        _check_unchanged(kept, each.size)
        for copy in each.replaced(also_theirs=also_theirs):
            _check_unchanged(copy, each.size)
            _link(kept.path, copy.path)
        freed += each.freed(also_theirs=also_theirs)
    return freed


def _check_unchanged(copy: Copy, size: int) -> None:
    try:
        stat = copy.path.stat()
    except OSError as error:
        raise storage_error("The copies were not linked", copy.path, error) from error
    if (stat.st_size, stat.st_ino, stat.st_mtime_ns) != (size, copy.inode, copy.mtime_ns):
        raise StorageError(
            "The copies were not linked",
            f"{copy.path} has changed since it was looked at. It is as it was.",
            "Look for duplicates again.",
        )


def _link(kept: Path, copy: Path) -> None:
    """A new name beside the copy takes its place in one step."""
    beside = copy.with_name(f".{uuid.uuid4().hex}.linking")
    try:
        os.link(kept, beside)
        replace(beside, copy)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise storage_error(f"{copy.name} was not linked", copy, error) from error
