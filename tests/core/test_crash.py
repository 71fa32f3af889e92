"""What native code can do to its process, done through the real child."""

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from app.core.children import SOURCE_ROOT
from app.core.engine import EngineProcess
from app.core.engine_errors import death, telling_line
from app.core.engine_link import KEPT_LINES, EngineClosed, EngineSilent
from app.core.errors import EngineDied
from backends.types import Delta, Finish, GenerationEvent, LoadConfig
from tests.backends.scripts import ask, finish_of, text_of, write_script
from tests.timing import PATIENCE

DEADLINE = PATIENCE
READY = '{"type":"ready","id":0,"protocol":2,"backend":"odd"}'
ODD_CHILD = f"import os, signal, sys, time\nos.write(1, b'{READY}\\n')\n"


def odd_engine(code: str, **deadlines: Any) -> EngineProcess:
    """An engine whose child greets as it should and then runs `code`."""
    command = [sys.executable, "-c", ODD_CHILD + code]
    return EngineProcess("odd", command=command, **deadlines)


def load(engine: EngineProcess, folder: Path, **script: Any) -> None:
    engine.load(str(write_script(folder, **script)), LoadConfig(), lambda _: True)


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + DEADLINE
    while not is_gone(pid):
        assert time.monotonic() < deadline, f"process {pid} lives on"
        time.sleep(0.01)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[EngineProcess]:
    with EngineProcess("scripted") as engine:
        load(engine, tmp_path)
        yield engine


@pytest.mark.parametrize(
    ("word", "title", "words"),
    [
        ("!abort", "The engine stopped itself", "GGML_ASSERT(words_are_kind) failed"),
        ("!segfault", "The engine crashed", "memory that is not its own"),
        ("!killed", "The engine was ended by the system", "ran out of memory"),
        ("!exit", "The engine ended by itself", "Its exit code was 7. Its last words were"),
    ],
)
def test_a_crash_costs_one_engine_and_keeps_the_partial_answer(
    engine: EngineProcess, tmp_path: Path, word: str, title: str, words: str
) -> None:
    deaths: queue.Queue[EngineDied] = queue.Queue()
    engine.died.connect(deaths.put)
    with EngineProcess("scripted") as other:
        load(other, tmp_path)
        partial: list[GenerationEvent] = []
        answering = other.generate(ask("I go on"))
        partial_of_other = [next(answering)]
        with pytest.raises(EngineDied) as caught:
            partial.extend(engine.generate(ask(f"Say something {word}")))
        assert finish_of([*partial_of_other, *answering]).reason == "stop"
    assert "".join(e.text for e in partial if isinstance(e, Delta)) == "## You"
    assert caught.value.title == title
    assert words in caught.value.message
    assert "Other models and all chats are safe." in caught.value.message
    assert caught.value.hint
    assert "exit status" in caught.value.detail
    assert deaths.get(timeout=DEADLINE).title == title
    assert not engine.alive
    with pytest.raises(EngineDied, match=title):
        engine.count_tokens(ask("x").messages)


def test_everybody_who_waits_is_told(engine: EngineProcess) -> None:
    first = engine.generate(ask("!slow !tokens=100"))
    waiting = [engine.generate(ask("me too")) for _ in range(2)]
    assert next(first)
    psutil.Process(engine.pid).kill()
    for events in (first, *waiting):
        with pytest.raises(EngineDied):
            list(events)


@pytest.mark.parametrize("disaster", ["abort", "segfault", "killed", "exit"])
def test_a_crash_while_loading(tmp_path: Path, disaster: str) -> None:
    with EngineProcess("scripted") as engine, pytest.raises(EngineDied):
        load(engine, tmp_path, on_load=disaster)


def test_a_hanging_answer_is_cancelled_by_force(tmp_path: Path) -> None:
    with EngineProcess("scripted", cancel_deadline=0.5) as engine:
        load(engine, tmp_path)
        events = engine.generate(ask("!hang", id="hanging"))
        assert text_of([next(events) for _ in range(5)]) == "## You"
        engine.cancel("hanging")
        with pytest.raises(EngineDied, match="stopped answering"):
            next(events)
        assert not engine.alive


def test_leaving_a_hanging_answer_takes_the_deadline_at_most(tmp_path: Path) -> None:
    with EngineProcess("scripted", cancel_deadline=0.5) as engine:
        deaths: queue.Queue[EngineDied] = queue.Queue()
        engine.died.connect(deaths.put)
        load(engine, tmp_path)
        events = engine.generate(ask("!hang"))
        assert [next(events) for _ in range(5)]
        started = time.monotonic()
        events.close()
        assert time.monotonic() - started < DEADLINE  # left alone it hangs for ever
        assert deaths.get(timeout=DEADLINE).title == "The engine stopped answering"


