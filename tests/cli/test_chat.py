"""`corral run` as a chat: what is typed, what is printed, and what a Ctrl+C takes away."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.cli.chat import TerminalChat
from app.cli.line_editing import typed_messages
from app.core.engine import EngineProcess
from app.core.errors import EngineDied, ModelError
from backends.types import GenerationRequest, LoadConfig
from tests.backends.scripts import write_script

ROOT = Path(__file__).resolve().parents[2]
DEADLINE = 60


@pytest.fixture
def engine() -> Iterator[EngineProcess]:
    with EngineProcess("scripted") as engine:
        yield engine


def chat_with(engine: EngineProcess, folder: Path, **script: object) -> TerminalChat:
    path = write_script(folder, **script)  # type: ignore[arg-type]  # the script's own fields
    engine.load(str(path), LoadConfig(), lambda _: True)
    return TerminalChat(engine, system="", asked=GenerationRequest("", ()), stats=False)


def typed(monkeypatch: pytest.MonkeyPatch, *lines: str | type[BaseException]) -> None:
    """Let `input` answer these lines, or raise."""
    waiting = iter(lines)

    def read(prompt: str = "") -> str:
        line = next(waiting)
        if isinstance(line, str):
            return line
        raise line

    monkeypatch.setattr("builtins.input", read)


def test_a_refused_message_is_forgotten_and_the_chat_goes_on(
    engine: EngineProcess,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    chat = chat_with(engine, tmp_path, context_length=256)
    typed(monkeypatch, "word " * 400, "Hello", EOFError)
    chat.talk(typed_messages())
    out, err = capsys.readouterr()
    assert "longer than the context" in err
    assert "> Hello" in out


def test_what_is_left_out_and_noted_is_told_beside_the_answer(
    engine: EngineProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chat = chat_with(engine, tmp_path, context_length=256, text="Fine.")
    assert chat.answer("word " * 150)
    assert "left out" not in capsys.readouterr().err
    assert chat.answer("word " * 100 + "!note")
    out, err = capsys.readouterr()
    assert out == "Fine.\n"
    assert err == (
        "corral: The chat is longer than the context: 2 messages left out.\n"
        "corral: The script says so.\n"
    )


def test_an_interrupt_at_the_prompt_keeps_the_chat(
    engine: EngineProcess,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    chat = chat_with(engine, tmp_path)
    typed(monkeypatch, KeyboardInterrupt, "Hello", EOFError)
    chat.talk(typed_messages())
    assert "> Hello" in capsys.readouterr().out


def test_a_dead_engine_ends_the_chat(
    engine: EngineProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = chat_with(engine, tmp_path)
    typed(monkeypatch, "!abort", "Hello")
    with pytest.raises(EngineDied):
        chat.talk(typed_messages())


def test_a_refusal_is_told_in_words(engine: EngineProcess, tmp_path: Path) -> None:
    chat = chat_with(engine, tmp_path, context_length=256)
    with pytest.raises(ModelError, match="longer than the context"):
        chat.answer("word " * 400)


def test_reasoning_does_not_mix_with_the_answer(
    engine: EngineProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chat = chat_with(engine, tmp_path, text="42")
    assert chat.answer("!think")
    out, err = capsys.readouterr()
    assert out == "42\n"
    assert "I repeat it." in err


def test_a_model_cannot_command_the_terminal(
    engine: EngineProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chat = chat_with(engine, tmp_path, text="a\x1b]52;c;cm0=\x07b\r\n\tc\x9b31m")
    assert chat.answer("Hello")
    assert capsys.readouterr().out == "a]52;c;cm0=b\n\tc31m\n"


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
@pytest.mark.engine
def test_in_a_terminal_an_answer_is_stopped_and_the_chat_left() -> None:
    import pty

    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "run", "smollm2", "--temperature", "0"],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        cwd=ROOT,
        start_new_session=True,
    )
    os.close(follower)
    shown = b""

    def until(found: Callable[[bytes], object]) -> None:
        nonlocal shown
        shown = b""
        deadline = time.monotonic() + DEADLINE
        while not found(shown):
            assert time.monotonic() < deadline, shown
            shown += os.read(leader, 4096)

    try:
        until(lambda text: b">>> " in text)
        os.write(leader, b"Count from one to two hundred in words.\n")
        until(lambda text: re.search(rb"[Oo]ne", text.partition(b"words.\r\n")[2]))
        os.kill(process.pid, signal.SIGINT)
        until(lambda text: text.endswith(b">>> "))
        os.write(leader, b"What is the capital of France?\n")
        until(lambda text: b"Paris" in text and text.endswith(b">>> "))
        os.write(leader, b"\x04")
        assert process.wait(DEADLINE) == 0
    finally:
        process.kill()
        process.wait()
        os.close(leader)
