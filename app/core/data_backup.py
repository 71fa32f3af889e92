"""Dated copies of chats, presets and settings, made before their format changes.

A copy is a folder `backups/2026-11-28T17-05-00` beside the data, there entirely or not at all. The
newest few are kept. To restore one, what it replaces is copied first, so that it can be undone; as
that may be the only copy of the newest chats, nobody but the person deletes it. The database is
copied by SQLite itself, both ways: other programs that have it open see one state or the other.
"""

import contextlib
import logging
import os
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec import Struct

import app
from app.core.database import described
from app.core.errors import StorageError
from app.core.files import storage_error, sync_folder, write_atomically

log = logging.getLogger(__name__)

KEPT = 3
"""Copies that were made before changes of the format, of one database; older ones are deleted."""
DATABASE = "conversations.db"
SETTINGS = "settings.json"
PRESETS = "presets"
_ABOUT = "backup.json"
_UNFINISHED = ".unfinished-"


class _About(Struct, frozen=True):
    """What lies in a copy beside the data."""

    made: float
    """Unix seconds."""
    program: str
    """The version of Corral that made it, just before it changed the format."""
    database: str = ""
    """Name of the file; "" where there is none in it."""
    schema: int = 0
    """The format of the database (`PRAGMA user_version`)."""
    chats: int = 0
    sources: dict[str, tuple[int, int]] = {}
    """When each file was written last (nanoseconds) and its size, just before it was copied."""
    replaced: bool = False
    """Whether it holds what another copy has replaced."""


class Backup(Struct, frozen=True):
    """A copy that can be restored."""

    folder: Path
    made: float
    """Unix seconds."""
    program: str
    database: str
    schema: int
    chats: int
    """How many are in it."""
    size: int
    """Bytes."""
    replaced: bool = False
    """Whether it holds what another copy has replaced: only a person deletes it."""


def back_up(data: Path, database: str = DATABASE) -> Backup | None:
    """Copy the database and what lies beside it; None where there is nothing to copy.

    With "" the settings and presets alone. Where a copy is of just these files, that is the answer.
    Older copies that were made so are deleted beyond `KEPT`.

    Raises `StorageError`.
    """
    before = backups(data)
    made = _back_up(data, database)
    # By a clock that was wrong others may seem newer: the new one stays whatever it says.
    others = [each for each in before if each.database == database and not each.replaced]
    if made is not None and made not in before:
        for each in others[KEPT - 1 :]:
            delete(each)
    return made


def _back_up(data: Path, database: str, *, replaced: bool = False) -> Backup | None:
    sources = [path for path in _sources(data, database) if path.exists()]
    if not sources:
        return None
    if (same := _copy_of(data, database, sources)) is not None:
        return _as_replaced(same) if replaced else same
    root = data / "backups"
    now = datetime.now()
    folder = _free_name(root / now.strftime("%Y-%m-%dT%H-%M-%S"))
    unfinished = root / f"{_UNFINISHED}{folder.name}-{os.getpid()}"
    try:
        unfinished.mkdir(parents=True)
        stamps = _stamps(data, sources)
        about = _copy(data, database, unfinished, now.timestamp())
        about = msgspec.structs.replace(about, sources=stamps, replaced=replaced)
        write_atomically(unfinished / _ABOUT, msgspec.json.encode(about))
        unfinished.rename(folder)
        sync_folder(root)
    except OSError as error:
        raise storage_error("The data could not be copied", folder, error) from error
    except sqlite3.Error as error:
        raise described(error) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    made = _read(folder)
    if made is None:
        raise StorageError("The data could not be copied", f"{folder} cannot be read.")
    return made


def _as_replaced(backup: Backup) -> Backup:
    """The same copy, which nobody but the person deletes from now on."""
    about = _about(backup.folder)
    if about is not None and not about.replaced:
        about = msgspec.structs.replace(about, replaced=True)
        write_atomically(backup.folder / _ABOUT, msgspec.json.encode(about))
    return _read(backup.folder) or backup


def backups(data: Path) -> tuple[Backup, ...]:
    """The copies there are, the newest first."""
    root = data / "backups"
    folders = root.iterdir() if root.is_dir() else ()
    found = filter(None, map(_read, folders))
    return tuple(sorted(found, key=lambda each: each.made, reverse=True))


