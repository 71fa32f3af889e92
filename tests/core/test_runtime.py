"""ModelRuntime with real children; what is refused before one is started."""

import logging
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from app.core.engine import EngineProcess
from app.core.engine_errors import refusal
from app.core.engine_link import EngineClosed
from app.core.errors import EngineDied, ModelError
from app.core.hardware import HardwareSurvey, MemorySnapshot
from app.core.library_types import LocalModel
from app.core.load_plan import plan_load, remembered_config
from app.core.memory import GuardRails, MemoryEstimate
from app.core.room import Held
from app.core.runtime import LoadedModel, LoadStopped, ModelRuntime, NotEnoughMemory
from app.core.settings import Engine, Models, Settings, SettingsStore
from backends import errors
from backends.types import Delta, Finish, LoadConfig
from tests.backends.scripts import ask, finish_of, text_of, write_script
from tests.core.broken_gguf import tiny_model
from tests.timing import PATIENCE

DEADLINE = PATIENCE
HARDWARE = HardwareSurvey("Test CPU", 4, 8, (), 16 * 10**9)


def local(path: Path) -> LocalModel:
    size = path.stat().st_size if path.exists() else 0
    return LocalModel(
        id=f"me/test/{path.name}", name=path.stem, path=path, files=(path,), size=size
    )


@pytest.fixture
def settings(tmp_path: Path) -> SettingsStore:
    return SettingsStore(tmp_path / "settings.json")


@pytest.fixture
def runtime(settings: SettingsStore) -> Iterator[ModelRuntime]:
    runtime = ModelRuntime(settings, HARDWARE)
    yield runtime
    runtime.close()


@pytest.fixture
def scripted(tmp_path: Path) -> Callable[..., LocalModel]:
    def make(name: str = "model", **script: Any) -> LocalModel:
        return local(write_script(tmp_path, name, **script))

    return make


@pytest.fixture
def gguf(tmp_path: Path) -> LocalModel:
    path = tmp_path / "tiny.gguf"
    path.write_bytes(tiny_model().data())
    return local(path)


# Loading and ejecting


def test_a_model_is_loaded_and_answers(
    runtime: ModelRuntime, scripted: Callable[..., LocalModel]
) -> None:
    fractions: list[float] = []
    changed: list[str] = []
    runtime.changed.connect(changed.append)
    model = scripted()
    loaded = runtime.load(model, on_progress=fractions.append)
    assert loaded.state == "ready"
    assert loaded.fraction == 1.0
    assert loaded.info is not None
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert set(changed) == {model.id}
    assert runtime.get(model.id) is loaded
    assert runtime.loaded() == (loaded,)
    assert text_of(loaded.engine.generate(ask("Hello")))


def test_every_model_has_a_child_of_its_own(
    runtime: ModelRuntime, scripted: Callable[..., LocalModel]
) -> None:
    one = runtime.load(scripted("one", text="I am one"))
    two = runtime.load(scripted("two", text="I am two"))
    assert one.engine.pid != two.engine.pid
    assert [entry.model.name for entry in runtime.loaded()] == ["one", "two"]
    assert text_of(one.engine.generate(ask("x"))) == "I am one"
    assert text_of(two.engine.generate(ask("x"))) == "I am two"


def test_ejecting_gives_the_memory_back(
    runtime: ModelRuntime, scripted: Callable[..., LocalModel]
) -> None:
    model = scripted(memory=100_000_000)
    loaded = runtime.load(model)
    assert loaded.engine.stats().resident_bytes > 100_000_000
    pid = loaded.engine.pid
    assert pid is not None
    runtime.eject(model.id)
    assert not psutil.pid_exists(pid)
    assert runtime.get(model.id) is None
    assert runtime.loaded() == ()
    assert loaded.state == "stopped"
    with pytest.raises(EngineClosed):
        loaded.engine.stats()
    runtime.eject(model.id)


