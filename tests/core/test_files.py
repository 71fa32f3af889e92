import errno
import os
from pathlib import Path

import pytest

from app.core.errors import StorageError
from app.core.files import set_aside, storage_error, write_atomically


def test_it_writes_and_makes_the_folder(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "down" / "file.json"
    write_atomically(target, b"one")
    write_atomically(target, b"two")

    assert target.read_bytes() == b"two"
    assert [path.name for path in target.parent.iterdir()] == ["file.json"]


def test_a_failed_write_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "file.json"
    write_atomically(target, b"old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError) as caught:
        write_atomically(target, b"new")

    assert "No space left" in caught.value.message
    assert "Free some space" in caught.value.hint
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.glob("*file*")] == ["file.json"]


def test_a_folder_in_the_way_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()

    with pytest.raises(StorageError):
        write_atomically(tmp_path / "file", b"data")
    assert list(tmp_path.glob(".file*")) == []


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
def test_a_link_stays_a_link(tmp_path: Path) -> None:
    real = tmp_path / "real.json"
    real.write_bytes(b"old")
    link = tmp_path / "link.json"
    link.symlink_to(real)
    write_atomically(link, b"new")

    assert link.is_symlink()
    assert real.read_bytes() == b"new"


def test_files_set_aside_never_overwrite_each_other(tmp_path: Path) -> None:
    target = tmp_path / "settings.json"
    kept = set()
    for number in range(3):
        target.write_text(str(number), encoding="utf-8")
        kept.add(set_aside(target))

    assert not target.exists()
    assert sorted(path.read_text(encoding="utf-8") for path in kept) == ["0", "1", "2"]
    assert all(path.name.startswith("settings.json.broken-") for path in kept)


def test_setting_aside_what_is_not_there_is_reported(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        set_aside(tmp_path / "missing")


@pytest.mark.parametrize(
    ("number", "hint"),
    [
        (errno.ENOSPC, "Free some space"),
        (errno.EACCES, "you may write"),
        (errno.EROFS, "you may write"),
        (errno.EIO, "the disk is there"),
    ],
)
def test_errors_come_with_advice(number: int, hint: str) -> None:
    error = storage_error("It failed", Path("x"), OSError(number, os.strerror(number)))

    assert hint in error.hint
    assert os.strerror(number) in error.message


def test_a_file_that_another_program_has_open_on_windows_is_no_missing_permission() -> None:
    error = PermissionError(errno.EACCES, "The process cannot access the file")
    error.winerror = 32  # type: ignore[attr-defined] # exists on Windows only
    assert "Close what else uses it" in storage_error("It failed", Path("x"), error).hint
