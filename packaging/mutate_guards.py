"""Takes away, one by one, what keeps the local server safe, and looks whether a test notices.

python packaging/mutate_guards.py [WORD…]     only guards whose names hold one of the words

The guards stand in `guards.toml`. Each is taken away in a copy of the program; the tests that are
named beside it must then fail by themselves, not by an error before them.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COPIED = ("app", "backends", "packaging", "resources", "tests", "pyproject.toml")
LONGEST = 90
"""Seconds of a test, which may hang where what ends it is taken away."""


@dataclass(frozen=True)
class Guard:
    """What is taken away, and which tests notice."""

    name: str
    """A sentence: what holds with it."""
    file: str
    """From the root of the program."""
    text: str
    """Stands in the file once."""
    without: str
    """What stands there instead."""
    tests: tuple[str, ...]
    """As pytest calls them, from `tests/`."""

    def taken_from(self, source: str) -> str:
        """The file without the guard. Raises ValueError where that is not one clear thing."""
        if source.count(self.text) != 1:
            raise ValueError(f"{self.name}: its text stands {source.count(self.text)} times")
        mutant = source.replace(self.text, self.without)
        compile(mutant, self.file, "exec")
        return mutant


def guards() -> list[Guard]:
    """All of them, in the order of the table."""
    told = tomllib.loads((ROOT / "packaging" / "guards.toml").read_text(encoding="utf-8"))
    return [Guard(**{**each, "tests": tuple(each["tests"])}) for each in told["guard"]]


def copy_program(target: Path) -> None:
    """What the tests need, without what was made of it."""
    unwanted = shutil.ignore_patterns("__pycache__", "*.pyc")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target / name, ignore=unwanted)
        else:
            shutil.copy(ROOT / name, target / name)


def run_tests(
    program: Path, tests: Sequence[str], *options: str
) -> subprocess.CompletedProcess[str]:
    """pytest over the program that lies there."""
    return subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *(f"--timeout={LONGEST}", "-o", f"faulthandler_timeout={2 * LONGEST}", *options),
            *(f"tests/{test}" for test in tests),
        ],
        cwd=program,
        env={**os.environ, "PYTHONPATH": str(program)},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )


def outcome(program: Path, guard: Guard) -> str:
    """What became of the tests without the guard: "" if each of them failed, else what is wrong."""
    file = program / guard.file
    whole = file.read_text(encoding="utf-8")
    write(file, guard.taken_from(whole))
    try:
        for test in guard.tests:
            ran = run_tests(program, [test], "-x")
            if ran.returncode == 0:
                return f"{test} does not notice"
            if ran.returncode != 1 or "\nFAILED " not in ran.stdout:
                return f"{test} broke off:\n{ran.stdout[-2000:]}{ran.stderr[-500:]}"
    finally:
        write(file, whole)
    return ""


def write(file: Path, source: str) -> None:
    """Write a module, and forget what Python has made of the one before: it looks at seconds."""
    file.write_text(source, encoding="utf-8")
    for made in (file.parent / "__pycache__").glob(f"{file.stem}.*.pyc"):
        made.unlink()


def main(words: Sequence[str]) -> int:
    chosen = [each for each in guards() if not words or any(word in each.name for word in words)]
    began, unnoticed = time.monotonic(), 0
    with tempfile.TemporaryDirectory(prefix="guards-") as folder:
        program = Path(folder)
        copy_program(program)
        names = dict.fromkeys(test for each in chosen for test in each.tests)
        whole = run_tests(program, list(names))
        if whole.returncode != 0:
            said = f"{whole.stdout[-4000:]}{whole.stderr[-2000:]}"
            print(f"The tests fail while all guards are there:\n{said}")
            return 1
        for number, guard in enumerate(chosen, 1):
            problem = outcome(program, guard)
            unnoticed += bool(problem)
            said = f"NOT SEEN: {problem}" if problem else "seen"
            print(f"{number:3} {guard.name}: {said}", flush=True)
    minutes = (time.monotonic() - began) / 60
    print(f"{len(chosen) - unnoticed} of {len(chosen)} guards are seen, {minutes:.1f} minutes")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
