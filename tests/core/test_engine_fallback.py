"""Real engines in folders: one that can load nothing, one that does not suit the processor."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.engine import EngineProcess
from app.core.engine_record import EngineRecord
from app.core.engine_shelf import EngineShelf
from app.core.errors import ModelError
from app.core.library_types import LocalModel
from app.core.runtime import ModelRuntime
from app.core.settings import Engine, SettingsStore
from backends.types import LoadConfig
from tests.backends.contract import text_of
from tests.backends.scripts import ask
from tests.engine_folders import FAILS_TO_LOAD, ILLEGAL, write_engine
from tests.timing import PATIENCE

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(sys.platform != "linux", reason="the folders are made of Linux libraries"),
]
SMALL = LoadConfig(context_length=256)


@pytest.fixture
def starter(starter_file: Path) -> LocalModel:
    size = starter_file.stat().st_size
    return LocalModel("starter", "SmolLM2", path=starter_file, files=(starter_file,), size=size)


@pytest.fixture
def engines(tmp_path: Path) -> Path:
    return tmp_path / "engines"


@pytest.fixture
def record(tmp_path: Path) -> EngineRecord:
    return EngineRecord(tmp_path / "engines.json")


@pytest.fixture
def settings(corral_home: Path) -> SettingsStore:
    return SettingsStore(corral_home / "settings.json")


@pytest.fixture
def runtime(settings: SettingsStore, engines: Path, record: EngineRecord) -> Iterator[ModelRuntime]:
    runtime = ModelRuntime(settings, engines=EngineShelf([engines], record))
    yield runtime
    runtime.close()


def engine_of(runtime: ModelRuntime, model: LocalModel) -> tuple[str, tuple[str, ...]]:
    """The engine that loads the model, and what is told of it; the model answers."""
    loaded = runtime.load(model, SMALL)
    assert loaded.engine.build is not None
    assert loaded.info is not None
    question = ask("Answer with one word: the capital of France is", temperature=0)
    assert "Paris" in text_of(loaded.engine.generate(question))
    runtime.eject(model.id)
    return loaded.engine.build.id, loaded.info.notes


def test_an_engine_in_a_folder_brings_its_own_binding(engines: Path, starter_file: Path) -> None:
    folder = write_engine(engines, "9.0", binding="")
    with EngineProcess("llamacpp", environment={"CORRAL_ENGINE": str(folder)}) as engine:
        assert engine.build is not None
        assert engine.build.id == folder.name
        engine.load(str(starter_file), SMALL, lambda _: True)
        maps = Path(f"/proc/{engine.pid}/maps").read_text(encoding="utf-8")
    libraries = {line.split()[-1] for line in maps.splitlines() if "libllama" in line}
    assert libraries == {str(folder / "libllama.so")}


def test_a_model_that_a_new_engine_cannot_load_is_run_by_the_one_before_it_and_this_is_said(
    runtime: ModelRuntime, starter: LocalModel, engines: Path
) -> None:
    good = write_engine(engines, "9.0", binding="").name
    assert engine_of(runtime, starter) == (good, ())
    write_engine(engines, "9.1", binding=FAILS_TO_LOAD)
    for _ in range(2):
        id_, notes = engine_of(runtime, starter)
        assert id_ == good
        assert any("llama.cpp 9.1 could not load this model" in note for note in notes)


def test_a_model_that_no_engine_loaded_before_is_refused_with_the_new_engines_reason(
    runtime: ModelRuntime, starter: LocalModel, engines: Path
) -> None:
    write_engine(engines, "9.0", binding="")
    write_engine(engines, "9.1", binding=FAILS_TO_LOAD)
    with pytest.raises(ModelError, match="could not"):
        runtime.load(starter, SMALL)
    assert runtime.get(starter.id) is None


def test_code_that_does_not_suit_the_processor_gives_way_to_the_most_cautious(
    runtime: ModelRuntime, starter: LocalModel, engines: Path, record: EngineRecord
) -> None:
    folder = write_engine(engines, "9.0", variants=("plain", "best"), binding=ILLEGAL)
    id_, notes = engine_of(runtime, starter)
    assert id_ == folder.name
    assert any("most cautious one (plain)" in note for note in notes)
    assert record.crashed(folder.name)
    assert engine_of(runtime, starter) == (folder.name, ())  # at once, with no crash before it


def test_after_a_crash_of_a_loaded_model_its_next_load_is_cautious(
    runtime: ModelRuntime, starter: LocalModel, engines: Path
) -> None:
    write_engine(engines, "9.0", variants=("plain", "best"), binding="")
    ended = threading.Event()
    runtime.engine_died.connect(lambda _: ended.set())
    loaded = runtime.load(starter, SMALL)
    assert loaded.choice is not None
    assert loaded.choice.code == ""
    assert loaded.engine.pid is not None
    os.kill(loaded.engine.pid, signal.SIGILL)
    assert ended.wait(PATIENCE)
    again = runtime.load(starter, SMALL)
    assert again.choice is not None
    assert again.choice.code == "plain"


def test_the_engine_that_was_chosen_runs_a_model_and_one_that_is_gone_is_told(
    runtime: ModelRuntime, settings: SettingsStore, starter: LocalModel, engines: Path
) -> None:
    write_engine(engines, "9.1", binding="")
    older = write_engine(engines, "9.0", binding="").name
    settings.update(engine=Engine(engine=older))
    assert engine_of(runtime, starter) == (older, ())
    settings.update(engine=Engine(engine="gone"))
    id_, notes = engine_of(runtime, starter)
    assert id_ != older
    assert any("gone, is not installed" in note for note in notes)