def test_a_hanging_engine_keeps_no_question_waiting(tmp_path: Path) -> None:
    with EngineProcess("scripted", longest_silence=0.5) as engine:
        load(engine, tmp_path)
        events = engine.generate(ask("!hang", id="hanging"))
        assert text_of([next(events) for _ in range(5)]) == "## You"
        with contextlib.suppress(EngineSilent):
            while engine.stats():  # answered until the child has come to where it hangs
                continue
        questions: list[Callable[[], object]] = [
            lambda: engine.count_tokens(ask("x").messages),
            engine.stats,
            engine.unload,
        ]
        for question in questions:
            with pytest.raises(EngineSilent, match="said nothing"):
                question()
        assert engine.alive
        assert len(engine._link.calls("hanging")) == 1


def test_a_question_waits_as_long_as_the_engine_goes_on(tmp_path: Path) -> None:
    with EngineProcess("scripted", longest_silence=4) as engine:
        load(engine, tmp_path)
        events = engine.generate(ask("!tokens=50 !rate=10"))
        assert next(events)
        started = time.monotonic()
        engine.unload()  # its turn comes after the answer
        assert time.monotonic() - started > 4
        assert finish_of(events).reason == "stop"


def test_a_hanging_engine_is_closed_at_once(
    engine: EngineProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.core.engine_link.END_GRACE", 600.0)
    events = engine.generate(ask("!hang"))
    assert [next(events) for _ in range(5)]
    started = time.monotonic()
    engine.close()
    assert time.monotonic() - started < DEADLINE
    assert list(events) == [Finish("cancelled")]


def test_a_flood_neither_blocks_nor_fills_memory(engine: EngineProcess) -> None:
    # Counted by the interpreter: the resident set of this process depends on earlier tests.
    tracemalloc.start()
    try:
        assert "!flood" in text_of(engine.generate(ask("!flood")))
        assert tracemalloc.get_traced_memory()[1] < 8_000_000  # half the flood
    finally:
        tracemalloc.stop()
    words = engine.last_words()
    assert len(words) == KEPT_LINES
    assert max(map(len, words)) <= 2000


def test_noise_on_descriptor_1_lands_in_the_log(engine: EngineProcess) -> None:
    answer = text_of(engine.generate(ask("!noise")))
    assert answer.startswith("## You wrote\n\n> !noise")
    assert "FORGED" not in answer
    assert text_of(engine.generate(ask("again"))).startswith("## You wrote")
    engine.close()
    assert "FORGED" in "".join(engine.last_words())


def test_half_a_line_and_a_crash_is_a_crash() -> None:
    code = 'sys.stdin.readline(); os.write(1, b\'{"type":"cou\'); os._exit(5)'
    with odd_engine(code) as engine, pytest.raises(EngineDied, match="exit code was 5"):
        engine.stats()


@pytest.mark.parametrize(
    "rubbish",
    [
        r"os.write(1, b'\xff\xfe what\n')",
        r"""os.write(1, b'{"type":"counted","id":1,"tokens":"many"}\n')""",
        "os.write(1, b'half a line'); os.close(1)",
        "sys.stdout.write('x' * (66 << 20)); sys.stdout.flush()",
    ],
)
def test_a_child_that_talks_rubbish_is_ended(rubbish: str) -> None:
    code = f"sys.stdin.readline(); {rubbish}; time.sleep(600)"
    with odd_engine(code) as engine:
        with pytest.raises(EngineDied, match="cannot be understood"):
            engine.stats()
        assert not engine.alive


def test_a_greeting_in_another_protocol_is_refused() -> None:
    newer = READY.replace('"protocol":2', '"protocol":99')
    command = [sys.executable, "-c", f"print('{newer}', flush=True); input()"]
    engine = EngineProcess("newer", command=command)
    with pytest.raises(EngineDied, match="cannot be understood"):
        engine.start()


def test_a_child_without_a_sign_of_life_is_ended() -> None:
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    engine = EngineProcess("mute", command=command, start_deadline=0.3)
    with pytest.raises(EngineDied, match="did not start"):
        engine.start()
    assert engine.pid is not None
    assert is_gone(engine.pid)


def test_a_child_that_fails_at_the_start_says_why() -> None:
    command = [sys.executable, "-c", "raise ImportError('no module named ggml')"]
    engine = EngineProcess("broken", command=command)
    with pytest.raises(EngineDied, match="ImportError: no module named ggml"):
        engine.start()


def test_a_program_that_is_not_there_says_so(tmp_path: Path) -> None:
    engine = EngineProcess("none", command=[str(tmp_path / "nothing")])
    with pytest.raises(EngineDied, match="could not be started"):
        engine.start()
    engine.close()


def test_a_child_that_ignores_everything_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.core.engine_link.END_GRACE", 0.3)
    stubborn = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: time.sleep(600)"
    with odd_engine(stubborn) as engine:
        pid = engine.pid
    assert pid is not None
    assert is_gone(pid)
    with pytest.raises(EngineClosed):
        engine.stats()


def test_closing_gets_past_a_writer_that_is_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.core.engine_link.END_GRACE", 0.3)
    with odd_engine("time.sleep(600)") as engine:  # never reads
        answering = engine.generate(ask("word " * 200_000))
        writer = threading.Thread(target=lambda: list(answering))
        writer.start()
        started = time.monotonic()
        engine.close()
        writer.join(DEADLINE)
        assert time.monotonic() - started < DEADLINE  # left alone it is stuck for ever


def test_a_child_that_does_not_read_blocks_neither_the_caller_nor_cancel() -> None:
    with odd_engine("time.sleep(600)", cancel_deadline=600) as engine:
        request = ask("word " * 200_000)
        problems: list[BaseException] = []

        def answer() -> None:
            try:
                list(engine.generate(request))
            except EngineDied as death:
                problems.append(death)

        caller = threading.Thread(target=answer)
        caller.start()
        while not (calls := engine._link.calls(request.id)):
            assert caller.is_alive()
        started = time.monotonic()
        engine.cancel(request.id)
        assert time.monotonic() - started < DEADLINE
        calls[0].expect_within(0.1, "not cancelled")  # that was enough of the ten minutes
        caller.join(DEADLINE)
        assert "stopped answering" in str(problems[0])


PARENT = """
import sys, time
from app.core.engine import EngineProcess
from backends.types import ChatMessage, GenerationRequest, LoadConfig

engine = EngineProcess("scripted")
engine.start()
engine.load(sys.argv[1], LoadConfig(), lambda _: True)
words = sys.argv[2]
if words:
    events = engine.generate(GenerationRequest("a", (ChatMessage("user", words),)))
    for _ in range(5):
        next(events)
print(engine.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("doing", ["", "!slow !tokens=1000", "!hang", "!tokens=8000"])
def test_the_child_goes_when_its_parent_is_killed(tmp_path: Path, doing: str) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(write_script(tmp_path)), doing],
        stdout=subprocess.PIPE,
        cwd=SOURCE_ROOT,
    )
    with parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert not is_gone(pid)
        parent.kill()
    wait_until_gone(pid)


@pytest.mark.parametrize(
    ("status", "title"),
    [
        (-signal.SIGABRT, "The engine stopped itself"),
        (-signal.SIGILL, "The engine does not suit this processor"),
        (-signal.SIGTERM, "The engine was ended"),
        (-signal.SIGFPE, "The engine crashed"),
        (-200, "The engine was ended"),
        (0xC0000005, "The engine crashed"),
        (3, "The engine stopped itself" if os.name == "nt" else "The engine ended by itself"),
        (0xC0000017, "The engine was ended by the system"),
        (0, "The engine ended by itself"),
        (1, "The engine ended by itself"),
    ],
)
def test_every_exit_status_becomes_a_sentence(status: int, title: str) -> None:
    error = death(status, [])
    assert error.title == title
    assert error.message.endswith("Other models and all chats are safe.")
    assert error.hint.endswith(".")


def test_the_telling_line_is_quoted() -> None:
    lines = [
        "loading tensors",
        "ggml.c:99: GGML_ASSERT(n > 0) failed",
        "Fatal Python error: Aborted",
        '  File "/x/failing.py", line 1 in error',
    ]
    assert telling_line(lines) == "ggml.c:99: GGML_ASSERT(n > 0) failed"
    assert telling_line(["all is well"]) == ""
    assert len(telling_line(["~" * 5000 + "out of memory"])) < 300


if os.name == "posix":

    def test_a_stopped_child_is_killed(
        engine: EngineProcess, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("app.core.engine_link.END_GRACE", 0.3)
        pid = engine.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        engine.close()
        assert is_gone(pid)
