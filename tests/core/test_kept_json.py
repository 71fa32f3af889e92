"""Small files that are written back: one refused or unknown read loses nothing that is in them."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from app.core.errors import StorageError
from app.core.file_records import FileRecord, FileRecords, Origin
from app.core.kept_json import load_json
from app.core.library import ModelLibrary
from app.core.library_choices import Choices, change_choices, load_choices
from app.core.model_marks import ModelMarks
from app.core.paths import AppPaths, app_paths
from app.core.settings import SettingsStore
from tests.core.model_stores import put, tiny
from tests.core.test_downloads import model_bytes
from tests.core.test_model_updates import NAME, REPO, Desk, desk

__all__ = ["desk"]

ORIGIN = Origin("maker/repo", "d" * 40, None, 1.0)
Refuse = Callable[[Path], None]


@pytest.fixture
def paths() -> AppPaths:
    return app_paths()


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch) -> Refuse:
    """Refuses the next read of a file, as Windows does while a virus scanner has it."""
    busy: list[Path] = []
    real = Path.read_bytes

    def read_bytes(self: Path) -> bytes:
        if self in busy:
            busy.remove(self)
            raise PermissionError(13, "The process cannot access the file", str(self))
        return real(self)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    return busy.append


def know(records: FileRecords, path: Path) -> None:
    stat = path.stat()
    records.checked(path, FileRecord(stat.st_size, stat.st_mtime_ns, origin=ORIGIN))


def broken(path: Path) -> list[bytes]:
    return [each.read_bytes() for each in path.parent.glob(f"{path.name}.broken-*")]


def test_a_damaged_file_is_set_aside_and_one_that_cannot_be_read_stays(
    tmp_path: Path, refuse: Refuse
) -> None:
    path = put(tmp_path / "kept.json", b'{"a": "7"}')
    assert load_json(tmp_path / "none.json", dict[str, str]) is None
    refuse(path)
    with pytest.raises(StorageError, match="could not be read"):
        load_json(path, dict[str, str])
    assert load_json(path, dict[str, str]) == {"a": "7"}
    assert load_json(path, dict[str, int]) is None
    assert broken(path) == [b'{"a": "7"}']


@pytest.mark.parametrize("already_read", [True, False])
def test_records_survive_a_read_that_is_refused(
    paths: AppPaths, tmp_path: Path, refuse: Refuse, already_read: bool
) -> None:
    files = [put(tmp_path / f"{name}.gguf", tiny()) for name in "abc"]
    for each in files[:2]:
        know(FileRecords(paths.model_files_file), each)
    records = FileRecords(paths.model_files_file)
    if not already_read:
        refuse(paths.model_files_file)
    records.of(files[0])
    refuse(paths.model_files_file)
    know(records, files[2])
    records.forget([files[0]])
    for kept in (records, FileRecords(paths.model_files_file)):
        known = kept.of(files[1])
        assert known is not None
        assert known.origin == ORIGIN


def test_records_of_a_newer_version_are_set_aside(paths: AppPaths, tmp_path: Path) -> None:
    newer = b'{"/m.gguf": {"size": 1, "mtime_ns": 1, "told_by": "an oracle"}}'
    put(paths.model_files_file, newer)
    path = put(tmp_path / "a.gguf", tiny())
    know(FileRecords(paths.model_files_file), path)
    assert broken(paths.model_files_file) == [newer]


def test_bookmarks_survive_a_read_that_is_refused(tmp_path: Path, refuse: Refuse) -> None:
    path = tmp_path / "models.json"
    ModelMarks(path).bookmark("a/one", "One", on=True)
    refuse(path)
    marks = ModelMarks(path)
    assert marks.bookmarks() == ()
    refuse(path)
    marks.viewed("a/two", "Two")
    refuse(path)
    with pytest.raises(StorageError):
        marks.bookmark("a/three", "Three", on=True)
    marks.bookmark("a/four", "Four", on=True)
    assert {each.repo for each in ModelMarks(path).bookmarks()} == {"a/one", "a/four"}
    path.write_bytes(b'{"bookmarks": 7}')
    marks.viewed("a/two", "Two")
    assert broken(path) == [b'{"bookmarks": 7}']


def test_newer_files_that_were_found_survive_a_read_that_is_refused(
    desk: Desk, refuse: Refuse
) -> None:
    item, file = desk.item(), desk.paths.updates_file
    desk.updates().installed(item)
    path = item.target / NAME
    stat, sha256 = path.stat(), item.request.files[0].sha256 or ""
    record = FileRecord(stat.st_size, stat.st_mtime_ns, sha256, "hub", origin=ORIGIN)
    desk.library.records.checked(path, record)
    desk.hub.repositories[REPO].add(NAME, model_bytes(2))
    desk.updates().look(now=True)
    updates = desk.updates()
    refuse(file)
    assert updates.available() == ()
    refuse(file)
    updates.installed(msgspec.structs.replace(item, target=desk.paths.models / "another"))
    assert len(desk.updates().available()) == 1
    file.write_bytes(b"{")
    assert desk.updates().available() == ()
    assert broken(file) == [b"{"]


def test_adopted_models_survive_a_read_that_is_refused(
    paths: AppPaths, tmp_path: Path, refuse: Refuse
) -> None:
    path = put(tmp_path / "shelf" / "a-Q8_0.gguf", tiny())
    file = paths.data / "library.json"
    settings = SettingsStore(paths.settings_file)
    ModelLibrary(paths, settings).adopt(path)
    refuse(file)
    library = ModelLibrary(paths, settings)
    assert library.problem is not None
    refuse(file)
    with pytest.raises(StorageError):
        library.note("x", "a note")
    assert broken(file) == []
    library.note("x", "a note")
    assert load_choices(file)[0].adopted == (str(path),)


def test_choices_that_can_neither_be_read_nor_set_aside_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = put(tmp_path / "library.json", b"{")

    def refused(path: Path) -> Path:
        raise StorageError("it could not be set aside")

    monkeypatch.setattr("app.core.library_choices.set_aside", refused)
    with pytest.raises(StorageError):
        change_choices(file, Choices.recalling)
    assert file.read_bytes() == b"{"
