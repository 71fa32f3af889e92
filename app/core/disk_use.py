"""How full the disks are that models lie on, and which folder takes how much."""

import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.core.library_types import LocalModel


@dataclass(frozen=True)
class RootUse:
    """A folder of models on a disk."""

    name: str
    """For people; empty for models that lie in none of the folders."""
    path: Path
    size: int
    """Bytes of its models; two names of one file count once."""


@dataclass(frozen=True)
class DiskUse:
    """Bytes of one disk."""

    path: Path
    """A folder on it."""
    roots: tuple[RootUse, ...]
    """Those with models, the biggest first, but for the models folder, which comes first."""
    other: int
    """What is no model."""
    free: int
    total: int


def size_of_models(models: Iterable[LocalModel]) -> int:
    """Bytes of models with their companions. Asks no disk.

    Each file counts once: neither a variant, nor a second name of a file, nor a shared projector
    adds any.
    """
    sizes: dict[Path, int] = {}
    for model in models:
        if not (model.variant_of or model.same_file_as):
            sizes |= model.file_sizes_by_path()
    return sum(sizes.values())


def disk_uses(
    folder: tuple[str, Path], others: Sequence[tuple[str, Path]], models: Iterable[LocalModel]
) -> tuple[DiskUse, ...]:
    """Look at the disks of the models folder and of other folders, each with its name.

    The disk of the models folder comes first; what is away is left out. Touches the disks.
    """
    roots = [folder, *others]
    sizes: dict[tuple[int, int], int] = {}
    places: dict[int, Path] = {}
    seen: set[tuple[int, int]] = set()
    own = _place(folder[1])
    if own is not None:
        places[own[0]] = own[1]
    for model in models:
        if model.is_remote or not model.present or model.variant_of:
            continue
        root = _root_of(model.path, roots)
        for path in model.files:
            try:
                stat = path.stat()
            except OSError:
                continue
            places.setdefault(stat.st_dev, path.parent)
            identity = (stat.st_dev, stat.st_ino)
            if identity not in seen:
                seen.add(identity)
                key = (stat.st_dev, root)
                sizes[key] = sizes.get(key, 0) + stat.st_size
    found = (_disk(device, place, roots, sizes) for device, place in places.items())
    return tuple(disk for disk in found if disk is not None)


def _place(folder: Path) -> tuple[int, Path] | None:
    """Device of a folder that is or will be there."""
    place = next((each for each in (folder, *folder.parents) if os.path.isdir(each)), None)
    try:
        return (place.stat().st_dev, place) if place is not None else None
    except OSError:
        return None


def _root_of(path: Path, roots: Sequence[tuple[str, Path]]) -> int:
    """Which of the roots holds a path; -1 for none."""
    return next((at for at, (_, root) in enumerate(roots) if path.is_relative_to(root)), -1)


def _disk(
    device: int,
    place: Path,
    roots: Sequence[tuple[str, Path]],
    sizes: dict[tuple[int, int], int],
) -> DiskUse | None:
    try:
        usage = shutil.disk_usage(place)
    except OSError:
        return None
    here = {at: size for (disk, at), size in sizes.items() if disk == device}
    ordered = sorted(here, key=lambda at: (at != 0, at == -1, -here[at]))
    uses = tuple(RootUse(*(roots[at] if at >= 0 else ("", place)), here[at]) for at in ordered)
    taken = usage.total - usage.free
    return DiskUse(place, uses, max(0, taken - sum(here.values())), usage.free, usage.total)