def restore(data: Path, backup: Backup) -> Backup | None:
    """Put the data back as it was, once what it replaces is copied too; answers that copy.

    Nobody may be writing. None where there was nothing to replace.
    Raises `StorageError`; the data is then as it was, or as it was copied.
    """
    if not (backup.folder / (backup.database or _ABOUT)).is_file():
        raise StorageError("The copy could not be put back", f"{backup.folder} is not whole.")
    replaced = _back_up(data, backup.database, replaced=True)
    try:
        if backup.database:
            _copy_database(backup.folder / backup.database, data / backup.database)
        if (backup.folder / SETTINGS).is_file():
            write_atomically(data / SETTINGS, (backup.folder / SETTINGS).read_bytes())
        if (backup.folder / PRESETS).is_dir():
            shutil.copytree(backup.folder / PRESETS, data / PRESETS, dirs_exist_ok=True)
            _drop_others(data / PRESETS, backup.folder / PRESETS)
    except OSError as error:
        raise storage_error("The copy could not be put back", data, error) from error
    except sqlite3.Error as error:
        raise described(error) from error
    log.info("the data is as it was at %s", backup.folder.name)
    return replaced


def delete(backup: Backup) -> None:
    """Forget a copy."""
    shutil.rmtree(backup.folder, ignore_errors=True)


def usable_by(data: Path, schema: int) -> Backup | None:
    """The newest copy that a program with this format of the database can read."""
    fitting = (each for each in backups(data) if each.database and each.schema <= schema)
    return next(fitting, None)


def _sources(data: Path, database: str) -> Iterator[Path]:
    if database:
        yield data / database
        yield data / f"{database}-wal"
    yield data / SETTINGS
    if (data / PRESETS).is_dir():
        yield from (data / PRESETS).glob("*.json")


def _copy_of(data: Path, database: str, sources: list[Path]) -> Backup | None:
    """The copy that was made of just these files.

    Being younger than they are is not enough: the clock may have been set back since.
    """
    stamps = _stamps(data, sources)
    last_change = max((changed for changed, _ in stamps.values()), default=0) / 1e9
    for backup in backups(data):
        if backup.database == database and last_change < backup.made:
            about = _about(backup.folder)
            if about is not None and about.sources == stamps:
                return backup
    return None


def _stamps(data: Path, sources: list[Path]) -> dict[str, tuple[int, int]]:
    stamps = {}
    for path in sources:
        with contextlib.suppress(FileNotFoundError):  # a journal that was just finished
            status = path.stat()
            stamps[path.relative_to(data).as_posix()] = (status.st_mtime_ns, status.st_size)
    return stamps


def _copy(data: Path, database: str, target: Path, made: float) -> _About:
    schema = chats = 0
    found = bool(database) and (data / database).is_file()
    if found:
        _copy_database(data / database, target / database)
        schema, chats = _facts(target / database)
    if (data / SETTINGS).is_file():
        shutil.copy2(data / SETTINGS, target / SETTINGS)
    if (data / PRESETS).is_dir():
        shutil.copytree(data / PRESETS, target / PRESETS)
    return _About(made, app.__version__, database if found else "", schema, chats)


def _copy_database(source: Path, target: Path) -> None:
    """The whole database in one step, over another one too."""
    with (
        contextlib.closing(sqlite3.connect(source)) as reading,
        contextlib.closing(sqlite3.connect(target)) as writing,
    ):
        reading.backup(writing)


def _facts(database: Path) -> tuple[int, int]:
    """Its format, and how many chats are in it."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        schema = int(connection.execute("PRAGMA user_version").fetchone()[0])
        try:
            query = "SELECT count(*) FROM conversations WHERE deleted IS NULL"
            chats = int(connection.execute(query).fetchone()[0])
        except sqlite3.OperationalError:  # there is no such table
            chats = 0
    return schema, chats


def _about(folder: Path) -> _About | None:
    try:
        return msgspec.json.decode((folder / _ABOUT).read_bytes(), type=_About)
    except (OSError, msgspec.DecodeError):
        return None


def _read(folder: Path) -> Backup | None:
    about = None if folder.name.startswith(_UNFINISHED) else _about(folder)
    if about is None:
        return None
    try:
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    except OSError:
        return None
    return Backup(
        folder,
        about.made,
        about.program,
        about.database,
        about.schema,
        about.chats,
        size,
        about.replaced,
    )


def _free_name(folder: Path) -> Path:
    name, number = folder, 1
    while name.exists():
        number += 1
        name = folder.with_name(f"{folder.name}-{number}")
    return name


def _drop_others(folder: Path, like: Path) -> None:
    """Delete the presets that are not in the other folder."""
    kept = {path.name for path in like.iterdir()}
    for path in folder.glob("*.json"):
        if path.name not in kept:
            path.unlink()
