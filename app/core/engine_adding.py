"""Puts an engine among the person's own, or takes one away: all of it or nothing.

It is unpacked beside the folder where engines are looked for, tried, and moved there in one step.
"""

import contextlib
import hashlib
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from app.core import engine_pack_errors as told
from app.core.checksums import Broken, Cancelled, Moved, Progress, Sum
from app.core.engine import EngineProcess
from app.core.engine_list import EngineEntry, engine_entries
from app.core.engine_packs import EnginePack, PackFiles, pack_files
from app.core.errors import AppError
from app.core.files import locked, replace, storage_error, sync_folder, sync_folders
from app.core.installed_engines import InstalledEngine, installed_engines
from backends.engine_folder import FOLDER_VARIABLE, MANIFEST, SIGNATURE, read_manifest
from backends.errors import BackendError

Trial = Callable[[Path], object]
"""Tries the engine in a folder; raises `EngineError`."""

_PIECE = 1024**2
_SPARE = 50_000_000
"""Bytes that stay free on the disk."""


def starts(folder: Path) -> None:
    """Run an engine for a moment. Raises `EngineError` for one that does not even start."""
    try:
        with EngineProcess("llamacpp", environment={FOLDER_VARIABLE: str(folder)}):
            pass
    except (BackendError, AppError) as error:
        why, detail = (
            (f"{error.title}. {error.message}".strip(), error.detail)
            if isinstance(error, AppError)
            else (error.message, error.detail)
        )
        raise told.does_not_start(read_manifest(folder).id, why, detail) from error


def add_engine(
    pack: EnginePack,
    places: Sequence[Path],
    progress: Progress,
    cancelled: Cancelled,
    trial: Trial = starts,
) -> InstalledEngine:
    """Unpack an engine into the last of `places`, the person's own; nothing of it stays on failure.

    The engine is program code, and is run by `trial`: whoever calls this has asked the person if
    nobody vouches for it. Raises `EngineError`, `StorageError`, or `Broken` where it was cancelled.
    """
    place = places[-1]
    with locked(place):
        _refuse_twice(pack, places)
        part = place.with_name(f"{place.name}.adding")  # where nobody looks for engines
        shutil.rmtree(part, ignore_errors=True)  # of one that was killed
        try:
            _check_room(pack, place.parent)
            part.mkdir()
            _unpack(pack, part, Sum(pack.size, progress), cancelled)
            trial(part)
            _go_on(cancelled)
            _put(part, place / pack.manifest.id)
        except OSError as error:
            raise storage_error("The engine could not be added", part, error) from error
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return next(each for each in installed_engines(places) if each.id == pack.manifest.id)


def remove_engine(entry: EngineEntry, places: Sequence[Path]) -> None:
    """Delete an engine that the person added.

    Raises `EngineError` for one that came with Corral or that runs, and `StorageError`.
    """
    folder, place = entry.folder, places[-1]
    if folder is None or folder.parent != place:
        raise told.with_the_program(entry.name)
    with locked(place):
        if folder.resolve() in folders_in_use():
            raise told.in_use(entry.name)
        aside = place.with_name(f"{place.name}.removing")
        shutil.rmtree(aside, ignore_errors=True)
        try:
            replace(folder, aside)
        except PermissionError as error:  # Windows does not let go of libraries that are open
            raise told.in_use(entry.name) from error
        except OSError as error:
            raise storage_error(f"{entry.name} was not removed", folder, error) from error
        shutil.rmtree(aside, ignore_errors=True)  # what cannot go now goes with the next one


def takes_choice(entry: EngineEntry, chosen: str, places: Sequence[Path]) -> bool:
    """Whether the choice of an engine that was just removed went with it.

    It did where that one was `chosen` and no other of its name is left. Touches the disk.
    """
    return entry.key == chosen and all(each.key != chosen for each in engine_entries(places, {}))


def folders_in_use() -> set[Path]:
    """Folders of the engines that this person's processes run, of whichever Corral."""
    found = set()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if told_folder := process.environ().get(FOLDER_VARIABLE):
                found.add(Path(told_folder).resolve())
    return found


def _refuse_twice(pack: EnginePack, places: Sequence[Path]) -> None:
    for engine in installed_engines(places):
        if engine.id == pack.manifest.id and engine.folder is not None:
            same = read_manifest(engine.folder) == pack.manifest
            raise told.here_already(engine.id, same=same)


def _check_room(pack: EnginePack, disk: Path) -> None:
    disk.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(disk).free
    if free < pack.size + _SPARE:
        raise told.no_room(_megabytes(pack.size), _megabytes(free))


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"


def _unpack(pack: EnginePack, part: Path, moved: Moved, cancelled: Cancelled) -> None:
    with pack_files(pack.path) as files:
        for name, digest in pack.manifest.files.items():
            target = part / name
            target.parent.mkdir(parents=True, exist_ok=True)
            size = pack.manifest.sizes[name]
            found = _copy(files, name, size, target, moved, cancelled)
            if found != digest:
                raise told.damaged(pack.path, f"{name} is not what its list says.")
            sync_folders(target.parent, part)
    (part / MANIFEST).write_bytes(pack.raw)  # as it was checked, whatever the file holds by now
    if pack.signature:
        (part / SIGNATURE).write_bytes(pack.signature)


def _copy(
    files: PackFiles, name: str, size: int, target: Path, moved: Moved, cancelled: Cancelled
) -> str:
    """Write one file, never more of it than was announced; its checksum."""
    left, digest = size, hashlib.sha256()
    with files.open(name) as reading, target.open("xb") as writing:
        while piece := reading.read(min(_PIECE, left)):
            left -= len(piece)
            digest.update(piece)
            writing.write(piece)
            moved(len(piece))
            _go_on(cancelled)
        writing.flush()
        os.fsync(writing.fileno())
    return digest.hexdigest()


def _go_on(cancelled: Cancelled) -> None:
    if cancelled():
        raise Broken("Adding the engine was broken off")


def _put(part: Path, target: Path) -> None:
    """Give the finished folder its name; what lies there cannot be used and makes room."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        aside = target.parent.with_name(f"{target.parent.name}.removing")
        shutil.rmtree(aside, ignore_errors=True)
        replace(target, aside)
        shutil.rmtree(aside, ignore_errors=True)
    replace(part, target)
    sync_folder(target.parent)
