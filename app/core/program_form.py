"""How this copy of Corral was installed, which decides how it can be replaced.

Told by what installers leave beside the program and what the system keeps of it, so that one
frozen folder can go into every form.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from msgspec import Struct

from app.core.appimage import appimage_file
from app.core.update_manifest import Form
from backends.engine_folder import this_system

InstalledForm = Form | Literal["folder", "source"]
"""`folder`: frozen, but nothing tells how it came here; `source`: a checkout or a wheel."""

_APP_OF_FLATPAK = Path("/app")
"""Where the program lies in a Flatpak's sandbox; its variables are inherited by what is outside."""
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
    system, machine = this_system()
    form = installed_form(env)
    frozen = sys.executable if form != "source" else ""
    return Program(
        form,
        system,
        {"aarch64": "arm64"}.get(machine, machine),
        appimage_file(env) if form == "appimage" else frozen,
    )


def installed_form(env: Mapping[str, str] = os.environ) -> InstalledForm:
    """The form of this installation."""
    if not getattr(sys, "frozen", False):
        return "source"
    program = Path(sys.executable)
    if env.get("FLATPAK_ID") and program.is_relative_to(_APP_OF_FLATPAK):
        return "flatpak"
    if appimage_file(env):
        return "appimage"
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
