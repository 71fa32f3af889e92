"""Another models folder: models are never half there, never lost, never twice for good."""

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.core import file_copies, files
from app.core.checksums import Broken
from app.core.download_guard import guard_folder
from app.core.errors import StorageError
from app.core.file_records import FileRecord, Origin
from app.core.library import ModelLibrary
from app.core.paths import AppPaths, app_paths
from app.core.settings import Settings, SettingsStore
from tests.core.model_stores import put, tiny
from tests.core.test_download_queue import held_manager
from tests.core.test_downloads import Bench, bench

__all__ = ["bench"]

NAMES = ("a", "b", "c")
ORIGIN = Origin("maker/repo", "d" * 40, None, 1.0)


@pytest.fixture
def paths() -> AppPaths:
    return app_paths()


@pytest.fixture
def library(paths: AppPaths) -> ModelLibrary:
    for name in NAMES:
        put(paths.models / "maker" / "repo" / f"{name}-Q8_0.gguf", tiny(name, 10_000))
    library = ModelLibrary(paths, SettingsStore(paths.settings_file))
    library.scan()
    return library


@pytest.fixture
def other_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The new folder can neither be linked nor renamed to."""
    link, replace = os.link, os.replace

    def is_moved(old: Path, new: Path) -> bool:
        return str(old).endswith(".gguf") and str(new).endswith(".gguf")

    def refuse(real: Callable[[Path, Path], None]) -> Callable[[Path, Path], None]:
        def call(old: Path, new: Path) -> None:
            if is_moved(old, new):
                raise OSError(errno.EXDEV, "Invalid cross-device link")
            real(old, new)

        return call

    monkeypatch.setattr(os, "link", refuse(link))
    monkeypatch.setattr(os, "replace", refuse(replace))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


WHOLE = {f"{name}-Q8_0.gguf": tiny(name, 10_000) for name in NAMES}


@pytest.mark.usefixtures("other_disk")
def test_models_move_to_another_disk_with_what_is_known_of_them(
    library: ModelLibrary, paths: AppPaths, tmp_path: Path
) -> None:
    path = paths.models / "maker" / "repo" / "a-Q8_0.gguf"
    stat = path.stat()
    library.records.checked(path, FileRecord(stat.st_size, stat.st_mtime_ns, origin=ORIGIN))
    told: list[tuple[int, int]] = []
    new = tmp_path / "new"
    assert library.change_folder(new, True, lambda *each: told.append(each)) == ()
    assert contents(new) == WHOLE
    assert contents(paths.models) == {}
    assert told[-1][0] == told[-1][1] == sum(map(len, WHOLE.values()))
    record = library.records.of(new / "maker" / "repo" / "a-Q8_0.gguf")
    assert record is not None
    assert record.origin == ORIGIN, "its time of writing came along"
    assert library.records.of(path) is None


@pytest.mark.skipif(os.name == "nt", reason="Windows does it by itself")
@pytest.mark.usefixtures("other_disk")
def test_every_name_is_on_the_disk_before_the_setting_changes(
    library: ModelLibrary, paths: AppPaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new, synced = tmp_path / "new", list[Path]()
    update, sync = SettingsStore.update, files.sync_folder

    def record(folder: Path) -> None:
        synced.append(folder)
        sync(folder)

    def change(self: SettingsStore, **sections: Any) -> Settings:
        assert {new, new / "maker", new / "maker" / "repo"} <= set(synced)
        assert contents(new) == contents(paths.models) == WHOLE
        return update(self, **sections)

    monkeypatch.setattr(files, "sync_folder", record)
    monkeypatch.setattr(SettingsStore, "update", change)
    library.change_folder(new, True)
    assert library.folder == new
    assert contents(paths.models) == {}


@pytest.mark.usefixtures("other_disk")
def test_a_move_that_is_broken_off_changes_nothing(
    library: ModelLibrary, paths: AppPaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_copies, "_PIECE", 5000)
    calls: list[bool] = []

    def later() -> bool:
        calls.append(True)
        return len(calls) > 4

    with pytest.raises(Broken):
        library.change_folder(tmp_path / "new", True, cancelled=later)
    assert library.folder == paths.models
    assert contents(paths.models) == WHOLE
    assert list((tmp_path / "new").iterdir()) == []


_KILLED = """
import os, signal, sys
from pathlib import Path
from app.core import file_copies, file_moves
from app.core.library import ModelLibrary
from app.core.paths import app_paths
from app.core.settings import Settings, SettingsStore

where = sys.argv[2]
calls = []
def die(*args, **kwargs):
    calls.append(args)
    if len(calls) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*args, **kwargs)

file_moves.link_new = lambda *_: False
def no_rename(*_):
    raise OSError(18, "Invalid cross-device link")