def test_ejecting_while_answering_ends_the_answer_as_cancelled(
    runtime: ModelRuntime, scripted: Callable[..., LocalModel]
) -> None:
    deaths: list[LoadedModel] = []
    runtime.engine_died.connect(deaths.append)
    model = scripted(tokens_per_second=5, tokens=1000)
    loaded = runtime.load(model)
    events = []
    for event in loaded.engine.generate(ask("x")):
        events.append(event)
        if isinstance(event, Delta):
            runtime.eject(model.id)
    assert finish_of(events) == Finish("cancelled")
    assert deaths == []


def test_loading_again_returns_what_is_loaded(
    runtime: ModelRuntime, scripted: Callable[..., LocalModel]
) -> None:
    model = scripted()
    first = runtime.load(model, LoadConfig(context_length=512))
    assert runtime.load(model) is first
    assert runtime.load(model, LoadConfig(context_length=512)) is first


def test_other_settings_load_anew(
    runtime: ModelRuntime, scripted: Callable[..., LocalModel]
) -> None:
    model = scripted()
    first = runtime.load(model, LoadConfig(context_length=512))
    second = runtime.load(model, LoadConfig(context_length=1024))
    assert second is not first
    assert not first.engine.alive
    assert second.info is not None
    assert second.info.context_length == 1024
    assert runtime.loaded() == (second,)


def test_threads_that_load_the_same_model_share_it(
    runtime: ModelRuntime, scripted: Callable[..., LocalModel]
) -> None:
    model = scripted(load_seconds=0.2)
    with ThreadPoolExecutor(6) as pool:
        entries = set(pool.map(lambda _: id(runtime.load(model)), range(6)))
    assert len(entries) == 1
    assert len(runtime.loaded()) == 1


@pytest.mark.parametrize("stop", [ModelRuntime.cancel_load, ModelRuntime.eject])
def test_a_load_is_cancelled(
    runtime: ModelRuntime,
    scripted: Callable[..., LocalModel],
    stop: Callable[[ModelRuntime, str], None],
) -> None:
    model = scripted(load_seconds=60)
    halfway = threading.Event()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(runtime.load, model, on_progress=lambda _: halfway.set())
        assert halfway.wait(DEADLINE)
        [entry] = runtime.loaded()
        joined = pool.submit(runtime.load, model)
        stop(runtime, model.id)
        for waiting in (first, joined):
            with pytest.raises(LoadStopped):
                waiting.result(DEADLINE)
    assert runtime.get(model.id) is None
    assert entry.state == "stopped"
    assert not entry.engine.alive


def test_cancel_load_leaves_a_loaded_model_alone(
    runtime: ModelRuntime, scripted: Callable[..., LocalModel]
) -> None:
    model = scripted()
    loaded = runtime.load(model)
    runtime.cancel_load(model.id)
    runtime.cancel_load("nobody")
    assert runtime.get(model.id) is loaded
    assert loaded.engine.alive


def test_a_progress_listener_that_raises_ends_the_load(
    runtime: ModelRuntime, scripted: Callable[..., LocalModel]
) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        runtime.load(scripted(load_seconds=1), on_progress=interrupt)
    assert runtime.loaded() == ()


def test_idle_models_are_listed(runtime: ModelRuntime, scripted: Callable[..., LocalModel]) -> None:
    resting = runtime.load(scripted("resting"))
    busy = runtime.load(scripted("busy", tokens_per_second=5, tokens=1000))
    events = busy.engine.generate(ask("x"))
    next(events)
    assert runtime.idle(0) == (resting, busy)
    assert runtime.idle(0.000001) == (resting,)
    assert runtime.idle(3600) == ()


def test_a_closed_runtime_loads_nothing_more(
    settings: SettingsStore, scripted: Callable[..., LocalModel]
) -> None:
    runtime = ModelRuntime(settings, HARDWARE)
    loaded = runtime.load(scripted())
    runtime.close()
    assert not loaded.engine.alive
    with pytest.raises(ModelError, match="closing"):
        runtime.load(scripted("other"))
    assert runtime.loaded() == ()


# Dying


