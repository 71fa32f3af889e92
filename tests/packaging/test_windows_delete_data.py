"""What the uninstaller deletes of a person's folders, and what it never touches."""

import os
import stat
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.packaging.scripts import ROOT, load_script

SCRIPT = ROOT / "packaging" / "windows" / "program" / "corral_delete_data.py"


@pytest.fixture
def deletion() -> ModuleType:
    return load_script("windows/program/corral_delete_data")


@pytest.fixture
def behind(tmp_path: Path) -> Path:
    """A folder elsewhere, with something in it."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "large.gguf").write_text("GGUF")
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "Corral"
    for name in ("Cache/seen/one.json", "Logs/corral.log", "models/own.gguf", "settings.json"):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    return folder


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_caches_go_and_what_a_person_made_stays(deletion: ModuleType, data: Path) -> None:
    assert deletion.main(["caches", str(data)]) == 0
    assert names(data) == {"models/own.gguf", "settings.json"}
    assert {path.name for path in data.iterdir()} == {"models", "settings.json"}


def test_a_folder_with_nothing_but_caches_goes_whole(deletion: ModuleType, data: Path) -> None:
    (data / "settings.json").unlink()
    (data / "models" / "own.gguf").unlink()
    (data / "models").rmdir()
    assert deletion.main(["caches", str(data)]) == 0
    assert not data.exists()


@pytest.mark.parametrize("what", ["caches", "all"])
def test_where_there_is_nothing_nothing_is_deleted(
    deletion: ModuleType, tmp_path: Path, what: str
) -> None:
    assert deletion.main([what, str(tmp_path / "Corral")]) == 0
    assert list(tmp_path.glob("Corral*")) == []


def test_all_goes_but_not_what_links_lead_to(
    deletion: ModuleType, data: Path, behind: Path, tmp_path: Path
) -> None:
    (data / "models" / "linked").symlink_to(behind)
    (data / "models" / "large.gguf").symlink_to(behind / "large.gguf")
    (data / "models" / "gone").symlink_to(tmp_path / "not there")
    assert deletion.main(["all", str(data)]) == 0
    assert names(behind) == {"large.gguf"}
    assert list(tmp_path.glob("Corral*")) == []


def test_caches_that_lie_elsewhere_are_left_there(
    deletion: ModuleType, data: Path, behind: Path
) -> None:
    (data / "Logs" / "corral.log").unlink()
    (data / "Logs").rmdir()
    (data / "Logs").symlink_to(behind)
    assert deletion.main(["caches", str(data)]) == 0
    assert not os.path.lexists(data / "Logs")
    assert names(behind) == {"large.gguf"}


@pytest.mark.parametrize("what", ["caches", "all"])
def test_a_link_in_the_place_of_the_data_folder(
    deletion: ModuleType, data: Path, tmp_path: Path, what: str
) -> None:
    """It stays while anything is to be kept; what it leads to stays in any case."""
    elsewhere = data.rename(tmp_path / "moved")
    data.symlink_to(elsewhere)
    before = names(elsewhere)
    assert deletion.main([what, str(data)]) == 0
    if what == "caches":
        assert data.is_symlink()
        assert names(elsewhere) == {"models/own.gguf", "settings.json"}
    else:
        assert not os.path.lexists(data)
        assert names(elsewhere) == before


def test_reparse_points_of_windows_are_not_entered(
    deletion: ModuleType, data: Path, behind: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever their kind: only the attribute is asked for, which Windows tells of junctions."""

    class Entry:
        """Looks like a folder, as a junction does."""

        def __init__(self, entry: "os.DirEntry[str]") -> None:
            self.name, self.path = entry.name, entry.path
            self._attributes = stat.FILE_ATTRIBUTE_REPARSE_POINT if entry.is_symlink() else 0
            self._folder = entry.is_dir()

        def __fspath__(self) -> str:
            return self.path

        def is_dir(self, *, follow_symlinks: bool) -> bool:
            return self._folder

        def is_symlink(self) -> bool:
            return False

        def stat(self, *, follow_symlinks: bool) -> object:
            return type("Found", (), {"st_file_attributes": self._attributes | 0x10})

    class Entries(list[Entry]):
        def __enter__(self) -> "Entries":
            return self

        def __exit__(self, *_: object) -> None:
            self.clear()

    scan = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: Entries(map(Entry, scan(path))))
    monkeypatch.setattr(sys, "platform", "win32")
    (data / "models" / "linked").symlink_to(behind)
    assert deletion.main(["all", str(data)]) == 0
    monkeypatch.undo()
    assert names(behind) == {"large.gguf"}
    assert not data.exists()


def test_while_something_is_in_use_nothing_is_deleted(
    deletion: ModuleType, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows gives a folder no other name while a file in it is open."""
    before = names(data)
    rename = Path.rename

    def renamed(path: Path, target: Path) -> Path:
        if path.name == "Logs":
            raise PermissionError(13, "Access is denied", str(path))
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", renamed)
    assert deletion.main(["caches", str(data)]) == deletion.IN_USE
    assert names(data) == before


def test_what_is_read_only_goes_too(
    deletion: ModuleType, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows deletes no file that is marked so."""
    (data / "models" / "own.gguf").chmod(0o444)
    unlink = os.unlink

    def unlinked(path: Path) -> None:
        if not os.stat(path).st_mode & stat.S_IWRITE:
            raise PermissionError(13, "Access is denied", str(path))
        unlink(path)

    monkeypatch.setattr(os, "unlink", unlinked)
    assert deletion.main(["all", str(data)]) == 0
    assert not data.exists()


def test_what_could_not_be_deleted_is_told_and_lies_beside(
    deletion: ModuleType,
    data: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refuse(path: Path) -> None:
        raise OSError(5, "Input/output error", str(path))

    monkeypatch.setattr(os, "unlink", refuse)
    assert deletion.main(["all", str(data)]) == deletion.PARTLY
    assert "Input/output error" in capsys.readouterr().out
    (left,) = data.parent.glob("Corral.deleted-*")
    assert "settings.json" in names(left)


def test_it_needs_nothing_but_python(data: Path) -> None:
    done = subprocess.run([sys.executable, "-I", str(SCRIPT), "all", str(data)], check=False)
    assert done.returncode == 0
    assert not data.exists()
