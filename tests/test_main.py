"""The one entry: who is started, and what is not loaded on the way."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import app.cli
import app.gui
from app import __main__, __version__
from app.core.children import SOURCE_ROOT

HEAVY = ("PySide6", "llama_cpp", "numpy", "huggingface_hub")


def modules_loaded(*words: str) -> tuple[subprocess.CompletedProcess[str], set[str]]:
    """Run the program with nothing on its input; the modules it imported."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "app", *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=SOURCE_ROOT,
        timeout=60,
    )
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return done, {line.rsplit("|", 1)[1].strip() for line in lines}


def test_the_version_costs_no_import() -> None:
    done, modules = modules_loaded("--version")
    assert done.stdout == f"corral {__version__}\n"
    assert done.returncode == 0
    assert not [name for name in modules if name.startswith(("app.", "backends", "msgspec"))]


def test_the_command_line_loads_neither_window_nor_engine() -> None:
    done, modules = modules_loaded("ls")
    assert done.returncode == 0, done.stderr[-2000:]
    assert "app.cli.main" in modules
    assert not [name for name in modules if name.startswith((*HEAVY, "app.gui"))]


def test_an_engine_child_loads_nothing_of_the_app() -> None:
    done, modules = modules_loaded("--engine-host", "--backend", "scripted")
    assert done.returncode == 0
    assert "backends.host" in modules
    assert not [name for name in modules if name.startswith((*HEAVY, "app.core", "app.cli"))]


@pytest.mark.parametrize(
    ("words", "package", "module", "passed"),
    [
        ([], app.gui, "application", []),
        (["corral://model/a/b"], app.gui, "application", ["corral://model/a/b"]),
        (["Corral:x"], app.gui, "application", ["Corral:x"]),
        (["away.gguf"], app.gui, "application", ["away.gguf"]),
        (["my.corral-engine"], app.gui, "application", ["my.corral-engine"]),
        (["run", "smollm2", "Hello"], app.cli, "main", ["run", "smollm2", "Hello"]),
        (["--help"], app.cli, "main", ["--help"]),
    ],
)
def test_words_choose_the_face(
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    package: object,
    module: str,
    passed: list[str],
) -> None:
    calls: list[list[str]] = []

    def face(argv: list[str], make_server: object) -> int:
        calls.append(argv)
        return 5

    monkeypatch.setattr(package, module, SimpleNamespace(main=face), raising=False)
    assert __main__.main(words) == 5
    assert calls == [passed]


def test_the_transfer_child_ends_with_its_input(tmp_path: Path) -> None:
    done, modules = modules_loaded("--transfer-host")
    assert done.returncode == 0, done.stderr[-2000:]
    assert not [name for name in modules if name.startswith(("PySide6", "app.gui", "app.cli"))]


_WINDOW = """
import atexit, os, sys
import app.__main__ as program

class Whole:
    def __del__(self):
        os.write(1, b"taken apart ")

def main():
    sys.modules["app.gui.application"] = program
    atexit.register(print, "closed", end=" ", flush=True)
    print("said", end=" ")
    return 3

whole, program.main = Whole(), main
sys.exit(program.run())
"""


def test_a_window_that_was_closed_is_not_taken_apart_piece_by_piece() -> None:
    done = subprocess.run([sys.executable, "-c", _WINDOW], capture_output=True, check=False)
    assert (done.stdout, done.stderr, done.returncode) == (b"said closed ", b"", 3)


def test_what_nobody_caught_is_told_as_ever() -> None:
    broken = _WINDOW.replace("return 3", "raise OSError('no disk')")
    done = subprocess.run([sys.executable, "-c", broken], capture_output=True, check=False)
    assert done.returncode == 1
    assert b"no disk" in done.stderr
