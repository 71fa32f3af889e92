"""The folders that downloads may go to: which may be, how they are named, which is the standard."""

from collections.abc import Callable
from pathlib import Path

import pytest

from app.core import folder_marks
from app.core.errors import StorageError
from app.core.folder_marks import MARK
from app.core.library import ModelLibrary
from app.core.model_roots import ModelRoots
from app.core.other_programs import ProgramFolder
from app.core.paths import AppPaths, app_paths
from app.core.settings import Models, SettingsStore
from tests.core.broken_gguf import tiny_model


@pytest.fixture
def paths(corral_home: Path) -> AppPaths:
    return app_paths()


@pytest.fixture
def settings(paths: AppPaths) -> SettingsStore:
    return SettingsStore(paths.settings_file)


@pytest.fixture
def roots(paths: AppPaths, settings: SettingsStore) -> ModelRoots:
    return ModelRoots(paths, settings)


@pytest.fixture
def folder(tmp_path: Path) -> Callable[[str], Path]:
    def make(name: str) -> Path:
        (tmp_path / name).mkdir(parents=True)
        return tmp_path / name

    return make


def test_folders_are_found_by_path_and_by_a_name_that_is_unique(
    roots: ModelRoots, paths: AppPaths, folder: Callable[[str], Path]
) -> None:
    big, small = roots.add(folder("a/Big Disk")), roots.add(folder("b/small"))
    assert roots.all() == (paths.models, big, small)
    assert roots.named("big disk") == big
    assert roots.named(str(small)) == small
    assert roots.named("nothing") is None
    other = roots.add(folder("c/small"))
    assert roots.named("small") is None
    assert roots.of(other / "maker" / "repo") == other
    assert roots.of(Path("/elsewhere")) is None


def test_another_standard_leaves_the_old_one_a_models_folder(
    roots: ModelRoots, paths: AppPaths, settings: SettingsStore, folder: Callable[[str], Path]
) -> None:
    big = roots.add(folder("big"))
    roots.make_standard(big)
    assert roots.all() == (big, paths.models)
    roots.make_standard(paths.models)
    assert settings.current.models.folder is None
    assert roots.all() == (paths.models, big)
    roots.drop(big)
    assert roots.all() == (paths.models,)
    assert big.is_dir()


def test_what_is_somebody_elses_is_refused(
    paths: AppPaths, settings: SettingsStore, folder: Callable[[str], Path]
) -> None:
    theirs, used, free = folder("studio/models"), folder("used"), folder("free")
    programs = (ProgramFolder("LM Studio", theirs),)
    library = ModelLibrary(paths, settings, program_folders=lambda: programs)
    settings.update(models=Models(extra_folders=(str(used),)))
    with pytest.raises(StorageError, match="belongs to LM Studio"):
        library.own_folders.add(theirs)
    with pytest.raises(StorageError, match="used where they lie"):
        library.own_folders.add(used)
    library.own_folders.add(free)
    for nested in (folder("free/inside"), free.parent):
        with pytest.raises(StorageError, match="cannot lie in another"):
            library.own_folders.add(nested)
    assert library.own_folders.all() == (paths.models, free)


def test_the_same_file_name_in_two_folders_makes_two_models(
    paths: AppPaths, settings: SettingsStore, folder: Callable[[str], Path]
) -> None:
    library = ModelLibrary(paths, settings, program_folders=lambda: ())
    for root in (paths.models, library.own_folders.add(folder("big"))):
        path = root / "maker" / "Tiny-GGUF" / "Tiny-Q8_0.gguf"
        path.parent.mkdir(parents=True)
        path.write_bytes(tiny_model().data())
    own = [model for model in library.scan() if model.source == "corral"]
    assert len(own) == 2
    assert len({model.id for model in own}) == 2
    (again,) = {each.id for each in library.scan()} & {"maker/Tiny-GGUF/Tiny-Q8_0"}
    assert library.get(again).path.is_relative_to(paths.models)


def test_who_chooses_a_folder_anew_has_the_last_word_on_what_it_is(
    paths: AppPaths,
    settings: SettingsStore,
    folder: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    library = ModelLibrary(paths, settings, program_folders=lambda: ())
    roots, big = library.own_folders, folder("big")

    def other_drive() -> None:
        (big / MARK).unlink()
        with pytest.raises(StorageError, match="not connected"):
            roots.claim(big)

    monkeypatch.setattr(folder_marks, "mount_of", lambda path: path)
    roots.add(big)
    other_drive()
    roots.drop(big)
    roots.add(big)
    roots.claim(big)
    roots.make_standard(big)
    other_drive()
    library.change_folder(big)
    roots.claim(big)
