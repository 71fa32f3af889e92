"""Compile corral.exe and corralw.exe with MinGW: on Linux for Windows, or on Windows."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

import icon_file

HERE = Path(__file__).resolve().parents[1]
SOURCES = HERE / "launcher"
PICTURE = HERE.parents[1] / "resources" / "brand" / "app-icon.svg"
PREFIX = "x86_64-w64-mingw32-"
CONSOLE, WINDOW = "corral.exe", "corralw.exe"
"""The launcher for terminals, and the one for the desktop, which has no console."""
COMPILERS = (f"{PREFIX}gcc", f"{PREFIX}gcc-posix", f"{PREFIX}gcc-win32", "gcc")
FLAGS = ("-municode", "-Os", "-s", "-Wall", "-Wextra", "-Werror", "-static")
# Without the date two builds give the same file.
LINKING = ("-Wl,--no-insert-timestamp", "-Wl,--dynamicbase", "-Wl,--nxcompat")


class NoCompiler(Exception):
    """There is no MinGW here."""


def find_program(names: Iterable[str]) -> str:
    """The first of `names` that is installed. Raises NoCompiler."""
    for name in names:
        if shutil.which(name):
            return name
    raise NoCompiler(
        "the launchers need MinGW (on Debian: apt-get install gcc-mingw-w64-x86-64-posix)"
    )


def numbers(version: str) -> str:
    """A version as Windows wants it in numbers: "1.2.3" is 1,2,3,0."""
    parts = [part for part in version.split("+")[0].split(".") if part.isdigit()]
    return ",".join([*parts, "0", "0", "0", "0"][:4])


def build(folder: Path, python_version: str, version: str) -> list[Path]:
    """Compile both into `folder`, for the Python `python_version` ("313"). Answers their paths.

    Raises NoCompiler, CalledProcessError, OSError.
    """
    compiler = find_program(COMPILERS)
    resources = find_program((f"{PREFIX}windres", "windres"))
    made = []
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        icon_file.draw(PICTURE, work / "corral.ico")
        for program in (CONSOLE, WINDOW):
            stem = Path(program).stem
            defined = {
                "VERSION_NUMBERS": numbers(version),
                "VERSION_TEXT": f'\\"{version}\\"',
                "PROGRAM_NAME": f'\\"{stem}\\"',
                "PROGRAM_FILE": f'\\"{program}\\"',
            }
            described = work / f"{stem}.o"
            command = [resources, "--codepage=65001", "-I", str(SOURCES), "-I", str(work)]
            command += [f"-D{name}={value}" for name, value in defined.items()]
            subprocess.run([*command, str(SOURCES / "launcher.rc"), str(described)], check=True)
            flags = [*FLAGS, f'-DCORRAL_PYTHON=L"python{python_version}.dll"']
            if program == WINDOW:
                flags += ["-DCORRAL_WINDOW", "-mwindows"]
            sources = [str(SOURCES / "launcher.c"), str(described)]
            output = folder / program
            subprocess.run([compiler, *flags, *sources, *LINKING, "-o", str(output)], check=True)
            made.append(output)
    return made
