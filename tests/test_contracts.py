"""The import contracts hold, and each of them is seen to fail on a planted violation."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LINT = Path(sys.executable).parent / (
    "lint-imports.exe" if sys.platform == "win32" else "lint-imports"
)

VIOLATIONS = {
    "core imports a face": ("app/core/planted.py", "import app.cli.main\n"),
    "a face imports another": ("app/cli/planted.py", "import app.gui\n"),
    "an engine imports the app": ("backends/planted.py", "import app.core.errors\n"),
    "core imports Qt": ("app/core/planted.py", "import PySide6.QtCore\n"),
    "the command line imports Qt": ("app/cli/planted.py", "import PySide6.QtCore\n"),
    "the window imports an engine": ("app/gui/planted.py", "import llama_cpp\n"),
    "core imports an engine": ("app/core/planted.py", "import llama_cpp\n"),
    "core asks other machines itself": ("app/core/planted.py", "import openai\n"),
    "the host asks other machines": ("backends/host.py", "import openai\n"),
    "the host imports an engine": ("backends/host.py", "import llama_cpp\n"),
    "a page imports another": ("app/gui/models_page.py", "import app.gui.chat_page\n"),
    "the hub library elsewhere": ("app/core/planted.py", "import huggingface_hub\n"),
    "a thread in the window": ("app/gui/planted.py", "import threading\n"),
    "a message box in a page": (
        "app/gui/planted.py",
        "from PySide6.QtWidgets import QMessageBox\n",
    ),
}


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Everything `make check` says of imports, run in `folder`."""
    contracts = subprocess.run(
        [str(LINT), "--no-cache"], cwd=folder, capture_output=True, text=True, check=False
    )
    if contracts.returncode:
        return contracts
    return subprocess.run(
        [sys.executable, str(folder / "packaging" / "check_imports.py")],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copy_of_the_project(tmp_path: Path) -> Path:
    folder = tmp_path / "copy"
    for name in ("app", "backends"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "packaging").mkdir()
    shutil.copy(ROOT / "packaging" / "check_imports.py", folder / "packaging")
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def test_the_project_keeps_its_contracts(copy_of_the_project: Path) -> None:
    result = lint(copy_of_the_project)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("violation", VIOLATIONS)
def test_a_planted_violation_is_found(copy_of_the_project: Path, violation: str) -> None:
    name, line = VIOLATIONS[violation]
    planted = copy_of_the_project / name
    before = planted.read_text(encoding="utf-8") if planted.exists() else ""
    planted.write_text(before + line, encoding="utf-8")
    result = lint(copy_of_the_project)
    assert result.returncode != 0
    assert planted.stem in result.stdout


def test_packaging_is_no_python_package() -> None:
    assert not (ROOT / "packaging" / "__init__.py").exists()