def test_an_engine_that_dies_is_told_and_can_be_loaded_again(
    runtime: ModelRuntime, scripted: Callable[..., LocalModel], caplog: pytest.LogCaptureFixture
) -> None:
    deaths: queue.Queue[LoadedModel] = queue.Queue()
    runtime.engine_died.connect(deaths.put)
    model = scripted()
    loaded = runtime.load(model)
    other = runtime.load(scripted("other"))
    with caplog.at_level(logging.ERROR), pytest.raises(EngineDied):
        list(loaded.engine.generate(ask("!abort")))
    assert deaths.get(timeout=DEADLINE) is loaded
    assert loaded.state == "stopped"
    assert isinstance(loaded.error, EngineDied)
    assert "GGML_ASSERT" in caplog.text
    assert runtime.get(model.id) is loaded
    assert runtime.loaded() == (other,)
    assert text_of(other.engine.generate(ask("still here")))
    again = runtime.load(model)
    assert again is not loaded
    assert text_of(again.engine.generate(ask("back")))


def test_a_dead_model_goes_from_sight_when_ejected(
    runtime: ModelRuntime, scripted: Callable[..., LocalModel]
) -> None:
    model = scripted()
    stopped = threading.Event()

    def eject(entry: LoadedModel) -> None:
        runtime.eject(entry.model.id)
        stopped.set()

    runtime.engine_died.connect(eject)
    with pytest.raises(EngineDied):
        list(runtime.load(model).engine.generate(ask("!killed")))
    assert stopped.wait(DEADLINE)
    assert runtime.get(model.id) is None


def test_a_crash_while_loading_is_raised_and_not_kept(
    runtime: ModelRuntime, scripted: Callable[..., LocalModel]
) -> None:
    deaths: list[LoadedModel] = []
    runtime.engine_died.connect(deaths.append)
    model = scripted(on_load="segfault")
    with pytest.raises(EngineDied, match="crashed"):
        runtime.load(model)
    assert runtime.get(model.id) is None
    assert deaths == []


# Refusing


@pytest.mark.parametrize(
    ("content", "title"),
    [
        (b"[]", "This file is not a model"),
        (b"{", "The model file is incomplete"),
        (b'{"on_load": "oom"}', "There is not enough memory"),
        (b'{"on_load": "error"}', "The engine reports an error"),
    ],
)
def test_what_the_engine_reports_is_put_into_words(
    runtime: ModelRuntime, tmp_path: Path, content: bytes, title: str
) -> None:
    path = tmp_path / "broken.scripted"
    path.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        runtime.load(local(path))
    assert caught.value.title == title
    assert caught.value.message.endswith(".")
    assert caught.value.hint.endswith(".")
    assert runtime.loaded() == ()


def test_every_engine_error_has_words() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    for kind in kinds:
        assert issubclass(kind, errors.BackendError)
        error = refusal(kind("The reason", "detail"))
        assert error.message == "The reason."
        assert error.title
        assert not error.title.endswith(".")
        assert error.hint.endswith(".")
        assert error.detail == "detail"


