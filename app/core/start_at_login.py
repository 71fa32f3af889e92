"""Starting Corral when the person logs in, in the way of each system.

Linux: a desktop entry in the autostart folder (XDG Autostart specification). macOS: a launch agent.
Windows: a value below the Run key of the person's registry.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from app.core.appimage import appimage_file
from app.core.errors import StorageError
from app.core.files import storage_error, write_atomically

IN_TRAY = "--in-tray"
"""What the program is started with then: no window, only the icon in the tray."""
_TITLE = "Corral cannot be started at login"
_RUN_KEY = r"Software\Microsoft\Windows\CurrentVersion\Run"
_LABEL = "org.corral.Corral"


def own_program() -> tuple[str, ...]:
    """What starts this very program: the frozen one, or the interpreter with the package."""
    if getattr(sys, "frozen", False):
        # An AppImage unpacks the program anew each time; what lasts is its one file.
        return (appimage_file() or str(_without_console(Path(sys.executable))),)
    return (sys.executable, "-P", "-m", "app")


def own_command() -> tuple[str, ...]:
    """The same, without a window."""
    return (*own_program(), IN_TRAY)


def _without_console(program: Path) -> Path:
    """On Windows two programs are installed: for terminals, and one that opens no console."""
    beside = program.with_name("corralw.exe")
    return beside if sys.platform == "win32" and beside.exists() else program


def starts_at_login(home: Path | None = None) -> bool:
    """Whether the system will start it. Touches the disk or the registry."""
    if sys.platform == "win32":
        return _registered()
    return _entry_file(home or Path.home()).exists()


def set_starts_at_login(
    on: bool, command: Sequence[str] | None = None, home: Path | None = None
) -> None:
    """Have the system start it, or not any more. Raises StorageError."""
    command = tuple(command or own_command())
    if sys.platform == "win32":
        _register(command if on else None)
        return
    file = _entry_file(home or Path.home())
    if on:
        text = _launch_agent(command) if sys.platform == "darwin" else _desktop_entry(command)
        write_atomically(file, text)
        return
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        raise storage_error("Corral is still started at login", file, error) from error


def _entry_file(home: Path) -> Path:
    if sys.platform == "darwin":
        return home / "Library/LaunchAgents" / f"{_LABEL}.plist"
    config = os.environ.get("XDG_CONFIG_HOME", "")
    folder = Path(config) if os.path.isabs(config) else home / ".config"
    return folder / "autostart" / "corral.desktop"


def _desktop_entry(command: Sequence[str]) -> bytes:
    lines = (
        "[Desktop Entry]",
        "Type=Application",
        "Name=Corral",
        "Comment=Language models on this computer",
        f"Exec={' '.join(map(quoted, command))}",
        f"Icon={_LABEL}",
        "Terminal=false",
        "X-GNOME-Autostart-enabled=true",
    )
    return ("\n".join(lines) + "\n").encode()


def quoted(word: str) -> str:
    """A word of an Exec line, by the Desktop Entry specification."""
    for character in ("\\", '"', "`", "$"):
        word = word.replace(character, "\\" + character)
    return '"' + word.replace("\\", "\\\\").replace("%", "%%") + '"'


def _launch_agent(command: Sequence[str]) -> bytes:
    import plistlib  # the start of the program knows this module, and needs none of it

    return plistlib.dumps({"Label": _LABEL, "ProgramArguments": list(command), "RunAtLoad": True})


def _registered() -> bool:
    if sys.platform != "win32":
        return False
    import winreg

    try:
        with winreg.OpenKey(winreg.HKEY_CURRENT_USER, _RUN_KEY) as key:
            winreg.QueryValueEx(key, "Corral")
    except OSError:
        return False
    return True


def _register(command: Sequence[str] | None) -> None:
    if sys.platform != "win32":
        return
    import subprocess
    import winreg

    try:
        with winreg.CreateKey(winreg.HKEY_CURRENT_USER, _RUN_KEY) as key:
            if command is not None:
                line = subprocess.list2cmdline(command)
                winreg.SetValueEx(key, "Corral", 0, winreg.REG_SZ, line)
            elif _registered():
                winreg.DeleteValue(key, "Corral")
    except OSError as error:
        raise StorageError(_TITLE, f"The system says: {error}.") from error
