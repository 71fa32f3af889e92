"""Words with a slash in a chat, typed one after the other to a real model."""

import json
from pathlib import Path

import pytest

from app.cli.line_editing import NO_HISTORY, line_editing, typed_messages
from app.cli.main import main
from app.core.paths import app_paths
from tests.cli.test_chat import typed

RUN = ("run", "smollm2", "--context", "1024", "--temperature", "0", "--max-tokens", "4")


@pytest.fixture(autouse=True)
def at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)


@pytest.mark.engine
def test_a_chat_is_changed_while_it_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(
        monkeypatch,
        "/set parameter num_predict 3",
        "/set parameter top_k 7",
        "/set parameter num_gpu 1",
        "/set parameter temperature hot",
        "/show parameters",
        '/system "Be brief."',
        "/show system",
        '"""Two',
        'lines?"""',
        "/stats",
        "Again",
        "/stats off",
        "/set format json",
        "/set format {",
        "/set noformat",
        "/think sometimes",
        "/image nowhere.png",
        "/load nothing-like-it",
        "/load",
        "/save My friend",
        "/show tokens",
        "/clear",
        "/show tokens",
        "/nonsense",
        "/srv/notes.txt says what?",
        "/show modelfile",
        "/?",
        "/bye",
    )
    assert main(RUN) == 0
    out, err = capsys.readouterr()
    shown = json.loads(out[out.index("{\n") : out.index("\n}") + 2])
    assert (shown["max_tokens"], shown["top_k"], shown["temperature"]) == (3, 7, 0.0)
    assert "Be brief.\n" in out
    assert err.count("tokens/s") == 1
    assert "num_gpu is not used here" in err
    assert "temperature is between 0 and 5" in err
    assert "neither “json” nor a JSON Schema" in err
    assert "sometimes is no way to think" in err
    assert "cannot see pictures" in err
    assert "No model is called nothing-like-it" in err
    assert "/load needs a word after it" in err
    assert "/nonsense is not understood" in err
    before, after = (int(line.split()[0]) for line in out.splitlines() if " of 1,024 tok" in line)
    assert before > after > 0
    assert "FROM starter/SmolLM2" in out
    assert '""" begins and ends a message' in out
    assert main(("show", "My friend", "--modelfile")) == 0
    modelfile = capsys.readouterr().out
    assert 'SYSTEM "Be brief."' in modelfile
    assert "PARAMETER top_k 7" in modelfile
    assert 'MESSAGE user """Two\nlines?"""' in modelfile


def test_a_message_of_several_lines_stands_between_three_quotes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(
        monkeypatch,
        '"""one',
        " two",
        '"""',
        '"""whole"""',
        '"""given up',
        KeyboardInterrupt,
        "",
        "last",
        EOFError,
    )
    assert list(typed_messages()) == ["one\n two", "whole", "last"]
    assert capsys.readouterr().out == "\n\n"


@pytest.mark.parametrize("kept", [True, False])
def test_what_is_typed_is_remembered_where_that_is_wanted(tmp_path: Path, kept: bool) -> None:
    readline = pytest.importorskip("readline")
    file = tmp_path / "data" / "history"
    with line_editing(file, kept=kept):
        readline.add_history("What is a corral?")
    assert file.exists() is kept
    if kept:
        assert file.stat().st_mode & 0o077 == 0
        with line_editing(file, kept=True):
            assert readline.get_history_item(1) == "What is a corral?"


def test_the_environment_switches_history_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("readline")
    monkeypatch.setenv(NO_HISTORY, "1")
    with line_editing(tmp_path / "history", kept=True):
        pass
    assert list(tmp_path.glob("history")) == []
    assert not (app_paths().data / "terminal-history").exists()
