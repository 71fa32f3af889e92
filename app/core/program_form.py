"""How this copy of Corral was installed, which decides how it can be replaced.

A package carries its form in `resources/form`, one word that the script which made it wrote there.
"""

import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, get_args

from msgspec import Struct

from app.core.paths import resource
from app.core.update_manifest import Form

InstalledForm = Form | Literal["folder", "source"]
"""`folder`: frozen, but no package says which; `source`: a checkout or a wheel."""

_DPKG_LIST = Path("/var/lib/dpkg/info/corral.list")


class Program(Struct, frozen=True):
    """This copy of the program on this computer."""

    form: InstalledForm
    system: str
    """linux, windows or macos."""
    machine: str
    """As Python calls it, in lower case."""
    restart: tuple[str, ...] = ()
    """The command that starts it; empty where only the person can."""


def this_program(env: Mapping[str, str] = os.environ) -> Program:
    """What runs here."""
    systems = {"win32": "windows", "darwin": "macos"}
    machine = platform.machine().lower()
    form = installed_form(env)
    return Program(
        form,
        systems.get(sys.platform, "linux"),
        {"amd64": "x86_64", "aarch64": "arm64"}.get(machine, machine),
        _restart(form, env),
    )


def installed_form(env: Mapping[str, str] = os.environ) -> InstalledForm:
    """The form of this installation. What the system says comes before what a file says."""
    if env.get("FLATPAK_ID"):
        return "flatpak"
    if env.get("APPIMAGE"):
        return "appimage"
    try:
        word = resource("form").read_text(encoding="utf-8").strip()
    except OSError:
        word = ""
    for form in get_args(Form):
        if form == word:
            return form  # type: ignore[no-any-return]  # one of the words of the type
    if not getattr(sys, "frozen", False):
        return "source"
    return "deb" if _is_of_dpkg(Path(sys.executable)) else "folder"


def _is_of_dpkg(program: Path) -> bool:
    """Whether Debian's package of Corral brought this file."""
    try:
        return str(program) in _DPKG_LIST.read_text(encoding="utf-8").splitlines()
    except OSError:
        return False


def _restart(form: InstalledForm, env: Mapping[str, str]) -> tuple[str, ...]:
    if form == "appimage":
        return (env.get("APPIMAGE", ""),)
    return (sys.executable,) if getattr(sys, "frozen", False) else ()
