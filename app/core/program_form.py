"""How this copy of Corral was installed, which decides how it can be replaced.

Told by what installers leave beside the program and what the system keeps of it, so that one
frozen folder can go into every form.
"""

import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from msgspec import Struct

from app.core.update_manifest import Form

InstalledForm = Form | Literal["folder", "source"]
"""`folder`: frozen, but nothing tells how it came here; `source`: a checkout or a wheel."""

_DPKG_LIST = Path("/var/lib/dpkg/info/corral.list")
_OF_INSTALL_SH = "installed-files"
"""What `install.sh` of the tar package leaves beside the program."""
_OF_SETUP = "uninstall-corral.exe"
"""What the installer for Windows leaves beside the program, or a folder above it."""


class Program(Struct, frozen=True):
    """This copy of the program on this computer."""

    form: InstalledForm
    system: str
    """linux, windows or macos."""
    machine: str
    """As Python calls it, in lower case, one name for each: x86_64, arm64."""
    executable: str = ""
    """The file that starts it, where it is not run from source."""


def this_program(env: Mapping[str, str] = os.environ) -> Program:
    """What runs here."""
    systems = {"win32": "windows", "darwin": "macos"}
    machine = platform.machine().lower()
    form = installed_form(env)
    frozen = sys.executable if form != "source" else ""
    return Program(
        form,
        systems.get(sys.platform, "linux"),
        {"amd64": "x86_64", "aarch64": "arm64"}.get(machine, machine),
        env.get("APPIMAGE", "") if form == "appimage" else frozen,
    )


def installed_form(env: Mapping[str, str] = os.environ) -> InstalledForm:
    """The form of this installation."""
    if not getattr(sys, "frozen", False):
        return "source"
    if env.get("FLATPAK_ID"):
        return "flatpak"
    if env.get("APPIMAGE"):
        return "appimage"
    program = Path(sys.executable)
    if any((folder / _OF_SETUP).is_file() for folder in program.parents[:2]):
        return "nsis"
    if program.parent.parts[-2:] == ("Contents", "MacOS"):
        return "dmg"
    if _is_of_dpkg(program):
        return "deb"
    return "tar" if (program.parent / _OF_INSTALL_SH).is_file() else "folder"


def _is_of_dpkg(program: Path) -> bool:
    """Whether Debian's package of Corral brought this file."""
    try:
        return str(program) in _DPKG_LIST.read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
