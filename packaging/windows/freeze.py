"""Put the installed form of Corral for Windows together, in dist/windows/Corral.

    python packaging/windows/freeze.py --engine FOLDER
    python packaging/windows/freeze.py --engine FOLDER --test-python    for trials of the installer
    python packaging/windows/freeze.py --dry-run

CPython's embeddable form, the libraries of packaging/locked, Corral, an engine that
packaging/engine built, and two launchers. Works on Windows and, with MinGW, on Linux; there Wine
compiles the Python files ahead, which else is done at no time, so that starts are slow.
docs/decisions/0013-windows-installer.md says why it is done like this.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE / "steps"), str(ROOT)]

import build_clock  # noqa: E402 - the folder of steps has to be found first
import byte_code  # noqa: E402
import embedded_python  # noqa: E402
import launcher_build  # noqa: E402
import locked_wheels  # noqa: E402
import trim_libraries  # noqa: E402
import windows_libraries  # noqa: E402
import wine  # noqa: E402

from app import __version__  # noqa: E402

FOLDER = ROOT / "dist" / "windows" / "Corral"
CACHE = ROOT / "build" / "windows"
NOTICES = ROOT / "packaging" / "notices.py"
"""Writes the licences of everything inside, and its parts list."""
ENGINE = ROOT / "build" / "engines" / "windows-x86_64"
PROGRAM = ("app", "backends", "resources")
PYTHON, LIBRARIES, ENGINES, LICENCES = "python", "lib", "engines", "notices"
"""The folders of the installed form."""
PLAN = """\
would put together {folder}
  {folder}/python     {python}
  {folder}/lib        the wheels of {lock}, trimmed; app, backends, resources
  {folder}/engines    {engine}
  {folder}            corral.exe and corralw.exe {version}, compiled by MinGW
"""


class Unfinished(Exception):
    """The folder cannot be put together."""


def add_python(folder: Path, *, for_tests: bool) -> str:
    """Unpack CPython; its minor version, such as "313"."""
    source = embedded_python.for_tests if for_tests else embedded_python.official
    return embedded_python.unpack(source(CACHE), folder / PYTHON)


def add_libraries(folder: Path, python_version: str) -> None:
    """Install the locked wheels and take out what is not used."""
    for wheel in locked_wheels.download(CACHE / "wheels", python_version):
        locked_wheels.unpack(wheel, folder / LIBRARIES)
    trim_libraries.trim(folder / LIBRARIES)


def add_program(folder: Path) -> None:
    """Copy Corral itself, and what starts it."""
    unwanted = shutil.ignore_patterns("__pycache__", "*.pyc")
    for name in PROGRAM:
        shutil.copytree(ROOT / name, folder / LIBRARIES / name, ignore=unwanted)
    for module in (HERE / "program").glob("*.py"):
        shutil.copy(module, folder / LIBRARIES)
    shutil.copy(ROOT / "LICENSE", folder / "LICENSE.txt")


def add_engine(folder: Path, engine: Path) -> None:
    """Copy an engine folder, under its id."""
    try:
        manifest = json.loads((engine / "engine.json").read_text(encoding="utf-8"))
    except OSError as error:
        raise Unfinished(
            f"there is no engine in {engine}; packaging/engine/build.py --target windows-x86_64 "
            "builds one"
        ) from error
    if manifest["system"] != "windows":
        raise Unfinished(f"{engine} is an engine for {manifest['system']}")
    shutil.copytree(engine, folder / ENGINES / manifest["id"])


def compile_ahead(folder: Path) -> None:
    """Compile the Python files where Windows programs can run."""
    try:
        byte_code.compile_all(folder / PYTHON / "python.exe", folder / LIBRARIES)
    except wine.NoWine as error:
        print(f"not done: compiling the Python files ahead, as {error}")


def freeze(engine: Path | None, *, for_tests: bool) -> None:
    """Make the folder anew; it has its name only when it is complete."""
    work = FOLDER.with_name("Corral.part")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    version = add_python(work, for_tests=for_tests)
    add_libraries(work, version)
    add_program(work)
    if engine is not None:
        add_engine(work, engine)
    subprocess.run([sys.executable, NOTICES, work, work / LICENCES], check=True)
    launcher_build.build(work, version, __version__)
    compile_ahead(work)
    if lacking := list(windows_libraries.missing(work)):
        raise Unfinished("\n".join(lacking))
    build_clock.set_times([work, *work.rglob("*")], build_clock.build_time())
    shutil.rmtree(FOLDER, ignore_errors=True)
    work.rename(FOLDER)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    engine = parser.add_mutually_exclusive_group()
    engine.add_argument("--engine", type=Path, default=ENGINE, help="an engine folder")
    engine.add_argument("--without-engine", action="store_true", help="only for trials")
    parser.add_argument("--test-python", action="store_true", help="CPython from PyPI, for trials")
    parser.add_argument("--target", choices=("windows-x86_64",), help="the only one there is")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(sys.argv[1:] if arguments is None else arguments)
    engine: Path | None = None if options.without_engine else options.engine
    if options.dry_run:
        python = (
            f"{embedded_python.TEST_PACKAGE} from PyPI"
            if options.test_python
            else embedded_python.read_pin().address
        )
        lock, folder = locked_wheels.LOCK.relative_to(ROOT), FOLDER.relative_to(ROOT)
        text = PLAN.format(
            folder=folder, python=python, lock=lock, engine=engine, version=__version__
        )
        print(text, end="")
        return 0
    start = time.monotonic()
    try:
        freeze(engine, for_tests=options.test_python)
    except subprocess.CalledProcessError as error:
        words = " ".join(map(str, error.cmd))
        print(f"freeze: stopped at: {words}\nThe reason is above.", file=sys.stderr)
        return 1
    except (
        *(Unfinished, OSError, byte_code.NotCompiled, embedded_python.WrongFile),
        launcher_build.NoCompiler,
    ) as error:
        print(f"freeze: {error}", file=sys.stderr)
        return 1
    size = sum(file.stat().st_size for file in FOLDER.rglob("*") if file.is_file())
    seconds = time.monotonic() - start
    print(f"put together in {FOLDER.relative_to(ROOT)}, {size / 1e6:.0f} MB, {seconds:.0f} seconds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