def test_an_engine_that_is_missing_is_told(
    settings: SettingsStore, scripted: Callable[..., LocalModel]
) -> None:
    runtime = ModelRuntime(settings, HARDWARE, backend_for=lambda _: "magic")
    with pytest.raises(ModelError, match="no engine “magic”"):
        runtime.load(scripted())


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (LoadConfig(context_length=10), "Context length is 10 and must be at least 256."),
        (LoadConfig(threads=1000), "Threads is 1000 and must be at most 256."),
        (LoadConfig(kv_type="f99"), "Type of the KV cache cannot be f99."),  # type: ignore[arg-type]  # what a broken settings file may hold
        (LoadConfig(kv_type="q8_0", flash_attention=False), "needs flash attention"),
    ],
)
def test_settings_out_of_range_never_start_an_engine(
    runtime: ModelRuntime,
    scripted: Callable[..., LocalModel],
    gguf: LocalModel,
    config: LoadConfig,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(EngineProcess, "start", lambda _: pytest.fail("an engine was started"))
    for model in (scripted(), gguf):
        with pytest.raises(ModelError) as caught:
            runtime.load(model, config)
        assert words in caught.value.message


@pytest.mark.parametrize(
    "content", [None, b"<!doctype html>", b"GGUF\x03\x00", tiny_model().data()[:-10]]
)
def test_a_bad_file_never_starts_an_engine(
    runtime: ModelRuntime, tmp_path: Path, content: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EngineProcess, "start", lambda _: pytest.fail("an engine was started"))
    path = tmp_path / "bad.gguf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        runtime.load(local(path))
    assert caught.value.hint
    assert runtime.get(local(path).id) is None


def test_a_model_larger_than_memory_is_refused_with_the_numbers(
    runtime: ModelRuntime, gguf: LocalModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = MemorySnapshot(8 * 10**9, 3 * 10**9)
    monkeypatch.setattr("app.core.runtime.memory_snapshot", lambda: free)
    large = msgspec.structs.replace(gguf, size=40 * 10**9)
    with pytest.raises(NotEnoughMemory) as caught:
        runtime.load(large)
    assert caught.value.title == "tiny needs more memory than is free"
    assert "40.0 GB for the model" in caught.value.message
    assert "This computer has 3.0 GB free of 8.0 GB." in caught.value.message
    assert "load it anyway" in caught.value.hint
    assert caught.value.verdict is not None
    assert caught.value.verdict.need > 40 * 10**9


def test_force_and_memory_about_to_be_freed_count(gguf: LocalModel) -> None:
    little = MemorySnapshot(8 * 10**9, 10**6)
    config = LoadConfig(context_length=512)
    with pytest.raises(NotEnoughMemory):
        plan_load(gguf, config, Settings(), HARDWARE, little)
    forced = plan_load(gguf, config, Settings(), HARDWARE, little, force=True)
    assert forced.config.context_length == 512
    idle = Held("idle", "Idle", MemoryEstimate(0, 0, 0, 10**9))
    assert plan_load(gguf, config, Settings(), HARDWARE, little, held=[idle]).ejected == ("idle",)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere mapped files are not called free")
def test_what_engines_have_mapped_is_not_free(
    runtime: ModelRuntime, scripted: Callable[..., LocalModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    system = MemorySnapshot(8 * 10**9, 4 * 10**9)
    monkeypatch.setattr("app.core.runtime.memory_snapshot", lambda: system)
    assert runtime.free_memory() == system
    loaded = runtime.load(scripted())
    free = runtime.free_memory()
    assert loaded.engine.mapped_bytes > 0
    assert free == MemorySnapshot(8 * 10**9, 4 * 10**9 - loaded.engine.mapped_bytes)
    assert runtime.free_memory(besides=loaded.model.id) == system
    runtime.eject(loaded.model.id)
    assert runtime.free_memory() == system


def test_two_loads_at_the_same_moment_do_not_both_get_the_same_memory(
    runtime: ModelRuntime, gguf: LocalModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engines hang while starting, so that both loads are under way at once."""
    started: queue.Queue[EngineProcess] = queue.Queue()
    go_on = threading.Event()

    def start(engine: EngineProcess) -> None:
        started.put(engine)
        go_on.wait(DEADLINE)
        raise EngineClosed("It was ejected")

    monkeypatch.setattr(EngineProcess, "start", start)
    config = LoadConfig(context_length=512)
    plan = plan_load(gguf, config, Settings(), HARDWARE, MemorySnapshot(8 * 10**9, 8 * 10**9))
    system = MemorySnapshot(8 * 10**9, plan.need.total * 3 // 2)
    monkeypatch.setattr("app.core.runtime.memory_snapshot", lambda: system)
    models = [msgspec.structs.replace(gguf, id=name) for name in ("one", "two")]
    with ThreadPoolExecutor(2) as pool:
        loads = [pool.submit(runtime.load, model, config) for model in models]
        started.get(timeout=DEADLINE)
        done, _ = wait(loads, DEADLINE, FIRST_COMPLETED)
        problems = [load.exception() for load in done]
        go_on.set()
    assert [type(problem) for problem in problems] == [NotEnoughMemory]
    assert started.empty()


def test_what_is_left_open_is_filled_in(gguf: LocalModel) -> None:
    enough = MemorySnapshot(8 * 10**9, 8 * 10**9)
    final = plan_load(gguf, LoadConfig(), Settings(), HARDWARE, enough).config
    assert final.threads == HARDWARE.physical_cores - 1
    assert final.context_length
    limited = Settings(engine=Engine(threads=2))
    assert plan_load(gguf, LoadConfig(), limited, HARDWARE, enough).config.threads == 2


def test_the_persons_settings_for_a_model_are_used(
    runtime: ModelRuntime, settings: SettingsStore, scripted: Callable[..., LocalModel]
) -> None:
    model = scripted()
    settings.update(
        models=Models(load={model.id: LoadConfig(context_length=1024)}),
        engine=Engine(default_load=LoadConfig(context_length=512)),
    )
    assert runtime.load(model).config.context_length == 1024
    assert runtime.load(scripted("other")).config.context_length == 512


def test_the_memory_for_resting_chats_is_the_one_of_the_settings(
    runtime: ModelRuntime, settings: SettingsStore, scripted: Callable[..., LocalModel]
) -> None:
    model = scripted()
    kept = LoadConfig(context_length=1024)
    settings.update(
        models=Models(load={model.id: kept}),
        engine=Engine(default_load=LoadConfig(parking_bytes=7)),
    )
    loaded = runtime.load(model)
    assert loaded.config.parking_bytes == 7
    settings.update(engine=Engine(default_load=LoadConfig(parking_bytes=0)))
    assert runtime.load(model, kept) is loaded  # another budget is no reason to load again
    assert runtime.load(scripted("other")).config.parking_bytes == 0
    chosen = LoadConfig(context_length=1024, parking_bytes=9)
    assert runtime.load(model, chosen).config.parking_bytes == 9


def test_what_is_remembered_of_a_model_leaves_out_what_is_set_for_all() -> None:
    config = LoadConfig(context_length=1024, parking_bytes=5)
    assert remembered_config(config) == LoadConfig(context_length=1024)


# Guard rails and room


@pytest.mark.parametrize(
    ("rails", "share", "refused"),
    [
        ("strict", 0.9, True),
        ("strict", 0.8, False),
        ("relaxed", 0.9, False),
        ("relaxed", 1.1, True),
        ("off", 1.1, False),
    ],
)
def test_guard_rails_decide_what_is_refused(
    gguf: LocalModel, rails: GuardRails, share: float, refused: bool
) -> None:
    config = LoadConfig(context_length=512)
    settings = Settings(engine=Engine(guard_rails=rails))
    plenty = MemorySnapshot(64 * 10**9, 64 * 10**9)
    need = plan_load(gguf, config, settings, HARDWARE, plenty).need.total
    memory = MemorySnapshot(64 * 10**9, round(need / share))
    if refused:
        with pytest.raises(NotEnoughMemory):
            plan_load(gguf, config, settings, HARDWARE, memory)
        assert not plan_load(gguf, config, settings, HARDWARE, memory, force=True).ejected
    else:
        plan = plan_load(gguf, config, settings, HARDWARE, memory)
        assert bool(plan.warning) is (rails == "off")


def test_no_more_models_than_needed_make_room_and_a_longer_context_is_worth_it(
    starter_file: Path,
) -> None:
    config = LoadConfig(kv_type="f32")
    gguf = local(starter_file)
    plenty = MemorySnapshot(64 * 10**9, 64 * 10**9)
    usual = plan_load(gguf, config, Settings(), HARDWARE, plenty)
    half = round(usual.need.total / 0.85) - 10**6
    held = [Held(name, name, MemoryEstimate(0, 0, 0, 10**7)) for name in ("one", "two")]
    short = MemorySnapshot(64 * 10**9, half)
    alone = plan_load(gguf, config, Settings(), HARDWARE, short)
    together = plan_load(gguf, config, Settings(), HARDWARE, short, held=held)
    assert (alone.config.context_length or 0) < (usual.config.context_length or 0)
    assert together.config == usual.config
    assert together.ejected == ("one",)
    assert plan_load(gguf, config, Settings(), HARDWARE, plenty, held=held).ejected == ()


def test_force_loads_with_a_warning_that_names_the_numbers(gguf: LocalModel) -> None:
    little = MemorySnapshot(8 * 10**9, 10**6)
    plan = plan_load(gguf, LoadConfig(), Settings(), HARDWARE, little, force=True)
    assert "0.1 GB and 0.0 GB are free" in plan.warning
    assert plan.config.context_length == 512


# Idle models


def test_an_unused_model_is_ejected_after_its_time_to_live(
    runtime: ModelRuntime, scripted: Callable[..., LocalModel]
) -> None:
    gone: queue.Queue[tuple[str, str]] = queue.Queue()
    runtime.put_away.connect(lambda entry, reason: gone.put((entry.model.name, reason)))
    kept = runtime.load(scripted("kept"))
    loaded = runtime.load(scripted("short"), ttl=0.2)
    assert gone.get(timeout=DEADLINE) == ("short", "idle")
    assert not loaded.engine.alive
    assert runtime.loaded() == (kept,)


def test_a_model_that_answers_is_not_idle(
    runtime: ModelRuntime, scripted: Callable[..., LocalModel]
) -> None:
    gone: queue.Queue[str] = queue.Queue()
    runtime.put_away.connect(lambda entry, _: gone.put(entry.model.name))
    loaded = runtime.load(scripted(tokens_per_second=20, tokens=16), ttl=0.3)
    assert finish_of(loaded.engine.generate(ask("x"))).reason != "cancelled"
    assert gone.get(timeout=DEADLINE) == loaded.model.name


def test_a_new_setting_counts_for_models_that_are_loaded(
    runtime: ModelRuntime,
    settings: SettingsStore,
    scripted: Callable[..., LocalModel],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gone: queue.Queue[str] = queue.Queue()
    runtime.put_away.connect(lambda entry, _: gone.put(entry.model.name))
    settings.update(engine=Engine(idle_minutes=0))
    never = runtime.load(scripted("never"), ttl=0)
    runtime.load(scripted("usual"))
    assert runtime.loaded()
    monkeypatch.setattr(EngineProcess, "idle_seconds", property(lambda _: 3600.0))
    settings.update(engine=Engine(idle_minutes=30))
    assert gone.get(timeout=DEADLINE) == "usual"
    assert runtime.loaded() == (never,)


def test_loading_again_may_change_the_time_to_live(
    runtime: ModelRuntime, scripted: Callable[..., LocalModel]
) -> None:
    gone: queue.Queue[str] = queue.Queue()
    runtime.put_away.connect(lambda entry, _: gone.put(entry.model.name))
    model = scripted()
    loaded = runtime.load(model)
    assert runtime.load(model, ttl=0.1) is loaded
    assert gone.get(timeout=DEADLINE) == model.name


def test_one_thread_watches_all_models_and_ends_with_the_runtime(
    settings: SettingsStore, scripted: Callable[..., LocalModel]
) -> None:
    def watching() -> list[threading.Thread]:
        return [each for each in threading.enumerate() if each.name == "idle-models"]

    runtime = ModelRuntime(settings, HARDWARE)
    assert watching() == []
    for name in ("one", "two", "three"):
        runtime.load(scripted(name))
    assert len(watching()) == 1
    runtime.close()
    assert watching() == []


def test_a_card_comes_into_reach_when_another_engine_is_chosen(
    settings: SettingsStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    apis: list[tuple[str, ...]] = [()]
    monkeypatch.setattr("app.core.runtime.survey", lambda: HARDWARE)
    monkeypatch.setattr("app.core.runtime.offload_apis", lambda: apis[0])
    runtime = ModelRuntime(settings)
    runtime.look_at_engines()  # before anybody asked: nothing to change yet
    assert runtime.hardware().offload == ()
    apis[0] = ("cuda",)
    runtime.look_at_engines()
    assert runtime.hardware().offload == ("cuda",)
    runtime.close()
    told = ModelRuntime(settings, HARDWARE)
    told.look_at_engines()
    assert told.hardware() == HARDWARE
    told.close()