file_moves.rename_new = no_rename
if where == "copying":
    real, os.fsync = os.fsync, die
elif where == "placing":
    real, file_copies.rename_new = file_copies.rename_new, die
else:
    real, Path.unlink = Path.unlink, lambda self, **k: die(self, **k) if (
        str(self).endswith(".gguf")) else real(self, **k)
paths = app_paths()
library = ModelLibrary(paths, SettingsStore(paths.settings_file))
library.scan()
library.change_folder(Path(sys.argv[1]), True)
"""


@pytest.mark.skipif(os.name == "nt", reason="kills by signal")
@pytest.mark.usefixtures("other_disk")
@pytest.mark.parametrize("where", ["copying", "placing", "deleting"])
def test_a_killed_move_loses_nothing_and_can_be_done_again(
    library: ModelLibrary, paths: AppPaths, tmp_path: Path, where: str
) -> None:
    new = tmp_path / "new"
    command = [sys.executable, "-c", _KILLED, str(new), where]
    killed = subprocess.run(command, env={**os.environ, "PYTHONPATH": os.getcwd()}, check=False)
    assert killed.returncode == -signal.SIGKILL
    again = ModelLibrary(paths, SettingsStore(paths.settings_file))
    listed = {each.path.name: each for each in again.scan() if each.source == "corral"}
    assert {name: each.path.read_bytes() for name, each in listed.items()} == WHOLE
    assert all(each.problem is None for each in listed.values())
    assert again.folder == (new if where == "deleting" else paths.models)
    again.change_folder(new, True)
    assert contents(new) == WHOLE


@pytest.mark.usefixtures("other_disk")
def test_the_library_can_be_used_while_models_move(
    library: ModelLibrary, paths: AppPaths, tmp_path: Path
) -> None:
    """What comes meanwhile is taken along, what is deleted stays deleted."""
    seen = threading.Event()

    def meanwhile(done: int, total: int) -> None:
        if seen.is_set():
            return
        seen.set()
        put(paths.models / "maker" / "repo" / "d-Q8_0.gguf", tiny("d"))
        listed = threading.Thread(target=library.scan)
        listed.start()
        listed.join(20)
        assert not listed.is_alive(), "nobody waits for the move"
        library.delete("maker/repo/a-Q8_0", to_trash=False)

    new = tmp_path / "new"
    library.change_folder(new, True, meanwhile)
    assert set(contents(new)) == {"b-Q8_0.gguf", "c-Q8_0.gguf", "d-Q8_0.gguf"}
    assert contents(paths.models) == {}


def test_the_same_folder_by_another_name_loses_nothing(
    library: ModelLibrary, paths: AppPaths, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(paths.models)
    library.change_folder(tmp_path / "link", True)
    assert contents(tmp_path / "link") == WHOLE
    library.change_folder(paths.models)
    library.scan()
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "maker").symlink_to(paths.models / "maker")
    with pytest.raises(StorageError, match="link into"):
        library.change_folder(tmp_path / "half", True)
    assert contents(paths.models) == WHOLE


def test_what_cannot_be_deleted_is_told(
    library: ModelLibrary, paths: AppPaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = paths.models / "maker" / "repo" / "b-Q8_0.gguf"
    unlink = Path.unlink

    def in_use(self: Path, missing_ok: bool = False) -> None:
        if self == busy:
            raise PermissionError(13, "The process cannot access the file")
        unlink(self, missing_ok)

    monkeypatch.setattr(Path, "unlink", in_use)
    assert library.change_folder(tmp_path / "new", True) == (busy,)
    assert contents(tmp_path / "new") == WHOLE
    assert library.folder == tmp_path / "new"


def test_a_setting_that_cannot_be_kept_leaves_the_models(
    library: ModelLibrary, paths: AppPaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: SettingsStore, **sections: object) -> None:
        raise StorageError("settings.json could not be written")

    monkeypatch.setattr(SettingsStore, "update", full)
    with pytest.raises(StorageError, match="could not be written"):
        library.change_folder(tmp_path / "new", True)
    assert contents(paths.models) == WHOLE
    assert contents(tmp_path / "new") == {}


def test_a_folder_that_downloads_go_to_stays_the_folder(bench: Bench, tmp_path: Path) -> None:
    with held_manager(bench) as manager:
        bench.library.guard_folder(lambda folder: guard_folder(manager, folder))
        item = manager.add(bench.request())
        with pytest.raises(StorageError, match="A model"):
            bench.library.change_folder(tmp_path / "new", True)
        assert bench.library.folder == bench.paths.models
        manager.cancel(item.id)
        bench.library.change_folder(tmp_path / "new")
    assert bench.library.folder == tmp_path / "new"
