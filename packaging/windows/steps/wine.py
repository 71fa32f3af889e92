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


def windows_command(program: Path | str) -> list[str]:
    """What starts a Windows program here. Raises NoWine."""
    return [str(program)] if sys.platform == "win32" else [wine_program(), str(program)]


def wine_variables(home: Path) -> dict[str, str]:
    """The environment of a Wine that keeps everything in `home`, and is quiet.

    Else desktop and documents would be those of the person who builds.
    """
    return {
        **os.environ,
        "HOME": str(home),
        "WINEPREFIX": str(home / "prefix"),
        "WINEDEBUG": "-all",
        "WINEDLLOVERRIDES": "winemenubuilder.exe=d",
        "DISPLAY": "",
    }


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
