"""Having the system open corral:// links with Corral, in the way of each system.

Linux: a desktop entry that names the scheme, and a line in mimeapps.list (freedesktop.org: Desktop
Entry specification; Association between MIME types and applications). The entry is that of the
menu where Corral was installed with one, else one of its own. Windows: a class below the
person's registry (Microsoft: Registering an Application to a URI Scheme). On macOS only a bundle
can do so, by its Info.plist.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from app.core.corral_links import SCHEME
from app.core.errors import StorageError
from app.core.files import storage_error, write_atomically
from app.core.mime_defaults import (
    DEFAULTS,
    REMOVED,
    DesktopFolders,
    claims,
    default_application,
)
from app.core.start_at_login import own_program, quoted

_TITLE = "Links are not opened with Corral"
_ENTRY = "corral-links.desktop"
_OF_MENU = "org.corral.Corral.desktop"
"""What packages and `install.sh` bring."""
_TYPE = f"x-scheme-handler/{SCHEME}"
_CLASS = rf"Software\Classes\{SCHEME}"


def can_open_links() -> bool:
    """Whether this system lets a program say so by itself."""
    return sys.platform != "darwin"


def opens_links(home: Path | None = None) -> bool:
    """Whether the system opens links with Corral. Touches the disk or the registry."""
    if sys.platform == "win32":
        return _registered()
    folders = DesktopFolders.of(home or Path.home())
    return default_application(_TYPE, folders) in (_ENTRY, _OF_MENU)


def set_opens_links(
    on: bool, command: Sequence[str] | None = None, home: Path | None = None
) -> None:
    """Have the system open links with Corral, or not any more. Raises StorageError."""
    command = tuple(command or own_program())
    if sys.platform == "win32":
        _register(command, on=on)
        return
    home = home or Path.home()
    folders = DesktopFolders.of(home)
    of_menu = claims(_TYPE, _OF_MENU, folders)
    entry, choices = _entry_file(home), _choices_file(home)
    if on and not of_menu:
        write_atomically(entry, _desktop_entry(command))
    before = _read(choices)
    lines = _changed(before, DEFAULTS, _OF_MENU if of_menu else _ENTRY, listed=on)
    lines = _changed(lines, REMOVED, _OF_MENU, listed=of_menu and not on)
    if lines != before:
        write_atomically(choices, "".join(f"{line}\n" for line in lines).encode())
    if not on or of_menu:
        try:
            entry.unlink(missing_ok=True)
        except OSError as error:
            raise storage_error("Links are still opened with Corral", entry, error) from error
    if opens_links(home) == on:
        return
    if on:
        raise StorageError(
            _TITLE,
            "A list of your desktop or of its administrator names another program.",
            "Choose Corral for corral:// links in the settings of your desktop.",
        )
    raise StorageError(
        "Links are still opened with Corral",
        "A list of this system says so, which belongs to its administrator.",
        "Choose another program for corral:// links in the settings of your desktop.",
    )


def _entry_file(home: Path) -> Path:
    return _folder("XDG_DATA_HOME", home / ".local" / "share") / "applications" / _ENTRY


def _choices_file(home: Path) -> Path:
    return _folder("XDG_CONFIG_HOME", home / ".config") / "mimeapps.list"


def _folder(variable: str, usual: Path) -> Path:
    chosen = os.environ.get(variable, "")
    return Path(chosen) if os.path.isabs(chosen) else usual


def _desktop_entry(command: Sequence[str]) -> bytes:
    lines = (
        "[Desktop Entry]",
        "Type=Application",
        "Name=Corral",
        "Comment=Language models on this computer",
        f"Exec={' '.join(map(quoted, command))} %u",
        "Icon=org.corral.Corral",
        "Terminal=false",
        "NoDisplay=true",
        f"MimeType={_TYPE};",
    )
    return ("\n".join(lines) + "\n").encode()


def _read(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:  # what is in it must not be lost
        raise StorageError(_TITLE, f"{file} cannot be read: {error}.") from error


def _changed(lines: Sequence[str], section: str, entry: str, *, listed: bool) -> list[str]:
    """The person's list with an entry of ours first in a section, or with none; all else stays."""
    kept, now, others = list[str](), "", list[str]()
    for line in lines:
        now = line.strip() if line.startswith("[") else now
        named, _, values = line.partition("=")
        entries = [each.strip() for each in values.split(";") if each.strip()]
        left = [each for each in entries if each not in (_ENTRY, _OF_MENU)]
        if now != f"[{section}]" or named.strip() != _TYPE or not (listed or left != entries):
            kept.append(line)
        else:
            others += left
    wanted = [entry, *others] if listed else others
    if not wanted:
        return kept
    if f"[{section}]" not in kept:
        kept += ["", f"[{section}]"] if kept else [f"[{section}]"]
    kept.insert(kept.index(f"[{section}]") + 1, f"{_TYPE}={';'.join(wanted)}")
    return kept


def _class_command(command: Sequence[str]) -> str:
    """What opens a link, spelled like Setup does it."""
    return " ".join(f'"{word}"' for word in (*command, "%1"))


def _registered(command: Sequence[str] = ()) -> bool:
    """Whether links are opened by `command`, that of this program without one."""
    if sys.platform != "win32":
        return False
    import winreg

    try:
        with winreg.OpenKey(winreg.HKEY_CURRENT_USER, rf"{_CLASS}\shell\open\command") as key:
            value, _kind = winreg.QueryValueEx(key, "")
    except OSError:
        return False
    return str(value).casefold() == _class_command(command or own_program()).casefold()


def _register(command: Sequence[str], *, on: bool) -> None:
    if sys.platform != "win32":
        return
    import winreg

    def put(path: str, name: str, value: str) -> None:
        with winreg.CreateKey(winreg.HKEY_CURRENT_USER, path) as key:
            winreg.SetValueEx(key, name, 0, winreg.REG_SZ, value)

    def delete(path: str) -> None:  # Windows deletes no key that has others below it
        with winreg.OpenKey(winreg.HKEY_CURRENT_USER, path) as key:
            count, *_rest = winreg.QueryInfoKey(key)
            below = [winreg.EnumKey(key, number) for number in range(count)]
        for name in below:
            delete(rf"{path}\{name}")
        winreg.DeleteKey(winreg.HKEY_CURRENT_USER, path)

    try:
        if on:
            put(_CLASS, "", "URL:Corral")
            put(_CLASS, "URL Protocol", "")
            put(rf"{_CLASS}\shell\open\command", "", _class_command(command))
        elif _registered(command):
            delete(_CLASS)
    except OSError as error:
        raise StorageError(_TITLE, f"The system says: {error}.") from error
