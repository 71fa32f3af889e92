"""Putting another version of Corral in this one's place, once this one has ended.

What can be done depends on how Corral was installed; what cannot be done is not pretended. The
scripts of `resources/updates` wait for this process to end, check the package again, install it
and start Corral. They are given to the shell as text: the files themselves may be replaced
meanwhile.
"""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from app.core.detached import run_detached
from app.core.mime_defaults import DesktopFolders, default_application
from app.core.paths import resource
from app.core.program_form import Program
from app.core.update_manifest import Package

Way = Literal["replace", "open", "terminal", "store", "source", "none"]
"""How a version is put in place: `replace` by a script when Corral has ended; `open` hands the
package to the system, whose installer asks the person; `terminal`: there is no such installer, so
the person types a command; `store`: Flatpak does it; `source`: by git;
`none`: it can only be done by hand."""

Find = Callable[[str], str | None]

_SUFFIXES = {
    "deb": ".deb",
    "tar": ".tar.zst",
    "appimage": ".AppImage",
    "nsis": ".exe",
    "dmg": ".dmg",
    "flatpak": ".flatpak",
}
_DEBIAN_PACKAGES = ("application/vnd.debian.binary-package", "application/x-deb")
_NEEDED = {"deb": ("pkexec", "apt-get", "sha256sum"), "tar": ("tar", "zstd", "sha256sum")}


def way_of(program: Program, find: Find = shutil.which) -> Way:
    """How this copy of Corral can be replaced. `find` looks for a program of the system."""
    match program.form:
        case "flatpak":
            return "store"
        case "source":
            return "source"
        case "folder":
            return "none"
        case "deb":
            if all(map(find, _NEEDED["deb"])):
                return "replace"
            return "open" if find("xdg-open") and _opens_packages() else "terminal"
        case "tar":
            able = all(map(find, _NEEDED["tar"])) and os.access(_prefix(program), os.W_OK)
            return "replace" if able else "none"
        case "appimage":
            able = os.access(Path(program.executable).parent, os.W_OK)
            return "replace" if able else "none"
        case "nsis" | "dmg":
            return "open"


def _opens_packages() -> bool:
    """Whether the desktop has something that Debian packages are opened with."""
    folders = DesktopFolders.of(Path.home())
    return any(default_application(mime, folders) for mime in _DEBIAN_PACKAGES)


def terminal_command(file: Path) -> str:
    """What a person types to install a Debian package."""
    return f"sudo apt install {shlex.quote(str(file))}"


def package_name(version: str, package: Package) -> str:
    """What the file is called here, whatever its address says."""
    return f"corral-{version}-{package.system}-{package.machine}{_SUFFIXES[package.form]}"


def install_command(program: Program, file: Path, package: Package, *, restart: bool) -> list[str]:
    """What installs a package when this process has ended; the way is `replace` or `open`."""
    if way_of(program) == "open":
        return _open_command(file)
    script = resource(f"updates/{program.form}.sh").read_text(encoding="utf-8")
    words = [str(os.getpid()), str(file), package.sha256]
    if program.form == "tar":
        words.append(str(_prefix(program)))
    if program.form == "appimage":
        words.append(program.executable)
    if restart:
        words.append(program.executable)
    return ["/bin/sh", "-c", script, "corral-update", *words]


def _prefix(program: Program) -> Path:
    """Where `install.sh` put what it put into lib/corral."""
    return Path(program.executable).parent.parent.parent


def start_installer(command: list[str], output: Path) -> "subprocess.Popen[bytes]":
    """Start it such that it goes on when this process ends; what it prints goes to `output`.

    Raises `StorageError` where it cannot be started.
    """
    return run_detached(command, output, "The installer could not be started", folder=Path.home())


def _open_command(file: Path) -> list[str]:
    """Hand a file to what the system opens it with; Windows runs an installer as it is."""
    if sys.platform == "win32":
        return [str(file)]
    return ["open" if sys.platform == "darwin" else "xdg-open", str(file)]
