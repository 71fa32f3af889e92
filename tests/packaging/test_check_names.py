"""Forbidden names are found, and allowed ones are let through."""

from pathlib import Path
from types import ModuleType

import pytest

from tests.packaging.scripts import load_script


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The check, looking at an empty folder."""
    script = load_script("check_names")
    monkeypatch.setattr(script, "ROOT", tmp_path)
    return script


def complaints(check: ModuleType, name: str, text: str = "") -> list[str]:
    """What is said of a file of that name and content."""
    file = check.ROOT / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    found: list[str] = check.complaints([Path(name)])
    return found


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("app/core/utils.py", "a module's name says what is in it"),
        ("tests/helpers.py", "a module's name says what is in it"),
        ("notes.txt", "not a name of the top level"),
        ("scripts/build.py", "not a name of the top level"),
        ("packaging/__init__.py", "shadows the packaging library"),
    ],
)
def test_a_forbidden_file_is_found(check: ModuleType, name: str, words: str) -> None:
    assert [words in line for line in complaints(check, name)] == [True]


@pytest.mark.parametrize("name", ["app/core/paths.py", "resources/utils.json", "Makefile"])
def test_other_files_are_let_through(check: ModuleType, name: str) -> None:
    assert complaints(check, name) == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("open('/" + "home/anna/model.gguf')", True),
        ("see /" + "Users/anna", True),
        ("https://files.python" + "hosted.org/x.whl", True),
        ("/usr/share/models", False),
        ("~/models", False),
        ("https://example.com/home/anna", False),
    ],
)
def test_a_line_that_names_one_machine_is_found(check: ModuleType, line: str, found: bool) -> None:
    assert bool(complaints(check, "app/core/x.py", f"# first\n{line}\n")) is found


def test_the_project_itself_has_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert load_script("check_names").main() == 0, capsys.readouterr().out


def test_without_git_ignored_files_are_left_out(
    check: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("app/paths.py", ".venv/lib/utils.py", "app/__pycache__/x.pyc", "a.egg-info/b"):
        complaints(check, name)  # makes the file
    (check.ROOT / ".gitignore").write_text(".venv/\n__pycache__/\n*.egg-info/\n")
    monkeypatch.setenv("PATH", "")
    assert sorted(map(str, check.project_files())) == [".gitignore", str(Path("app/paths.py"))]
