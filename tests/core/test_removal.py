"""Deleting a model, with what was made of it."""

import contextlib
import shutil
from pathlib import Path

import pytest

from app.core.library import ModelLibrary
from app.core.library_files import TrashRefused
from app.core.ollama_recipe import Recipe
from app.core.own_models import BadName, OwnModels
from app.core.paths import app_paths
from app.core.preset_of_model import own_preset
from app.core.presets import PresetStore
from app.core.removal import remove_model
from app.core.settings import SettingsStore


@pytest.fixture
def parts(starter_file: Path) -> tuple[ModelLibrary, PresetStore, SettingsStore]:
    paths = app_paths()
    paths.models.mkdir(parents=True)
    shutil.copy(starter_file, paths.models / "mine.gguf")
    settings = SettingsStore(paths.settings_file)
    library = ModelLibrary(paths, settings)
    library.scan()
    return library, PresetStore(paths.presets_dir), settings


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        *(("Mario (v2)", True), ("me/mario:1b", True), ("Мария", True), ("_x", True), ("1", True)),
        *(("../evil", False), ("/etc/passwd", False), ("..\\x", False), ("a/../b", False)),
        *(("-x", False), ("a\x1b[m", False), ("", False), ("a/", False), ("x" * 201, False)),
    ],
)
def test_a_name_that_looks_like_a_path_or_an_option_is_none(
    name: str, fits: bool, parts: tuple[ModelLibrary, PresetStore, SettingsStore]
) -> None:
    library, _, _ = parts
    model = next(each for each in library.models() if each.source == "corral")
    before = len(library.models())
    with contextlib.nullcontext() if fits else pytest.raises(BadName):
        OwnModels(*parts).create(name, model, Recipe(name))
    assert len(library.models()) == before + fits


def test_what_was_made_of_a_model_goes_with_it(
    parts: tuple[ModelLibrary, PresetStore, SettingsStore],
) -> None:
    library, presets, _ = parts
    model = next(each for each in library.models() if each.source == "corral")
    before = len(presets.list())
    OwnModels(*parts).create("Mario", model, Recipe("mario", system_prompt="You are Mario."))
    assert len(presets.list()) == before + 1
    remove_model(*parts, model)
    assert not model.path.exists()
    assert [each.source for each in library.models()] == ["starter"]
    assert len(presets.list()) == before


def test_a_model_that_was_made_goes_alone(
    parts: tuple[ModelLibrary, PresetStore, SettingsStore],
) -> None:
    library, _, _ = parts
    model = next(each for each in library.models() if each.source == "corral")
    made = OwnModels(*parts).create("Mario", model, Recipe("mario", system_prompt="Mario."))
    remove_model(*parts, made)
    assert model.path.exists()
    assert made.id not in [each.id for each in library.models()]


def test_deleted_for_good_nothing_goes_to_the_trash(
    parts: tuple[ModelLibrary, PresetStore, SettingsStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("send2trash.send2trash", refuse)
    library, presets, _ = parts
    model = next(each for each in library.models() if each.source == "corral")
    made = OwnModels(*parts).create("Mario", model, Recipe("mario", system_prompt="Mario."))
    with pytest.raises(TrashRefused, match="Nothing was deleted"):
        remove_model(*parts, model)
    assert library.get(made.id) == made
    assert own_preset(made.id, presets) is not None
    remove_model(*parts, model, for_good=True)
    assert not model.path.exists()
    assert own_preset(made.id, presets) is None
