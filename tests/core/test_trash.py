"""What cannot go to the trash leaves nothing there."""

import sys
from pathlib import Path

import pytest

from app.core.trash import move_to_trash

pytestmark = pytest.mark.skipif(
    sys.platform in ("win32", "darwin"), reason="the system's trash keeps no notes there"
)


def test_no_note_is_left_of_a_file_that_the_trash_did_not_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    notes, kept = tmp_path / "Trash" / "info", tmp_path / "Trash" / "files"
    for folder in (notes, kept):
        folder.mkdir(parents=True)
    others = [notes / "big.gguf.trashinfo", notes / "other.trashinfo"]
    for each in others:
        each.write_text("[Trash Info]\n")
    file = tmp_path / "big.gguf"
    file.write_bytes(b"x")

    def full(path: Path) -> None:
        (notes / "big 1.gguf.trashinfo").touch()
        raise OSError("No space left on device")

    monkeypatch.setattr("send2trash.send2trash", full)
    with pytest.raises(OSError, match="No space"):
        move_to_trash(file)
    assert file.exists()
    assert sorted(notes.iterdir()) == others
