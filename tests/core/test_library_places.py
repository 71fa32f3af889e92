"""Several places of models: one that hangs holds up nobody, and comes back by itself."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core import library_places, library_scanner
from app.core.errors import StorageError
from app.core.library import LocalModel, ModelLibrary
from app.core.library_found import Found
from app.core.library_import import import_models, plan_import
from app.core.library_places import Looked, Place, PlaceLook
from app.core.library_scan import find_models
from app.core.library_types import Source
from app.core.paths import AppPaths, app_paths
from app.core.settings import Models, SettingsStore
from tests.core.model_stores import put, tiny
from tests.timing import PATIENCE


@pytest.fixture
def paths() -> AppPaths:
    return app_paths()


@pytest.fixture
def settings(paths: AppPaths) -> SettingsStore:
    return SettingsStore(paths.settings_file)


class Share:
    """A network share that can stop answering: whoever looks then waits.

    The library's patience with it ends at once; with other places it is as always.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.answers = threading.Event()
        self.answers.set()
        self.looks = 0
        find = find_models

        def found(root: Path, source: Source, program: str = "") -> Iterator[Found]:
            if root == folder:
                self.looks += 1
                self.answers.wait()
            yield from find(root, source, program)

        wait = PlaceLook.wait

        def waited(look: PlaceLook, patience: float) -> bool:
            hangs = look.place.path == folder and not self.answers.is_set()
            return wait(look, 0.05 if hangs else PATIENCE)

        monkeypatch.setattr(library_places, "find_models", found)
        monkeypatch.setattr(PlaceLook, "wait", waited)


@pytest.fixture
def share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Share]:
    share = Share(tmp_path / "share", monkeypatch)
    yield share
    share.answers.set()


def own(models: tuple[LocalModel, ...]) -> dict[str, LocalModel]:
    return {model.path.name: model for model in models if model.source != "starter"}


def test_models_of_five_roots_are_one_list(
    paths: AppPaths, settings: SettingsStore, tmp_path: Path
) -> None:
    roots = [tmp_path / f"disk-{number}" for number in range(4)]
    put(paths.models / "a" / "b" / "own-Q8_0.gguf", tiny("own"))
    for number, root in enumerate(roots):
        put(root / "a" / "b" / f"model-{number}-Q8_0.gguf", tiny(str(number)))
    settings.update(models=Models(extra_folders=tuple(map(str, roots))))
    library = ModelLibrary(paths, settings)
    assert len(own(library.scan())) == 5
    roots[2].rename(tmp_path / "unplugged")
    models = own(library.scan())
    assert [name for name, each in models.items() if not each.present] == ["model-2-Q8_0.gguf"]
    (tmp_path / "unplugged").rename(roots[2])
    assert all(each.present for each in own(library.scan()).values())


