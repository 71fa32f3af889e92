"""Which application a Linux desktop opens a kind of file or link with, read from its files.

freedesktop.org: Association between MIME types and applications, version 1.0.1. Lists of choices
(mimeapps.list) come first, the person's before the system's; then whatever installed application
says that it opens the type, as far as no list takes that back.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct

DEFAULTS, ADDED, REMOVED = "Default Applications", "Added Associations", "Removed Associations"
_CACHE = ("mimeinfo.cache", "MIME Cache")


class DesktopFolders(Struct, frozen=True):
    """Where choices and applications are looked for, those that count most first."""

    choices: tuple[Path, ...]
    """Folders of lists alone."""
    data: tuple[Path, ...]
    """Folders with `applications` in them, which may hold a list as well."""
    desktops: tuple[str, ...] = ()
    """Names of the desktop that runs, in lower case; each may have lists of its own."""

    @classmethod
    def of(cls, home: Path, env: Mapping[str, str] = os.environ) -> "DesktopFolders":
        """Those of a person."""

        def folders(own: str, usual: Path, others: str, rest: str) -> tuple[Path, ...]:
            named = [env.get(own, "") or str(usual), *(env.get(others, "") or rest).split(":")]
            return tuple(Path(each) for each in named if os.path.isabs(each))

        desktops = env.get("XDG_CURRENT_DESKTOP", "").lower().split(":")
        return cls(
            folders("XDG_CONFIG_HOME", home / ".config", "XDG_CONFIG_DIRS", "/etc/xdg"),
            folders(
                *("XDG_DATA_HOME", home / ".local" / "share"),
                *("XDG_DATA_DIRS", "/usr/local/share:/usr/share"),
            ),
            tuple(filter(None, desktops)),
        )

    def lists(self, folder: Path) -> Iterator[Path]:
        """The files in a folder that may hold choices."""
        yield from (folder / f"{desktop}-mimeapps.list" for desktop in self.desktops)
        yield folder / "mimeapps.list"

    def applications(self) -> tuple[Path, ...]:
        """The folders of desktop entries."""
        return tuple(each / "applications" for each in self.data)


def default_application(mime: str, folders: DesktopFolders) -> str:
    """The desktop entry that opens a type; "" where none does. Files that cannot be read are none.

    Many small files may be looked at, never programs asked.
    """
    places = (*folders.choices, *folders.applications())
    for place in places:
        for file in folders.lists(place):
            for entry in named_in(file, DEFAULTS, mime):
                if is_installed(entry, folders):
                    return entry
    return next(_associated(mime, folders), "")


def claims(mime: str, entry: str, folders: DesktopFolders) -> bool:
    """Whether an installed desktop entry says by itself that it opens a type."""
    return any(entry in _claiming(folder, mime) for folder in folders.applications())


def is_installed(entry: str, folders: DesktopFolders) -> bool:
    """Whether there is such a desktop entry; a hyphen in its name may stand for a folder."""
    names = (entry, entry.replace("-", "/", 1))
    return any((folder / name).is_file() for folder in folders.applications() for name in names)


def named_in(file: Path, section: str, key: str) -> tuple[str, ...]:
    """What a file of this kind lists for a key in one of its sections."""
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ()
    now = ""
    for line in lines:
        if line.startswith("["):
            now = line.strip().strip("[]")
        elif now == section:
            name, _, values = line.partition("=")
            if name.strip() == key:
                return tuple(filter(None, (each.strip() for each in values.split(";"))))
    return ()


def _associated(mime: str, folders: DesktopFolders) -> Iterator[str]:
    """Applications that open a type, the preferred ones first."""
    removed = set[str]()
    for place in (*folders.choices, *folders.applications()):
        added = list[str]()
        taken = set[str]()
        for file in folders.lists(place):
            added += named_in(file, ADDED, mime)
            taken |= set(named_in(file, REMOVED, mime))
        if place in folders.applications():
            added += _claiming(place, mime)
        removed |= taken
        for entry in added:
            if entry not in removed and is_installed(entry, folders):
                yield entry


def _claiming(folder: Path, mime: str) -> tuple[str, ...]:
    """The entries of a folder that name a type: by its cache, without one by themselves."""
    cache = folder / _CACHE[0]
    if cache.is_file():
        return named_in(cache, _CACHE[1], mime)
    return tuple(
        sorted(
            file.name
            for file in folder.glob("*.desktop")
            if mime in named_in(file, "Desktop Entry", "MimeType")
        )
    )
