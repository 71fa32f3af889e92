"""Shows that each dependency that the Debian package declares is needed: without it, what fails?

    python packaging/linux/prove_dependencies.py [PACKAGE] [--model FILE]

Without PACKAGE it is made of the frozen folder. It is installed on an empty Debian; then what one
dependency brought is hidden, the program is tried, and what was hidden is put back. Needs what
chroot_journey.py needs.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import deb
import release
import system_libraries
import verify
from clean_system import clean_system
from x_display import Display

sys.path.insert(0, str(release.ROOT))
from tests.packaging.debian import PERSON, Machine

FOLDER = "/usr/lib/corral"
MODELS = f"/home/{PERSON}/.local/share/Corral/models"
DATA = {"ca-certificates": ("/etc/ssl/certs",)}
"""What to hide of a package without libraries."""


class Trial:
    """The program on one system, with ways to see whether a part of it works."""

    def __init__(self, machine: Machine, display: Display) -> None:
        self._machine = machine
        self._display = display

    def failures(self) -> list[str]:
        """The parts that do not work now, by name."""
        return [name for name, works in self._parts() if not works]

    def _parts(self) -> Iterator[tuple[str, bool]]:
        yield "program", self._ends_well("corral", "--version")
        question = ("What is the capital of France?", "--max-tokens", "16", "--temperature", "0")
        yield "answers", "Paris" in self._says("corral", "run", "smollm2", *question)
        smoke = self._machine.run(
            *("corral", "--smoke-test"),
            user=PERSON,
            variables={"DISPLAY": self._display.name},
            timeout=180,
        )
        yield "window", smoke.returncode == 0
        yield "libraries by ldd", not self._missing()
        yield "authorities", bool(self._says("sh", "-c", "ls /etc/ssl/certs/*.pem"))

    def _ends_well(self, *command: str) -> bool:
        return self._machine.run(*command, user=PERSON, timeout=180).returncode == 0

    def _says(self, *command: str) -> str:
        done = self._machine.run(*command, user=PERSON, timeout=180)
        return done.stdout if done.returncode == 0 else ""

    def _missing(self) -> bool:
        inside = [
            f"/{path.relative_to(self._machine.root)}"
            for path in system_libraries.elf_files(self._machine.at(f"{FOLDER}/_internal"))
        ]
        own = f"{FOLDER}/_internal:{FOLDER}/_internal/PySide6/Qt/lib"
        done = self._machine.run("ldd", *inside, user=PERSON, variables={"LD_LIBRARY_PATH": own})
        return "not found" in done.stdout


@contextmanager
def hidden(machine: Machine, package: str) -> Iterator[list[str]]:
    """What a package brought is away for the block; says what that is."""
    wanted = system_libraries.PACKAGES.get(package, ())
    listed = machine.run("dpkg", "-L", package).stdout.splitlines()
    paths = [path for path in listed if Path(path).name in wanted] or list(DATA.get(package, ()))
    moved: list[tuple[Path, Path]] = []
    for path in paths:
        there = machine.at(path)
        if there.is_symlink() or there.exists():
            away = there.with_name(f"{there.name}.hidden")
            there.rename(away)
            moved.append((there, away))
    try:
        yield paths
    finally:
        for there, away in moved:
            away.rename(there)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("package", type=Path, nargs="?")
    parser.add_argument("--model", type=Path, default=verify.starter_model())
    parser.add_argument("--base", type=Path, default=release.ROOT / "build")
    arguments = parser.parse_args()
    if arguments.model is None:
        parser.error(f"--model is needed where {verify.STARTER_PACKAGE} is not installed")
    unneeded = 0
    with (
        tempfile.TemporaryDirectory() as folder,
        clean_system("debian", arguments.base) as machine,
        Display() as display,
    ):
        made = arguments.package or deb.build(release.FROZEN, Path(folder), "1", "zstd")
        shutil.copyfile(made, machine.at("/tmp/corral.deb"))
        for words in (
            ("apt-get", "update", "-qq"),
            ("apt-get", "install", "-y", "-qq", "--no-install-recommends", "/tmp/corral.deb"),
        ):
            machine.run(*words, timeout=1200).check_returncode()
        machine.at(MODELS).mkdir(parents=True)
        shutil.copyfile(arguments.model, machine.at(MODELS) / arguments.model.name)
        machine.run("chown", "-R", PERSON, f"/home/{PERSON}").check_returncode()
        trial = Trial(machine, display)
        if failures := trial.failures():
            print(f"with everything there, this fails: {', '.join(failures)}")
            return 1
        field = machine.run("dpkg-query", "-W", "-f", "${Depends}", "corral").stdout
        for dependency in field.split(", "):
            package = dependency.partition(" ")[0]
            if package == "libc6":
                print("needed  libc6: nothing runs without it, not even what would try it")
                continue
            with hidden(machine, package) as paths:
                failures = trial.failures() if paths else []
            unneeded += not failures
            mark = "needed " if failures else "SPARE  "
            print(f"{mark} {package}: without it fails {', '.join(failures)}", flush=True)
        if failures := trial.failures():
            print(f"with everything put back, this fails: {', '.join(failures)}")
            return 1
    return 1 if unneeded else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.CalledProcessError as error:
        sys.exit(f"{error}\n{error.stdout}")
