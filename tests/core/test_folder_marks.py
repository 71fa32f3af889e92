"""What tells a models folder from a mount point without its drive."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core import folder_marks
from app.core.errors import StorageError
from app.core.folder_marks import MARK, FolderMarks, check_mark, mount_of


@pytest.fixture
def marks(tmp_path: Path) -> FolderMarks:
    return FolderMarks(tmp_path / "data" / "folders.json")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "models"
    path.mkdir()
    return path


def refused(marks: FolderMarks, folder: Path) -> bool:
    try:
        marks.check(folder)
    except StorageError:
        return True
    return False


def test_what_is_not_known_is_not_judged(marks: FolderMarks, folder: Path) -> None:
    assert not refused(marks, folder)
    assert marks.of(folder) == ""
    check_mark(folder, marks.of(folder))
    assert list(folder.iterdir()) == []


def test_a_folder_is_known_again_wherever_its_content_goes(
    marks: FolderMarks, folder: Path, tmp_path: Path
) -> None:
    marks.keep(folder)
    marks.keep(folder)
    shutil.copytree(folder, tmp_path / "bigger")
    shutil.rmtree(folder)
    (tmp_path / "bigger").rename(folder)
    assert not refused(marks, folder)
    check_mark(folder, marks.of(folder))


def test_a_folder_made_anew_on_the_same_drive_is_marked_again(
    marks: FolderMarks, folder: Path
) -> None:
    marks.keep(folder)
    shutil.rmtree(folder)
    folder.mkdir()
    with pytest.raises(StorageError, match="not connected"):
        check_mark(folder, marks.of(folder))
    assert not refused(marks, folder)
    check_mark(folder, marks.of(folder))


def test_a_mount_point_without_its_drive_is_refused_until_it_is_chosen_anew(
    marks: FolderMarks, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_marks, "mount_of", lambda _: folder)
    marks.keep(folder)
    (folder / MARK).unlink()
    monkeypatch.setattr(folder_marks, "mount_of", lambda _: Path(folder.anchor))
    assert refused(marks, folder)
    assert list(folder.iterdir()) == []
    marks.forget(folder)
    marks.keep(folder)
    assert not refused(marks, folder)


def test_another_drive_in_the_same_place_is_refused(
    marks: FolderMarks, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_marks, "mount_of", lambda _: folder)
    marks.keep(folder)
    (folder / MARK).write_text("of another stick\n")
    assert refused(marks, folder)
    assert (folder / MARK).read_text() == "of another stick\n"


def test_two_computers_may_share_a_drive(marks: FolderMarks, folder: Path, tmp_path: Path) -> None:
    marks.keep(folder)
    other = FolderMarks(tmp_path / "other computer" / "folders.json")
    other.keep(folder)
    assert other.of(folder) == marks.of(folder) != ""


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x" * 10_000, b""])
def test_a_strange_file_is_no_mark(marks: FolderMarks, folder: Path, content: bytes) -> None:
    marks.keep(folder)
    text = marks.of(folder)
    (folder / MARK).write_bytes(content)
    with pytest.raises(StorageError):
        check_mark(folder, text)


def test_what_is_remembered_outlives_the_program(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "folders.json"
    FolderMarks(path).keep(folder)
    assert FolderMarks(path).of(folder) == (folder / MARK).read_text().strip()
    path.write_bytes(b"damaged")
    assert FolderMarks(path).of(folder) == ""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system, to be mounted somewhere."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if sys.platform != "linux" or shutil.which("mount") is None:
        pytest.skip("needs mount")
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("only root may mount")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_real_drive_that_is_not_mounted_is_noticed(
    marks: FolderMarks, folder: Path, disk: Path
) -> None:
    models = folder / "models"
    models.mkdir()  # as some systems make it before the drive is mounted
    subprocess.run(["mount", "--bind", str(disk), str(folder)], check=True)
    try:
        models.mkdir()
        marks.keep(models)
        assert mount_of(models) == folder
        (models / MARK).unlink()
        assert not refused(marks, models), "the drive is there, so it is the same folder"
        assert (models / MARK).exists()
    finally:
        subprocess.run(["umount", str(folder)], check=True)
    assert mount_of(models) != folder
    assert refused(marks, models)
    assert list(models.iterdir()) == []
    subprocess.run(["mount", "--bind", str(disk), str(folder)], check=True)
    try:
        assert not refused(marks, models)
    finally:
        subprocess.run(["umount", str(folder)], check=True)
