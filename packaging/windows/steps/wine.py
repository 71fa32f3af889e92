"""Running Windows programs: on Windows as they are, elsewhere in Wine."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

NAMES = ("wine64", "wine64-stable", "wine")
DEBIAN = Path("/usr/lib/wine/wine64")
"""Where Debian puts it, outside of the search path."""


class NoWine(Exception):
    """This is not Windows, and there is no Wine."""


def wine_program() -> str:
    """Wine for 64 bits. Raises NoWine."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None and DEBIAN.exists():
        found = str(DEBIAN)
    if found is None:
        raise NoWine("there is no Wine here (on Debian: apt-get install wine64)")
    return found


def windows_command(program: Path) -> list[str]:
    """What starts a Windows program here. Raises NoWine."""
    return [str(program)] if sys.platform == "win32" else [wine_program(), str(program)]


def wine_variables(prefix: Path) -> dict[str, str]:
    """The environment of Wine with a Windows of its own in `prefix`; it is quiet."""
    return {**os.environ, "WINEPREFIX": str(prefix), "WINEDEBUG": "-all", "DISPLAY": ""}


def run(
    command: Sequence[str], *, environment: Mapping[str, str], timeout: float, folder: Path
) -> subprocess.CompletedProcess[str]:
    """Run a Windows program with pipes, which Wine 8 needs to give Python its streams."""
    return subprocess.run(
        command,
        env=environment,
        cwd=folder,
        input="",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        timeout=timeout,
        check=False,
    )
