"""The files of one model, as they were found on the disk."""

from dataclasses import dataclass
from pathlib import Path

from app.core.library_types import Source

Fingerprint = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class Found:
    """The files of one model on the disk."""

    path: Path
    """What an engine opens."""
    files: tuple[Path, ...]
    """Of the model, split parts in order."""
    companions: tuple[Path, ...]
    """Vision projectors in the same folder, and adapters that Ollama's registry has for it."""
    root: Path
    source: Source
    missing: tuple[str, ...] = ()
    """Names of split parts that are not there."""
    program: str = ""
    """The other program whose folder it lies in, for people."""
    title: str = ""
    """What that program calls it; empty where files and header tell the name."""
    repo: str | None = None
    """"owner/name" on the hub, where the folders of that program tell it."""
    folder_name: str = ""
    """What its folder is called for people, where its real name says nothing."""
    key: str = ""
    """What stays the same when that program updates the file; its path if empty."""

    half_named: bool = False
    """Some of its files may be of another version than the rest: an update was broken off."""

    def fingerprint(self) -> Fingerprint:
        """Changes whenever a file does: (path, bytes, time of the last write in ns).

        Ends with what the entry says besides its files.
        """
        stats = ((path, path.stat()) for path in (*self.files, *self.companions))
        files = tuple((str(path), stat.st_size, stat.st_mtime_ns) for path, stat in stats)
        if self.half_named:
            files = (*files, ("half named", 0, 0))
        told = "|".join((self.source, self.program, self.title, self.repo or "", self.key))
        return (*files, (told, 0, 0)) if self.program else files
