"""Test the page in a real Chromium: find one, or install Debian's, then run `tests/browser`.

    .venv/bin/python packaging/chromium.py [arguments of pytest]

CORRAL_TEST_CHROMIUM names another program than the one that is found.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VARIABLE = "CORRAL_TEST_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def found() -> str | None:
    """The program that is here already."""
    named = os.environ.get(VARIABLE)
    return named or next((path for name in NAMES if (path := shutil.which(name))), None)


def install() -> None:
    """Debian's package, where this computer lets us."""
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        raise SystemExit(f"Install Chromium, or name a program of its kind in {VARIABLE}.")
    for step in (["update"], ["install", "--yes", "--no-install-recommends", "chromium"]):
        subprocess.run(["apt-get", *step], check=True)


def main(arguments: list[str]) -> int:
    if found() is None:
        install()
    program = found()
    if program is None:
        raise SystemExit("Chromium was installed, but is not to be found.")
    command = [sys.executable, "-m", "pytest", *(arguments or ["tests/browser"])]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, VARIABLE: program}, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
