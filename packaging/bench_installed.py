"""The installed form against the source: start, memory of the window, speed of the engine.

    python packaging/bench_installed.py [PROGRAM] [--rounds N]

PROGRAM is the installed program, by default dist/corral/corral. Both forms are asked the same by
turns, with data folders of their own, and start from a warm disk. Run it on a quiet machine; it
takes less than five minutes. The source side runs the engine that is installed for it: build that
natively, as pip does, to compare all-variants with native.
"""

import argparse
import functools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "packaging"))
sys.path.insert(0, str(ROOT / "packaging" / "linux"))

import bench_engine  # noqa: E402 - the checkout has to be found first
import bench_window  # noqa: E402
from x_display import Display, wait_for  # noqa: E402

START_SECONDS = 2
"""What a window still does after it is seen; it is not asked to end before."""
SETTLE_SECONDS = 6
PATIENCE = 120
"""Seconds after which a window that does not come, or does not go, ends the trial."""


@contextmanager
def window(command: list[str], home: str, display: Display) -> Iterator[tuple[int, float]]:
    """The open window: its process, and the seconds until it was there."""
    environment = {**display.environment, "CORRAL_HOME": home, "PYTHONPATH": str(ROOT)}
    began = time.perf_counter()
    process = subprocess.Popen(command, env=environment, cwd=home, stderr=subprocess.DEVNULL)
    try:
        display.window("corral", PATIENCE, pause=0.02)
        seconds = time.perf_counter() - began
        time.sleep(START_SECONDS)
        yield process.pid, seconds
    finally:
        process.terminate()
        process.wait(PATIENCE)
        wait_for(lambda: not display.has_window("corral"), "the end of the window", PATIENCE)


def turns(forms: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Each form's figures, measured by turns, the first of each left out."""
    figures: dict[str, list[float]] = {name: [] for name in forms}
    for number in range(rounds + 1):
        order = list(forms) if number % 2 else list(forms)[::-1]
        for name in order:
            figure = forms[name]()
            if number:
                figures[name].append(figure)
    return figures


def told(figure: str, source: list[float], installed: list[float], goal: float, unit: str) -> bool:
    """Print one figure as the ratio of the best values; answers whether it is within its goal.

    What else the computer does only ever makes a figure worse, so the best is the truest.
    """
    best = max if goal < 1 else min
    ours, theirs = best(installed), best(source)
    ratio = ours / theirs
    met = ratio >= goal if goal < 1 else ratio <= goal
    row = {
        "figure": figure,
        "value": round(ratio, 3),
        "goal": f"{'>=' if goal < 1 else '<='} {goal}",
        "met": met,
        "detail": f"installed {ours:.3g} {unit}, source {theirs:.3g} {unit}, "
        f"best of {len(source)} by turns",
    }
    print(json.dumps(row), flush=True)
    return met


def started(command: list[str], home: str) -> float:
    """Seconds of one command of the terminal."""
    environment = {**os.environ, "CORRAL_HOME": home, "PYTHONPATH": str(ROOT)}
    began = time.perf_counter()
    subprocess.run(
        [*command, "ls", "--json"], env=environment, cwd=home, stdout=subprocess.DEVNULL, check=True
    )
    return time.perf_counter() - began


def resident(command: list[str], home: str, display: Display) -> float:
    """Megabytes of the window at rest, without what it shares with other programs' libraries."""
    with window(command, home, display) as (pid, _):
        time.sleep(SETTLE_SECONDS)
        return psutil.Process(pid).memory_info().rss / 1e6


def engine_speed(command: list[str], home: str, part: str) -> float:
    """Tokens per second of the starter model by `corral bench`; `part` is "prompt" or "answer"."""
    environment = {**os.environ, "CORRAL_HOME": home, "PYTHONPATH": str(ROOT)}
    words = ("bench", "smollm2", "-p", "256", "-n", "96", "-r", "1", "--json")
    done = subprocess.run(
        [*command, *words, "--load", "threads=1"],
        env=environment,
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    told: dict[str, dict[str, float]] = json.loads(done.stdout)
    return told[part]["mean"]


class Form:
    """One of the two that are compared, with a data folder of its own."""

    def __init__(self, command: list[str], home: str, display: Display) -> None:
        self._command, self._home, self._display = command, home, display
        bench_window.furnish(home)
        model = bench_engine.starter_model()
        models = Path(home) / "models"
        models.mkdir()
        (models / model.name).symlink_to(model)

    def start(self) -> float:
        with window(self._command, self._home, self._display) as (_, seconds):
            return seconds

    def command(self) -> float:
        return started(self._command, self._home)

    def memory(self) -> float:
        return resident(self._command, self._home, self._display)

    def reading(self) -> float:
        return engine_speed(self._command, self._home, "prompt")

    def writing(self) -> float:
        return engine_speed(self._command, self._home, "answer")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("program", type=Path, nargs="?", default=ROOT / "dist/corral/corral")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    rounds: int = arguments.rounds
    met = True
    with (
        tempfile.TemporaryDirectory() as home,
        tempfile.TemporaryDirectory() as other,
        Display() as display,
    ):
        source = Form([sys.executable, "-P", "-m", "app"], home, display)
        installed = Form([str(arguments.program.resolve())], other, display)
        for figure, unit, goal, number, measure in (
            ("start of the window", "s", 1.15, rounds, Form.start),
            ("a command of the terminal", "s", 1.15, rounds, Form.command),
            ("window at rest, resident", "MB", 1.0, 2, Form.memory),
            ("engine reading a prompt", "tokens/s", 0.98, rounds, Form.reading),
            ("engine writing an answer", "tokens/s", 0.98, rounds, Form.writing),
        ):
            forms = {
                name: functools.partial(measure, form)
                for name, form in (("source", source), ("installed", installed))
            }
            got = turns(forms, number)
            met &= told(figure, got["source"], got["installed"], goal, unit)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
