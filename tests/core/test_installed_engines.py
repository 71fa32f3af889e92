"""Which engines are found, and in which order."""

import json
import logging
import sys
from pathlib import Path

import pytest

from app.core import installed_engines as module
from app.core.engine_list import damaged, engine_entries
from app.core.graphics import offload_apis
from app.core.installed_engines import (
    KEPT,
    engine_places,
    installed_engines,
    usual_environment,
)
from app.core.paths import app_paths
from app.core.settings import Engine, SettingsStore
from tests.engine_folders import write_engine, write_manifest

PACKAGE = ""
"""Id of the libraries of the Python package, which is installed where tests run."""


def faults(*places: Path) -> tuple[str, ...]:
    """What is wrong with the files of engines, as `corral doctor` tells it."""
    return tuple(why for _, why in damaged(engine_entries(places, {})))


def ids(*places: Path) -> list[str]:
    return [each.id for each in installed_engines(places)]


def test_the_newest_comes_first_and_a_card_counts_among_equals(tmp_path: Path) -> None:
    write_engine(tmp_path, "0.10.0", id="new")
    write_engine(tmp_path, "0.9.2", id="old")
    write_engine(tmp_path, "0.10.0", id="new-cuda", accelerator="cuda")
    assert ids(tmp_path) == ["new-cuda", "new", "old", PACKAGE]
    newest, *_ = installed_engines([tmp_path])
    assert newest.name == "llama.cpp 0.10.0 (CUDA)"


def test_a_folder_comes_before_the_package_of_the_same_version(tmp_path: Path) -> None:
    (package,) = installed_engines([])
    write_engine(tmp_path, package.version, id="folder")
    assert ids(tmp_path) == ["folder", PACKAGE]


def test_of_two_with_one_name_that_beside_the_program_counts(tmp_path: Path) -> None:
    beside = write_engine(tmp_path / "program", "9.0")
    write_engine(tmp_path / "person", "9.0")
    first, *_ = installed_engines([tmp_path / "program", tmp_path / "person"])
    assert first.folder == beside
    assert len(ids(tmp_path / "program", tmp_path / "person")) == 2


def test_one_that_was_kept_from_another_version_comes_after_all_others(tmp_path: Path) -> None:
    program, own = tmp_path / "program", tmp_path / "data"
    write_engine(program, "9.1", id="of this version")
    kept_engine(own, "9.2", "of a later one")
    assert ids(program, own) == ["of this version", PACKAGE, "of a later one"]
    write_engine(own, "9.2", id="of a later one")  # the person added it, too
    assert ids(program, own) == ["of a later one", "of this version", PACKAGE]


def kept_engine(own: Path, version: str, engine_id: str) -> None:
    folder = write_engine(own, version, id=engine_id)
    folder.rename(own / f"{KEPT}{engine_id}")


def test_a_damaged_one_is_passed_over_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_engine(tmp_path, "9.1", id="whole")
    broken = write_engine(tmp_path, "9.2", id="broken")
    (broken / "libllama.so").unlink()
    (tmp_path / "empty").mkdir()
    with caplog.at_level(logging.WARNING):
        assert ids(tmp_path)[0] == "whole"
    assert "libllama.so is missing" in caplog.text
    assert any("broken is damaged" in each for each in faults(tmp_path))


def test_damage_reads_what_the_files_hold(tmp_path: Path) -> None:
    places = [tmp_path / "engines"]
    folder = write_engine(places[0], "9.1", id="mine")
    assert faults(*places) == ()
    (folder / "libllama.so").write_bytes(b"not really"[::-1])
    assert faults(*places) == ("The engine mine is damaged: libllama.so was changed.",)


def test_engines_lie_beside_the_frozen_program_and_in_the_persons_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "corral" / "corral"))
    monkeypatch.setattr(sys, "platform", "linux")
    paths = app_paths()
    assert engine_places(paths) == (tmp_path / "corral" / "engines", paths.data / "engines")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert engine_places(paths)[0] == tmp_path / "Frameworks" / "engines"


def test_engines_lie_beside_the_folders_of_the_installed_form_for_windows(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    python = tmp_path / "Corral" / "python"
    python.mkdir(parents=True)
    (python / "python313._pth").touch()
    monkeypatch.setattr(sys, "executable", str(python / "python.exe"))
    assert engine_places(app_paths())[0] == tmp_path / "Corral" / "engines"


def test_a_child_is_told_the_folder_and_a_code_that_is_there(tmp_path: Path) -> None:
    folder = write_engine(tmp_path, "9.1", variants=("x64", "zen4"))
    engine, package = installed_engines([tmp_path])
    assert engine.environment() == {"CORRAL_ENGINE": str(folder)}
    assert engine.environment("zen4")["CORRAL_CPU_CODE"] == "zen4"
    assert engine.environment("armv9") == {"CORRAL_ENGINE": str(folder)}
    assert package.environment("zen4") == {}


def test_usually_the_best_one_runs(corral_home: Path) -> None:
    assert usual_environment() == {}
    folder = write_engine(corral_home / "data" / "engines", "9.1")
    assert usual_environment() == {"CORRAL_ENGINE": str(folder)}


def test_the_chosen_one_runs_also_where_nobody_has_the_settings_at_hand(corral_home: Path) -> None:
    places = corral_home / "data" / "engines"
    chosen = write_engine(places, "9.0", id="chosen")
    write_engine(places, "9.1", id="newest", accelerator="cuda")
    (places / "newest" / "libggml-cuda.so").touch()
    listed = json.loads((places / "newest" / "engine.json").read_text())
    write_manifest(places / "newest", {k: listed[k] for k in listed.keys() - {"files", "sizes"}})
    assert offload_apis() == ("cuda",)
    store = SettingsStore(app_paths().settings_file)
    store.update(engine=Engine(engine="chosen"))
    assert usual_environment() == {"CORRAL_ENGINE": str(chosen)}
    assert offload_apis() == ()
    store.update(engine=Engine(engine="package"))
    assert usual_environment() == {}
    store.update(engine=Engine(engine="gone"))
    assert usual_environment() == {"CORRAL_ENGINE": str(places / "newest")}


def test_settings_that_cannot_be_read_leave_the_choice_to_corral(corral_home: Path) -> None:
    folder = write_engine(corral_home / "data" / "engines", "9.1")
    for text in ("{", '{"engine": {"engine": 5}}', '{"engine": 7}', "[]"):
        app_paths().settings_file.write_text(text)
        assert usual_environment() == {"CORRAL_ENGINE": str(folder)}


def test_a_package_without_libraries_is_no_engine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "package_libraries", lambda: tmp_path / "lib")
    assert installed_engines([]) == ()
    assert usual_environment() == {}
