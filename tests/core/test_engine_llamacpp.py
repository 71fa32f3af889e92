"""The real engine in its child: same contract, and what its death looks like."""

import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil
import pytest

from app.core.engine import EngineProcess
from app.core.errors import EngineDied
from app.core.estimate_corrections import EstimateCorrections
from app.core.gguf import read_header
from app.core.hardware import MemorySnapshot
from app.core.library_types import LocalModel
from app.core.memory import estimate
from app.core.runtime import ModelRuntime, NotEnoughMemory
from app.core.settings import Engine, SettingsStore
from backends.base import Backend
from backends.types import GenerationEvent, LoadConfig, Progress
from tests.backends.contract import BackendContract, finish_of, request, text_of
from tests.backends.scripts import ask, write_script

pytestmark = pytest.mark.engine


@pytest.fixture
def starter(starter_file: Path) -> LocalModel:
    return LocalModel(
        id="starter",
        name="SmolLM2",
        path=starter_file,
        files=(starter_file,),
        size=starter_file.stat().st_size,
    )


class TestContractThroughTheChild(BackendContract):
    @pytest.fixture
    def backend(self) -> Iterator[Backend]:
        with EngineProcess("llamacpp") as engine:
            yield engine

    @pytest.fixture
    def model(self, starter_file: Path) -> Path:
        return starter_file

    @pytest.fixture
    def garbage(self, tmp_path: Path) -> Path:
        path = tmp_path / "garbage.gguf"
        path.write_bytes(b"<!doctype html>" * 1000)
        return path

    @pytest.fixture
    def truncated(self, model: Path, tmp_path: Path) -> Path:
        path = tmp_path / "truncated.gguf"
        with model.open("rb") as file:
            path.write_bytes(file.read(5_000_000))
        return path

    @pytest.fixture
    def long_text(self) -> str:
        return "The quick brown fox jumps over the lazy dog. " * 60


def test_the_runtime_loads_asks_and_ejects_a_real_model(
    corral_home: Path, starter: LocalModel
) -> None:
    runtime = ModelRuntime(SettingsStore(corral_home / "settings.json"))
    try:
        loaded = runtime.load(starter)
        assert loaded.info is not None
        assert loaded.info.architecture == "llama"
        assert loaded.config.threads
        question = ask("What is the capital of France?", temperature=0, max_tokens=30)
        assert "Paris" in text_of(loaded.engine.generate(question))
        pid = loaded.engine.pid
        assert pid is not None
        runtime.eject(starter.id)
        assert not psutil.pid_exists(pid)
    finally:
        runtime.close()


def test_killed_in_mid_answer_the_partial_answer_and_other_models_live_on(
    starter_file: Path, tmp_path: Path
) -> None:
    with EngineProcess("llamacpp") as engine, EngineProcess("scripted") as other:
        engine.load(str(starter_file), LoadConfig(context_length=1024), lambda _: True)
        other.load(str(write_script(tmp_path)), LoadConfig(), lambda _: True)
        partial: list[GenerationEvent] = []
        events = engine.generate(ask("Tell me a long story.", temperature=0))
        for event in events:
            partial.append(event)
            if len(text_of(partial)) > 20:
                break
        psutil.Process(engine.pid).kill()
        with pytest.raises(EngineDied) as caught:
            partial.extend(events)
        assert len(text_of(partial)) > 20
        assert caught.value.title == "The engine was ended by the system"
        assert finish_of(other.generate(ask("still here"))).reason == "stop"


def test_a_prompt_is_counted_while_another_one_is_processed(starter_file: Path) -> None:
    with EngineProcess("llamacpp") as engine:
        config = LoadConfig(context_length=2048, batch_size=64)
        engine.load(str(starter_file), config, lambda _: True)
        alone = engine.count_tokens(ask("Hello there").messages)
        events = engine.generate(ask("The quick brown fox jumps. " * 200, temperature=0))
        first = next(events)
        assert isinstance(first, Progress)
        assert engine.count_tokens(ask("Hello there").messages) == alone
        assert engine.stats().cached_tokens < first.total
        events.close()
        assert text_of(engine.generate(request()))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere mapped files are not called free")
def test_weights_in_use_are_not_free_for_another_model(
    starter: LocalModel, corral_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = LoadConfig(context_length=512)
    need = estimate(read_header(starter.path), config, starter.size).total
    enough = MemorySnapshot(total=8 * 10**9, available=need + starter.size // 2)
    monkeypatch.setattr("app.core.runtime.memory_snapshot", lambda: enough)
    settings = SettingsStore(corral_home / "settings.json")
    settings.update(engine=Engine(make_room=False))
    runtime = ModelRuntime(settings)
    try:
        runtime.load(starter, config)
        with pytest.raises(NotEnoughMemory):
            runtime.load(msgspec.structs.replace(starter, id="another"), config)
        runtime.eject(starter.id)
        runtime.load(msgspec.structs.replace(starter, id="another"), config)
    finally:
        runtime.close()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere mapped files are not called free")
def test_the_longest_unused_model_makes_room_for_another_one(
    starter: LocalModel, corral_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = LoadConfig(context_length=512)
    need = estimate(read_header(starter.path), config, starter.size).total
    free = [8 * 10**9]
    monkeypatch.setattr(
        "app.core.runtime.memory_snapshot",
        lambda: MemorySnapshot(total=8 * 10**9, available=free[0]),
    )
    runtime = ModelRuntime(SettingsStore(corral_home / "settings.json"))
    gone: list[tuple[str, str]] = []
    runtime.put_away.connect(lambda entry, reason: gone.append((entry.model.id, reason)))
    try:
        for name in ("first", "second"):
            runtime.load(msgspec.structs.replace(starter, id=name), config)
        second = runtime.get("second")
        assert second is not None
        assert text_of(second.engine.generate(ask("Hello", max_tokens=2)))
        # Room for one more beside what two really have mapped, and for half of another one.
        free[0] = need + int(2.5 * max(each.engine.mapped_bytes for each in runtime.loaded()))
        runtime.load(msgspec.structs.replace(starter, id="third"), config)
        assert gone == []
        runtime.load(msgspec.structs.replace(starter, id="fourth"), config)
        assert gone == [("first", "room")]
        assert [each.model.id for each in runtime.loaded()] == ["second", "third", "fourth"]
    finally:
        runtime.close()


def test_what_a_load_took_corrects_the_next_estimate(
    starter: LocalModel, corral_home: Path
) -> None:
    config = LoadConfig(context_length=2048)
    file = corral_home / "estimates.json"
    runtime = ModelRuntime(
        SettingsStore(corral_home / "settings.json"), corrections=EstimateCorrections(file)
    )
    try:
        loaded = runtime.load(starter, config)
        assert loaded.info is not None
        measured = loaded.info.memory
    finally:
        runtime.close()
    assert measured is not None
    formula = estimate(read_header(starter.path), loaded.config, starter.size)
    assert measured.weights == pytest.approx(formula.weights, rel=0.01)
    learned = EstimateCorrections(file).of(starter.id, config).apply(formula)
    assert learned.compute == pytest.approx(measured.compute, rel=0.001)
    assert learned.kv_cache == pytest.approx(measured.kv_cache, rel=0.001)
