"""The installed engines as people see them: those that can be used, and those that cannot."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from msgspec import Struct, structs

from app.core import engine_pack_errors
from app.core.engine_signature import is_signed
from app.core.installed_engines import KEPT, InstalledEngine, engine_folders, installed_engines
from backends.engine_folder import MANIFEST, SIGNATURE, check_files, read_manifest
from backends.errors import BackendError

Origin = Literal["program", "person", "kept", "package"]
"""Came with Corral; was added by the person; was kept when Corral was updated; is part of the
Python package."""


class EngineEntry(Struct, frozen=True):
    """One engine, or a folder that should be one."""

    key: str
    """What names it; the folder's name where it cannot be used."""
    name: str
    """For people."""
    origin: Origin
    folder: Path | None = None
    size: int = 0
    """Bytes on the disk."""
    version: str = ""
    accelerator: str = ""
    variants: tuple[str, ...] = ()
    """Its codes for the processor, the most cautious first."""
    signed: bool = False
    """Whether Corral's makers vouch for one that the person added."""
    problem: str = ""
    """Why it cannot be used, as a sentence."""

    @property
    def removable(self) -> bool:
        """Whether the person may remove it."""
        return self.origin in ("person", "kept")


def engine_entries(places: Sequence[Path], keys: Mapping[str, bytes]) -> tuple[EngineEntry, ...]:
    """All engines, the best first, then what cannot be used. Touches the disk.

    The last of `places` is the person's own; `keys` are those that are trusted, raw, by id.
    """
    usable = installed_engines(places)
    shown = {each.folder for each in usable}
    entries = [_entry(each, places[-1], keys) for each in usable]
    for place in places:
        others = (folder for folder in engine_folders(place) if folder not in shown)
        entries += [_unusable(folder, places[-1]) for folder in others]
    return tuple(entries)


def damaged(entries: Iterable[EngineEntry]) -> tuple[tuple[EngineEntry, str], ...]:
    """Engines whose files are not as they were made, and why. Reads all of them, 25 MB each."""
    found = []
    for entry in entries:
        if entry.folder is None:
            continue
        try:
            check_files(entry.folder, read_manifest(entry.folder), contents=True)
        except (BackendError, OSError) as error:
            found.append((entry, error.message if isinstance(error, BackendError) else f"{error}."))
    return tuple(found)


def entry_named(entries: Iterable[EngineEntry], key: str) -> EngineEntry:
    """The one of that name. Raises `NotFoundError`."""
    known = tuple(entries)
    found = next((each for each in known if each.key == key), None)
    if found is None:
        raise engine_pack_errors.unknown(key, [each.key for each in known])
    return found


def _entry(engine: InstalledEngine, own: Path, keys: Mapping[str, bytes]) -> EngineEntry:
    folder = engine.folder
    entry = EngineEntry(
        engine.key,
        engine.name,
        _origin(folder, own),
        folder,
        _size(folder),
        engine.version,
        engine.accelerator,
        engine.variants,
    )
    return _with_signature(entry, keys) if entry.origin == "person" else entry


def _with_signature(entry: EngineEntry, keys: Mapping[str, bytes]) -> EngineEntry:
    """Look whether the signature still stands; the keys may have been changed since."""
    if entry.folder is None or not keys:
        return entry
    try:
        raw = (entry.folder / MANIFEST).read_bytes()
        signature = (entry.folder / SIGNATURE).read_bytes()
    except OSError:
        return entry
    return structs.replace(entry, signed=is_signed(raw, signature, keys))


def _unusable(folder: Path, own: Path) -> EngineEntry:
    problem = "The same engine lies elsewhere, and that one is used."
    try:
        check_files(folder, read_manifest(folder))
    except (BackendError, OSError) as error:
        problem = error.message if isinstance(error, BackendError) else f"{error}."
    return EngineEntry(
        folder.name, folder.name, _origin(folder, own), folder, _size(folder), problem=problem
    )


def _origin(folder: Path | None, own: Path) -> Origin:
    if folder is None:
        return "package"
    if folder.parent != own:
        return "program"
    return "kept" if folder.name.startswith(KEPT) else "person"


def _size(folder: Path | None) -> int:
    if folder is None:
        return 0
    try:
        return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    except OSError:  # it is being removed
        return 0