def test_a_long_scan_lists_each_place_as_it_is_done(
    paths: AppPaths, settings: SettingsStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    roots = [tmp_path / f"disk-{number}" for number in range(3)]
    for number, root in enumerate(roots):
        put(root / f"model-{number}-Q8_0.gguf", tiny(str(number)))
    settings.update(models=Models(extra_folders=tuple(map(str, roots))))
    monkeypatch.setattr(library_scanner, "_NEWS_SECONDS", 0)
    library = ModelLibrary(paths, settings)
    told: list[int] = []
    library.changed.connect(lambda: told.append(len(own(library.models()))))
    library.scan()
    assert told == [1, 2, 3, 3], "the last one is the starter model"
    roots[0].rename(tmp_path / "unplugged")
    assert len(own(ModelLibrary(paths, settings).scan())) == 3, "the index was kept whole"


def test_a_share_that_hangs_holds_up_nobody_and_comes_back_by_itself(
    paths: AppPaths, settings: SettingsStore, share: Share, tmp_path: Path
) -> None:
    last = tmp_path / "last"
    put(share.folder / "a" / "b" / "shared-Q8_0.gguf", tiny("shared"))
    put(last / "a" / "b" / "last-Q8_0.gguf", tiny("last"))
    settings.update(models=Models(extra_folders=(str(share.folder), str(last))))
    ModelLibrary(paths, settings).scan()

    library = ModelLibrary(paths, settings)
    share.answers.clear()
    models = own(library.scan())
    assert models["last-Q8_0.gguf"].present
    away = models["shared-Q8_0.gguf"]
    assert (away.present, away.problem) == (False, library_places.SILENT)
    assert library.silent_folders() == {share.folder}
    looks = share.looks
    assert not own(library.scan())["shared-Q8_0.gguf"].present
    assert share.looks == looks, "one look waits; nobody begins another"

    told = threading.Event()
    library.changed.connect(told.set)
    share.answers.set()
    assert told.wait(PATIENCE)
    assert own(library.models())["shared-Q8_0.gguf"].present
    assert library.silent_folders() == frozenset()
    assert own(library.scan())["shared-Q8_0.gguf"].problem is None


def test_models_of_a_share_that_hangs_at_the_first_start_appear_when_it_answers(
    paths: AppPaths, settings: SettingsStore, share: Share
) -> None:
    put(share.folder / "shared-Q8_0.gguf", tiny("shared"))
    settings.update(models=Models(extra_folders=(str(share.folder),)))
    library = ModelLibrary(paths, settings)
    share.answers.clear()
    told = threading.Event()
    assert own(library.scan()) == {}
    library.changed.connect(told.set)
    share.answers.set()
    assert told.wait(PATIENCE)
    assert own(library.models())["shared-Q8_0.gguf"].present


def test_a_place_that_was_taken_off_meanwhile_is_not_taken_up_late(
    paths: AppPaths, settings: SettingsStore, share: Share
) -> None:
    put(share.folder / "shared-Q8_0.gguf", tiny("shared"))
    settings.update(models=Models(extra_folders=(str(share.folder),)))
    library = ModelLibrary(paths, settings)
    share.answers.clear()
    library.scan()
    settings.update(models=Models())
    library.scan()
    waiting = [each for each in threading.enumerate() if each.name == "look-share"]
    share.answers.set()
    for thread in waiting:
        thread.join(PATIENCE)
    assert waiting
    assert own(library.models()) == {}


def test_a_look_that_gets_on_is_waited_for_however_long_it_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        put(tmp_path / f"m{number}-Q8_0.gguf", tiny())
    go, read = threading.Semaphore(0), threading.Semaphore(0)

    def slowly(_: Found) -> None:
        read.release()
        go.acquire()

    look = PlaceLook(Place(tmp_path, "folder"), slowly)
    assert read.acquire(timeout=PATIENCE)
    done, waits = look._done.wait, []

    def one_step(patience: float) -> bool:
        """The patience, in which it comes to the next model or, after the last one, to its end."""
        waits.append(patience)
        go.release()
        if len(waits) < 5:
            assert read.acquire(timeout=PATIENCE)
            return False
        return done(PATIENCE)

    monkeypatch.setattr(look._done, "wait", one_step)
    assert look.wait(0.05)
    assert waits == [0.05] * 5
    assert look.result() == Looked()


def test_a_drive_that_fails_halfway_is_away_and_not_empty(
    paths: AppPaths, settings: SettingsStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "drive"
    put(root / "a-Q8_0.gguf", tiny("a"))
    settings.update(models=Models(extra_folders=(str(root),)))
    library = ModelLibrary(paths, settings)
    library.scan()

    def failing(where: Path, source: Source, program: str = "") -> Iterator[Found]:
        if where == root:
            raise OSError(5, "Input/output error")
        yield from ()

    monkeypatch.setattr(library_places, "find_models", failing)
    assert not own(library.scan())["a-Q8_0.gguf"].present
    monkeypatch.undo()
    assert own(library.scan())["a-Q8_0.gguf"].present


@pytest.fixture
def drive(settings: SettingsStore, tmp_path: Path) -> Path:
    """The root of a drive, with two models."""
    root = tmp_path / "drive"
    for name in "ab":
        put(root / "maker" / "repo" / f"{name}-Q8_0.gguf", tiny(name))
    settings.update(models=Models(folder=str(root)))
    return root


def _unmount(root: Path, away: Path) -> None:
    """Leave an empty mount point, which is another folder."""
    away.mkdir()
    root.rename(away / root.name)
    root.mkdir()


def test_an_empty_mount_point_is_a_drive_that_is_away(
    paths: AppPaths, settings: SettingsStore, drive: Path, tmp_path: Path
) -> None:
    ModelLibrary(paths, settings).scan()
    _unmount(drive, tmp_path / "away")
    for library in (ModelLibrary(paths, settings), ModelLibrary(paths, settings)):
        models = own(library.scan())
        assert [each.problem for each in models.values()] == [library_places.AWAY] * 2
        assert library.silent_folders() == {drive}, "nothing is to be put there"
    path = put(tmp_path / "elsewhere" / "c-Q8_0.gguf", tiny("c"))
    plan = plan_import([path], library.folder, "copy", [])
    with pytest.raises(StorageError, match="not connected"):
        import_models(library, plan, lambda *_: None, lambda: False)
    drive.rmdir()
    (tmp_path / "away" / "drive").rename(drive)
    assert all(each.present for each in own(library.scan()).values())
    assert library.silent_folders() == frozenset()


def test_what_lies_in_the_mount_point_is_not_the_drive(
    paths: AppPaths,
    settings: SettingsStore,
    drive: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    library = ModelLibrary(paths, settings)
    library.scan()
    _unmount(drive, tmp_path / "away")
    put(drive / "c-Q8_0.gguf", tiny("c"))
    monkeypatch.setattr(library_places, "_identity", lambda place: (7, 7))
    assert {name: each.present for name, each in own(library.scan()).items()} == {
        "a-Q8_0.gguf": False,
        "b-Q8_0.gguf": False,
        "c-Q8_0.gguf": True,
    }


def test_a_drive_that_comes_back_with_another_number_is_the_drive(
    paths: AppPaths, settings: SettingsStore, drive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = ModelLibrary(paths, settings)
    library.scan()
    monkeypatch.setattr(library_places, "_identity", lambda place: (7, 2**100))
    assert all(each.present for each in own(library.scan()).values())
    (drive / "maker" / "repo" / "a-Q8_0.gguf").unlink()
    assert set(own(library.scan())) == {"b-Q8_0.gguf"}


def test_models_that_were_deleted_are_gone(
    paths: AppPaths, settings: SettingsStore, drive: Path
) -> None:
    library = ModelLibrary(paths, settings)
    for model in own(library.scan()).values():
        library.delete(model.id, to_trash=False)
    assert list(drive.iterdir()) == []
    assert own(library.scan()) == {}
    assert library.silent_folders() == frozenset()


def test_a_defect_in_a_look_is_not_hidden(tmp_path: Path) -> None:
    put(tmp_path / "a.gguf", tiny())

    def broken(_: Found) -> None:
        raise ZeroDivisionError

    look = PlaceLook(Place(tmp_path, "folder"), broken)
    assert look.wait(PATIENCE)
    with pytest.raises(ZeroDivisionError):
        look.result()
