"""EngineProcess over the real child with the scripted engine."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from app.core.children import SOURCE_ROOT, child_command, child_environment, engine_environment
from app.core.engine import EngineProcess
from app.core.engine_link import EngineClosed
from app.core.errors import EngineDied
from backends import wire
from backends.errors import BadLoadSetting, BadRequest, EngineFailure, LoadCancelled, NotAModelFile
from backends.types import Delta, Finish, LoadConfig, Progress
from tests.backends.scripts import ask, finish_of, text_of, write_script
from tests.timing import PATIENCE

DEADLINE = PATIENCE


@pytest.fixture
def engine() -> Iterator[EngineProcess]:
    with EngineProcess("scripted") as engine:
        yield engine


def load(engine: EngineProcess, folder: Path, **script: object) -> None:
    path = write_script(folder, **script)  # type: ignore[arg-type]  # the script's own fields
    engine.load(str(path), LoadConfig(context_length=200_000), lambda _: True)


def test_nothing_runs_before_start_and_after_close() -> None:
    engine = EngineProcess("scripted")
    assert engine.pid is None
    assert not engine.alive
    with pytest.raises(EngineClosed):
        engine.stats()
    engine.start()
    pid = engine.pid
    assert pid is not None
    assert psutil.pid_exists(pid)
    assert engine.alive
    engine.close()
    engine.close()
    assert not psutil.pid_exists(pid)
    assert not engine.alive
    with pytest.raises(EngineClosed):
        engine.stats()


def test_closed_before_start_it_never_starts() -> None:
    engine = EngineProcess("scripted")
    engine.close()
    with pytest.raises(EngineClosed):
        engine.start()
    assert engine.pid is None


def test_an_engine_that_is_not_there_says_so() -> None:
    engine = EngineProcess("magic")
    with pytest.raises(EngineFailure, match="no engine “magic”"):
        engine.start()
    assert not engine.alive


def test_loading_tells_its_progress(engine: EngineProcess, tmp_path: Path) -> None:
    fractions: list[float] = []
    path = write_script(tmp_path, load_seconds=0.05)

    def note(fraction: float) -> bool:
        fractions.append(fraction)
        return True

    info = engine.load(str(path), LoadConfig(), note)
    assert info.architecture == "scripted"
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    assert len(fractions) > 10


def test_a_load_is_cancelled_by_its_progress(engine: EngineProcess, tmp_path: Path) -> None:
    path = write_script(tmp_path, load_seconds=60)
    started = time.monotonic()
    with pytest.raises(LoadCancelled):
        engine.load(str(path), LoadConfig(), lambda _: False)
    assert time.monotonic() - started < DEADLINE
    load(engine, tmp_path)
    assert text_of(engine.generate(ask("still here")))


def test_errors_of_the_engine_arrive_as_themselves(engine: EngineProcess, tmp_path: Path) -> None:
    (tmp_path / "model.scripted").write_text("[]")
    with pytest.raises(NotAModelFile) as caught:
        engine.load(str(tmp_path / "model.scripted"), LoadConfig(), lambda _: True)
    assert caught.value.message == "model.scripted is not a script"
    assert "Expected `object`" in caught.value.detail
    with pytest.raises(BadRequest, match="No model is loaded"):
        list(engine.generate(ask("x")))


def test_values_out_of_range_never_reach_the_engine(engine: EngineProcess, tmp_path: Path) -> None:
    with pytest.raises(BadLoadSetting) as caught:
        engine.load("x", LoadConfig(context_length=1), lambda _: True)
    assert "context_length" in caught.value.detail
    load(engine, tmp_path)
    with pytest.raises(BadRequest):
        list(engine.generate(ask("x", temperature=-1)))
    with pytest.raises(BadRequest):
        list(engine.generate(ask("half a character: \ud800")))
    assert text_of(engine.generate(ask("still here")))


def test_unload_keeps_the_child(engine: EngineProcess, tmp_path: Path) -> None:
    load(engine, tmp_path)
    engine.unload()
    with pytest.raises(BadRequest, match="No model is loaded"):
        engine.count_tokens(ask("x").messages)
    load(engine, tmp_path)
    assert engine.count_tokens(ask("x").messages) == 4


def test_several_threads_share_an_engine(engine: EngineProcess, tmp_path: Path) -> None:
    load(engine, tmp_path, tokens=200)
    requests = [ask(f"question {number}") for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda request: list(engine.generate(request)), requests))
    assert all(finish_of(answer).usage.completion_tokens == 200 for answer in answers)
    for number, answer in enumerate(answers):
        assert f"question {number}" in text_of(answer)


def test_tokens_are_counted_while_an_answer_is_written(
    engine: EngineProcess, tmp_path: Path
) -> None:
    load(engine, tmp_path, tokens_per_second=50, tokens=100_000)
    events = engine.generate(ask("x"))
    while not isinstance(next(events), Delta):
        assert engine.idle_seconds == 0
    assert engine.count_tokens(ask("one two").messages) == 5
    assert engine.stats().cached_tokens > 0
    events.close()
    assert engine.idle_seconds < 5


def test_cancel_from_another_thread_ends_the_answer(engine: EngineProcess, tmp_path: Path) -> None:
    load(engine, tmp_path, tokens_per_second=2, tokens=1000)
    events = []
    for event in engine.generate(ask("x", id="mine")):
        events.append(event)
        if isinstance(event, Delta) and len(events) == 3:
            threading.Thread(target=engine.cancel, args=("mine",)).start()
    finish = finish_of(events)
    assert finish.reason == "cancelled"
    assert finish.usage.completion_tokens < 2 * DEADLINE  # of 500 seconds
    engine.cancel("mine")
    engine.cancel("never heard of")


def test_a_waiting_request_is_cancelled_at_once(engine: EngineProcess, tmp_path: Path) -> None:
    load(engine, tmp_path, tokens_per_second=5, tokens=1000)
    first = engine.generate(ask("x", id="first"))
    assert isinstance(next(first), Progress)
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(lambda: list(engine.generate(ask("y", id="second"))))
        while not second.done():
            engine.cancel("second")
            next(first)
        assert second.result(DEADLINE) == [Finish("cancelled")]
    assert isinstance(next(first), Delta)
    first.close()


def test_closing_the_iterator_early_cancels(engine: EngineProcess, tmp_path: Path) -> None:
    load(engine, tmp_path, tokens_per_second=5, tokens=1000)
    for _ in range(3):
        for event in engine.generate(ask("x", id="same")):
            if isinstance(event, Delta):
                break
    started = time.monotonic()
    assert finish_of(list(engine.generate(ask("x", max_tokens=1)))).reason == "length"
    assert time.monotonic() - started < DEADLINE  # each would have taken 200 seconds


def test_closing_the_engine_ends_answers_as_cancelled(tmp_path: Path) -> None:
    with EngineProcess("scripted") as engine:
        deaths: list[EngineDied] = []
        engine.died.connect(deaths.append)
        load(engine, tmp_path, tokens_per_second=5, tokens=1000)
        events = []
        for event in engine.generate(ask("x")):
            events.append(event)
            if isinstance(event, Delta):
                engine.close()
    assert finish_of(events).reason == "cancelled"
    assert deaths == []


def test_children_run_in_an_empty_private_folder_below_the_cache(corral_home: Path) -> None:
    cache = corral_home / "cache"
    with EngineProcess("scripted") as engine, EngineProcess("scripted") as other:
        [folder] = cache.iterdir()
        assert Path(psutil.Process(engine.pid).cwd()).resolve() == folder.resolve()
        assert Path(psutil.Process(other.pid).cwd()).resolve() == folder.resolve()
        if os.name == "posix":
            assert folder.stat().st_mode & 0o077 == 0
        (folder / "core").write_bytes(b"left by a crash")
        with EngineProcess("scripted") as third:
            fresh = Path(psutil.Process(third.pid).cwd())
            assert fresh.parent.resolve() == cache.resolve()
            assert list(fresh.iterdir()) == []
    assert list(folder.iterdir()) == []
    with EngineProcess("scripted") as again:
        assert Path(psutil.Process(again.pid).cwd()).resolve() == folder.resolve()


def test_children_run_where_the_cache_cannot_be_written_to(
    corral_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (corral_home / "cache").write_bytes(b"a file is in the way")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with EngineProcess("scripted") as engine:
        folder = Path(psutil.Process(engine.pid).cwd())
        assert folder.parent.resolve() == tmp_path.resolve()
    assert not folder.exists()


def test_the_child_does_not_inherit_what_could_change_the_engine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    planted = {
        "GGML_BACKEND_PATH": "/tmp/evil.so",
        "LLAMA_CPP_LIB_PATH": "/tmp",
        "MTMD_CPP_LIB": "/tmp",
        "OMP_NUM_THREADS": "64",
        "GOMP_SPINCOUNT": "0",
        "HF_TOKEN": "hf_secret",
        "HUGGING_FACE_HUB_TOKEN": "hf_secret",
    }
    for name, value in planted.items():
        monkeypatch.setenv(name, value)
    with EngineProcess("scripted") as engine:
        environment = psutil.Process(engine.pid).environ()
    assert not set(planted) & set(environment)
    assert environment["GGML_NO_BACKTRACE"] == "1"


def test_a_childs_environment_finds_the_program_first() -> None:
    environment = child_environment({"PYTHONPATH": "/other", "KEPT": "yes"})
    assert environment["PYTHONPATH"].split(os.pathsep) == [str(SOURCE_ROOT), "/other"]
    assert environment["KEPT"] == "yes"
    assert engine_environment({})["PYTHONPATH"] == str(SOURCE_ROOT)


def test_a_frozen_program_starts_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    assert child_command("--engine-host", "x")[1:] == ["-P", "-m", "app", "--engine-host", "x"]
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert child_command("--engine-host", "x") == [sys.executable, "--engine-host", "x"]


BARE_PIPE = """
import sys
from backends import wire
from backends.types import Delta

