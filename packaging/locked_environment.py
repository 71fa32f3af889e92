"""Make the environment that installed forms are built in: .venv-locked.

    python3.11 packaging/locked_environment.py

It has what `locked` names for this system, each file checked by its hash, Corral itself (editable)
and the model that built forms are tried with, and nothing else. Made anew when any of that changed.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "packaging"), str(ROOT)]

import bootstrap  # noqa: E402 - the folders have to be found first
import locked_libraries  # noqa: E402

from build_installer import own_target  # noqa: E402

ENVIRONMENT = ROOT / ".venv-locked"
STAMP = "corral-locked.txt"
"""In the environment: what it was made from; written at the end."""


def python(environment: Path) -> Path:
    """An environment's Python."""
    windows = os.name == "nt"
    return environment / ("Scripts" if windows else "bin") / ("python.exe" if windows else "python")


def pip_commands(environment: Path, target: str) -> list[list[str]]:
    """What pip is asked to install: it takes no file of another hash, and runs no build tool that
    was not locked."""
    install = [str(python(environment)), "-m", "pip", "install", "--quiet", "--no-deps"]
    checked = ["--disable-pip-version-check", "--require-hashes", "--only-binary", ":all:"]
    return [
        *(
            [*install, *checked, "--requirement", str(file)]
            for file in (locked_libraries.lock_file(target), locked_libraries.STARTER_MODEL)
        ),
        [*install, "--no-index", "--no-build-isolation", "--editable", str(ROOT)],
    ]


def origin(target: str) -> str:
    """Changes when the environment has to be made anew."""
    files = (locked_libraries.lock_file(target), locked_libraries.STARTER_MODEL)
    return bootstrap.fingerprint([*files, ROOT / "pyproject.toml", Path(__file__)])


def make(environment: Path, target: str) -> None:
    """Make the environment unless it is there as it should be. Raises CalledProcessError."""
    stamp = environment / STAMP
    if stamp.is_file() and stamp.read_text(encoding="ascii") == origin(target):
        return
    bootstrap.say(f"installing the locked libraries of {target} in {environment.name}")
    shutil.rmtree(environment, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    for command in pip_commands(environment, target):
        subprocess.run(command, check=True)
    stamp.write_text(origin(target), encoding="ascii")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=ENVIRONMENT, help="another place for it")
    folder: Path = parser.parse_args(arguments).folder
    target = own_target()
    needed = locked_libraries.PYTHON.get(target)
    if needed is None:
        raise bootstrap.fail(f"no libraries are locked for {target}")
    if locked_libraries.running() != needed:
        raise bootstrap.fail(
            f"the libraries are locked for Python {needed}, this is {locked_libraries.running()}; "
            f"start this with python{needed}, or make with PYTHON=python{needed}"
        )
    try:
        bootstrap.install_system_packages(("installer",))
        make(folder.absolute(), target)
    except subprocess.CalledProcessError as error:
        raise bootstrap.fail(f"stopped at: {' '.join(map(str, error.cmd))}") from error
    return 0


if __name__ == "__main__":
    sys.exit(main())
