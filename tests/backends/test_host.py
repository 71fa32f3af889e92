"""The host loop: in this process with a scriptable engine, and as the real child."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import msgspec
import psutil
import pytest

from app.core.children import child_command, engine_environment
from backends import host, wire
from backends.base import LoadProgressCallback
from backends.errors import LoadCancelled, PromptTooLong
from backends.types import (
    ChatMessage,
    Delta,
    EmbeddingRequest,
    Embeddings,
    EngineStats,
    Finish,
    GenerationEvents,
    GenerationRequest,
    LoadConfig,
    LoadProgress,
    ModelInfo,
    Tool,
)
from tests.backends.scripts import ask, write_script
from tests.timing import PATIENCE

INFO = ModelInfo("test", 256, 256, 10, False, False)
DEADLINE = PATIENCE


class Puppet:
    """An engine whose answers wait until the test lets them go on."""

    def __init__(self) -> None:
        self.go_on = threading.Semaphore(0)
        self.asked = threading.Semaphore(0)
        """Let go of each time that an answer is asked for its next event."""
        self.waiting = threading.Event()
        self.failure: Exception | None = None
        self.threads: set[int] = set()
        self.cancelled: list[str] = []
        self.told = threading.Event()
        self.let_go: list[str] = []
        self.missed_cancels = 0

    def load(self, path: str, config: LoadConfig, on_progress: LoadProgressCallback) -> ModelInfo:
        for step in range(1001):
            if not on_progress(step / 1000):
                raise LoadCancelled("The load was cancelled")
            if path == "slow" and step == 10:
                self.waiting.set()
                self.go_on.acquire()
        return INFO

    def count_tokens(self, messages: Sequence[ChatMessage], tools: Sequence[Tool] = ()) -> int:
        self.threads.add(threading.get_ident())
        if self.failure is not None:
            raise self.failure
        return len(messages)

    def generate(self, request: GenerationRequest) -> GenerationEvents:
        self.threads.add(threading.get_ident())
        for number in range(100):
            self.asked.release()
            self.go_on.acquire()
            if self.cancelled.count(request.id) > self.missed_cancels:
                yield Finish("cancelled")
                self.let_go.append(request.id)
                return
            yield Delta(f"{number} ")

    def embed(self, request: EmbeddingRequest) -> Embeddings:
        return Embeddings(((1.0,),) * len(request.texts), len(request.texts))

    def cancel(self, request_id: str) -> None:
        self.cancelled.append(request_id)
        self.told.set()

    def stats(self) -> EngineStats:
        return EngineStats(1, 2)

    def unload(self) -> None:
        pass


class Talk:
    """Both ends of a host that runs in a thread of this process."""

    def __init__(self) -> None:
        self.engine = Puppet()
        self.left: list[int] = []
        commands_in, commands_out = os.pipe()
        replies_in, replies_out = os.pipe()
        self._commands = open(commands_out, "wb", buffering=0)  # noqa: SIM115 - closed in close
        self._served = open(commands_in, "rb")  # noqa: SIM115 - closed in close
        self.replies: IO[bytes] = open(replies_in, "rb")  # noqa: SIM115 - closed in close
        self._outbox = open(replies_out, "wb")  # noqa: SIM115 - closed in close
        served = host.Host(
            self.engine, host.Outbox(self._outbox, self.left.append), self.left.append
        )
        self._thread = threading.Thread(target=served.serve, args=(self._served,))
        self._thread.start()

    def say(self, command: wire.Command) -> None:
        self._commands.write(wire.encode(command))

    def shout(self, line: bytes) -> None:
        self._commands.write(line)

    def hear(self) -> wire.Reply:
        line = wire.read_line(self.replies)
        assert line is not None
        return wire.decode_reply(line)

    def wait_until_read(self) -> list[wire.Reply]:
        """Wait until the host has read all commands so far, while its engine is busy.

        A load that waits is cancelled by the reading thread itself. Answers what came before.
        """
        self.say(wire.Load(1000, "quick", LoadConfig()))
        self.say(wire.Cancel(1000))
        heard = [self.hear()]
        while heard[-1] != wire.Failed(1000, "load_cancelled", "The load was cancelled"):
            heard.append(self.hear())
        return heard[:-1]

    def close(self) -> None:
        self._commands.close()
        for _ in range(200):
            self.engine.go_on.release()
        self._thread.join(DEADLINE)
        assert not self._thread.is_alive()
        for stream in (self._served, self.replies, self._outbox):
            stream.close()


@pytest.fixture
def talk() -> Iterator[Talk]:
    talk = Talk()
    yield talk
    talk.close()


def test_commands_are_answered_under_their_number(talk: Talk) -> None:
    talk.say(wire.CountTokens(7, ask("a", "b").messages))
    assert talk.hear() == wire.Counted(7, 2)
    talk.say(wire.Stats(8))
    assert talk.hear() == wire.StatsTaken(8, EngineStats(1, 2))
    talk.say(wire.Unload(9))
    assert talk.hear() == wire.Unloaded(9)


def test_load_progress_comes_in_steps_worth_telling(talk: Talk) -> None:
    talk.say(wire.Load(1, "quick", LoadConfig()))
    heard = [talk.hear()]
    while not isinstance(heard[-1], wire.Loaded):
        heard.append(talk.hear())
    assert 50 < len(heard) < 110  # of 1001 reports
    assert heard[-2] == wire.Event(1, LoadProgress(1.0))
    assert heard[-1] == wire.Loaded(1, INFO)


def test_a_load_is_cancelled_and_so_is_one_that_waits(talk: Talk) -> None:
    talk.say(wire.Load(1, "slow", LoadConfig()))
    assert talk.hear() == wire.Event(1, LoadProgress(0.0))
    assert talk.hear() == wire.Event(1, LoadProgress(0.01))
    assert talk.engine.waiting.wait(DEADLINE)
    talk.say(wire.Cancel(1))
    talk.say(wire.Cancel(3))  # no such command: ignored
    talk.say(wire.Stats(4))
    assert talk.wait_until_read() == []
    talk.engine.go_on.release()
    assert talk.hear() == wire.Failed(1, "load_cancelled", "The load was cancelled")
    assert isinstance(talk.hear(), wire.StatsTaken)


def test_quick_questions_are_answered_between_two_tokens(talk: Talk) -> None:
    talk.say(wire.Generate(1, ask("x", id="a")))
    talk.engine.go_on.release()
    assert talk.hear() == wire.Event(1, Delta("0 "))
    talk.say(wire.CountTokens(2, ask("x").messages))
    heard = talk.wait_until_read()
    talk.engine.go_on.release()
    while len(heard) < 2:
        heard.append(talk.hear())
    assert {type(reply) for reply in heard} == {wire.Event, wire.Counted}
    assert len(talk.engine.threads) == 1


def test_requests_wait_their_turn_and_can_be_cancelled_meanwhile(talk: Talk) -> None:
    talk.say(wire.Generate(1, ask("x", id="a")))
    talk.engine.go_on.release()
    assert talk.hear() == wire.Event(1, Delta("0 "))
    talk.say(wire.Generate(2, ask("x", id="b")))
    talk.say(wire.Generate(3, ask("x", id="c")))
    talk.say(wire.Cancel(2))
    assert talk.hear() == wire.Event(2, Finish("cancelled"))
    talk.say(wire.Cancel(1))
    assert talk.engine.told.wait(DEADLINE)
    assert talk.engine.cancelled == ["a"]
    talk.engine.go_on.release()
    assert talk.hear() == wire.Event(1, Finish("cancelled"))
    talk.engine.go_on.release()
    assert talk.hear() == wire.Event(3, Delta("0 "))
    assert talk.engine.cancelled == ["a"]


def test_an_engine_that_missed_a_cancel_is_told_again_when_it_speaks(talk: Talk) -> None:
    talk.engine.missed_cancels = 1
    talk.say(wire.Generate(1, ask("x", id="a")))
    talk.engine.go_on.release()
    assert talk.hear() == wire.Event(1, Delta("0 "))
    for _ in range(2):  # the host is done with that event, and waits for the next one
        assert talk.engine.asked.acquire(timeout=DEADLINE)
    talk.say(wire.Cancel(1))
    assert talk.engine.told.wait(DEADLINE)
    talk.engine.go_on.release()
    assert talk.hear() == wire.Event(1, Delta("1 "))
    talk.engine.go_on.release()
    assert talk.hear() == wire.Event(1, Finish("cancelled"))
    assert talk.engine.cancelled == ["a", "a"]


def test_an_answer_has_let_go_of_the_engine_before_its_end_is_told(talk: Talk) -> None:
    talk.say(wire.Generate(1, ask("x", id="a")))
    talk.engine.go_on.release()
    assert talk.hear() == wire.Event(1, Delta("0 "))
    talk.say(wire.Cancel(1))
    assert talk.engine.told.wait(DEADLINE)
    talk.engine.go_on.release()
    assert talk.hear() == wire.Event(1, Finish("cancelled"))
    assert talk.engine.let_go == ["a"]


def test_a_failure_carries_its_code_and_ends_nothing(talk: Talk) -> None:
    talk.engine.failure = PromptTooLong("Too long", "x" * 30_000)
    talk.say(wire.CountTokens(1, ()))
    reply = talk.hear()
    assert isinstance(reply, wire.Failed)
    assert (reply.code, reply.message) == ("prompt_too_long", "Too long")
    assert len(reply.detail) == host.MAX_DETAIL
    talk.engine.failure = None
    talk.say(wire.CountTokens(2, ()))
    assert talk.hear() == wire.Counted(2, 0)


@pytest.mark.parametrize(
    ("failure", "code"),
    [(MemoryError(), "out_of_memory"), (KeyError("bug"), "engine")],
)
def test_an_unforeseen_failure_is_reported_too(talk: Talk, failure: Exception, code: str) -> None:
    talk.engine.failure = failure
    talk.say(wire.CountTokens(1, ()))
    reply = talk.hear()
    assert isinstance(reply, wire.Failed)
    assert reply.code == code


def test_the_end_of_commands_ends_the_child(talk: Talk) -> None:
    talk.close()
    assert talk.left == [0]


def test_rubbish_ends_the_child_as_an_error(talk: Talk) -> None:
    talk.shout(b"{}\n")
    talk.close()
    assert talk.left == [2]


def test_a_child_that_nobody_listens_to_leaves() -> None:
    left: list[int] = []
    inward, outward = os.pipe()
    os.close(inward)
    stream = open(outward, "wb", buffering=0)  # noqa: SIM115 - closed below
    host.Outbox(stream, left.append).send(wire.Unloaded(1))
    stream.close()
    assert left == [0]


@pytest.fixture
def child(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        child_command("--engine-host", "--backend", "scripted"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env=engine_environment(),
    )
    yield process
    process.kill()
    process.communicate()


def talk_to(child: subprocess.Popen[bytes], command: wire.Command | None = None) -> wire.Reply:
    assert child.stdin is not None
    assert child.stdout is not None
    if command is not None:
        child.stdin.write(wire.encode(command))
        child.stdin.flush()
    line = wire.read_line(child.stdout)
    assert line is not None
    return wire.decode_reply(line)


def test_the_real_child_greets_and_ends_with_its_input(child: subprocess.Popen[bytes]) -> None:
    assert talk_to(child) == wire.Ready(0, wire.PROTOCOL_VERSION, "scripted")
    rest, log = child.communicate(timeout=DEADLINE)
    assert (rest, log, child.returncode) == (b"", b"", 0)


def test_what_native_code_prints_never_reaches_the_protocol(
    child: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    assert isinstance(talk_to(child), wire.Ready)
    reply = talk_to(child, wire.Load(1, str(write_script(tmp_path, on_load="noise")), LoadConfig()))
    while isinstance(reply, wire.Event):
        reply = talk_to(child)
    assert isinstance(reply, wire.Loaded)
    rest, log = child.communicate(timeout=DEADLINE)
    assert rest == b""
    assert b"FORGED" in log


def test_the_child_leaves_even_while_the_engine_hangs(
    child: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    assert isinstance(talk_to(child), wire.Ready)
    path = str(write_script(tmp_path, on_load="hang"))
    reply = talk_to(child, wire.Load(1, path, LoadConfig()))
    while reply != wire.Event(1, LoadProgress(0.5)):
        reply = talk_to(child)
    child.communicate(timeout=DEADLINE)
    assert child.returncode == 0


def test_the_child_runs_at_lower_priority(child: subprocess.Popen[bytes]) -> None:
    assert isinstance(talk_to(child), wire.Ready)
    if sys.platform == "win32":
        assert psutil.Process(child.pid).nice() == psutil.BELOW_NORMAL_PRIORITY_CLASS
    else:
        assert psutil.Process(child.pid).nice() == min(19, os.nice(0) + host.NICENESS)


def test_an_engine_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    done = subprocess.run(
        child_command("--engine-host", "--backend", "magic"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        cwd=tmp_path,
        env=engine_environment(),
        timeout=DEADLINE,
    )
    assert done.returncode == 1
    reply = msgspec.json.decode(done.stdout, type=wire.Failed)
    assert (reply.id, reply.message) == (0, "There is no engine “magic”")
