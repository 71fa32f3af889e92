"""Running Windows programs: on Windows as they are, elsewhere in Wine."""

import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

NAMES = ("wine64", "wine64-stable", "wine")
DEBIAN = Path("/usr/lib/wine/wine64")
"""Where Debian puts it, outside of the search path."""

ASK_AGAIN = 0.1
"""Seconds between looks whether a program has ended."""


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


def wine_variables(home: Path, display: str = "") -> dict[str, str]:
    """The environment of a Wine that keeps everything in `home`, and is quiet.

    Else desktop and documents would be those of the person who builds. Windows are shown on
    `display`, the name of an X screen, if at all.
    """
    return {
        **os.environ,
        "HOME": str(home),
        "WINEPREFIX": str(home / "prefix"),
        "WINEDEBUG": "-all",
        "WINEDLLOVERRIDES": "winemenubuilder.exe=d",
        "DISPLAY": display,
        "LC_ALL": "C.UTF-8",  # how Wine reads names and words that are not in English
    }


def run(
    command: Sequence[str], *, environment: Mapping[str, str], timeout: float, folder: Path
) -> subprocess.CompletedProcess[str]:
    """Run a Windows program until it ends; what it says comes back as one text.

    Wine 8 gives Python its streams only if they are pipes. Wine's desktop, started by the first
    program with a window, keeps that program's pipe open, so that its end is not waited for.

    Raises:
        TimeoutExpired: the program took longer; it is ended.
    """
    if sys.platform == "win32":
        done = subprocess.run(
            command,
            env=environment,
            cwd=folder,
            timeout=timeout,
            check=False,
            input=b"",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        return _as_text(command, done.returncode, done.stdout)
    end = time.monotonic() + timeout
    said = b""
    with subprocess.Popen(
        command,
        env=environment,
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)
        assert process.stdin is not None
        process.stdin.close()
        ended = False
        while not ended:
            ended = process.poll() is not None  # asked before reading: nothing comes after it
            select.select([process.stdout], [], [], 0 if ended else ASK_AGAIN)
            part = process.stdout.read()
            said += part or b""
            if part == b"":  # closed before the end
                ended = True
            elif time.monotonic() > end:
                process.kill()
                raise subprocess.TimeoutExpired(command, timeout, said)
    return _as_text(command, process.returncode, said)


def _as_text(command: Sequence[str], status: int, said: bytes) -> subprocess.CompletedProcess[str]:
    text = said.decode("utf-8", "replace").replace("\r\n", "\n")
    return subprocess.CompletedProcess(list(command), status, text)