for _ in range(int(sys.argv[1])):
    sys.stdout.buffer.write(wire.encode(wire.Event(1, Delta("word "))))
    sys.stdout.buffer.flush()
"""


def seconds_for_a_bare_pipe(tokens: int) -> float:
    """What it takes to read so many tokens from a child that does nothing but write them."""
    command = [sys.executable, "-c", BARE_PIPE, str(tokens)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=SOURCE_ROOT) as child:
        assert child.stdout is not None
        wire.decode_reply(child.stdout.readline())
        started = time.perf_counter()
        for line in child.stdout:
            wire.decode_reply(line)
        return time.perf_counter() - started


def test_tokens_pass_the_pipe_fast_enough(engine: EngineProcess, tmp_path: Path) -> None:
    tokens = 20_000
    load(engine, tmp_path, context_length=100_000, tokens=tokens)
    seconds: list[float] = []
    bare: list[float] = []
    while not seconds or (min(seconds) >= 6 * min(bare) and len(seconds) < 8):
        started = time.perf_counter()
        count = sum(isinstance(event, Delta) for event in engine.generate(ask("x")))
        seconds.append(time.perf_counter() - started)
        assert count == tokens
        bare.append(seconds_for_a_bare_pipe(tokens))
    assert min(seconds) < 6 * min(bare)


def test_a_load_cancelled_at_its_very_end_is_cancelled_all_the_same(
    engine: EngineProcess, tmp_path: Path
) -> None:
    def refuse_the_last(fraction: float) -> bool:
        return fraction < 1

    with pytest.raises(LoadCancelled):
        engine.load(str(write_script(tmp_path)), LoadConfig(), refuse_the_last)
    with pytest.raises(BadRequest):
        list(engine.generate(ask("Hello")))
