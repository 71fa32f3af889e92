"""`corral --smoke-test` passes when the window works, and fails when a page does not."""

import os
import subprocess
import sys

import pytest

from tests.packaging.scripts import ROOT

BROKEN_PAGE = """
from app.gui import main_window
main_window._CLASSES["models"] = ("app.gui.left_out_of_the_build", "ModelsPage")
"""
NO_QT_NETWORK = """
class Missing:
    def find_spec(self, name, *_):
        if name == "PySide6.QtNetwork":
            raise ImportError("no module named PySide6.QtNetwork")
sys.meta_path.insert(0, Missing())
"""
DEFECT_ON_A_THREAD = """
from app.core.library import ModelLibrary
def scan(self):
    raise RuntimeError("a defect")
ModelLibrary.scan = scan
from app.gui import smoke_test
smoke_test.SECONDS = 2.0
"""
NO_LIBGL = """
class Missing:
    def find_spec(self, name, *_):
        if name == "PySide6":
            raise ImportError("libGL.so.1: cannot open shared object file: No such file")
sys.meta_path.insert(0, Missing())
"""


def program(*words: str, first: str = "") -> subprocess.CompletedProcess[str]:
    """Run the program offscreen after the code `first`."""
    code = f"import sys\n{first}\nfrom app.__main__ import main\nsys.exit(main(sys.argv[1:]))"
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=100,
        check=False,
    )


@pytest.mark.gui
def test_the_window_passes() -> None:
    done = program("--smoke-test")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.gui
@pytest.mark.parametrize(
    ("defect", "words"),
    [
        (BROKEN_PAGE, "left_out_of_the_build"),
        (NO_QT_NETWORK, "no module named PySide6.QtNetwork"),
        (DEFECT_ON_A_THREAD, "a defect"),
    ],
)
def test_a_defect_fails_it_and_is_named(defect: str, words: str) -> None:
    done = program("--smoke-test", first=defect)
    assert done.returncode == 1
    assert words in done.stderr


def test_a_missing_system_library_is_told_in_words() -> None:
    done = program(first=NO_LIBGL)
    assert done.returncode == 1
    assert "libGL.so.1" in done.stderr
    assert "sudo apt-get install libgl1" in done.stderr
    assert "Traceback" not in done.stderr
