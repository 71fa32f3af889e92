"""Every word of the parser is done by a function, quick to show, and told in the manual."""

import argparse
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.cli.commands import command_of
from app.cli.completion import _SCRIPTS
from app.cli.manual import manual
from app.cli.parser import build_parser, parse
from app.cli.parser_values import FOREVER, duration
from app.cli.word_tree import word_tree
from tests.test_main import modules_loaded

ROOT = Path(__file__).resolve().parents[2]


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """All parsers that do something."""
    below = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    if not below:
        yield parser
    for action in below:
        for each in action.choices.values():
            yield from parsers(each)


def test_every_word_is_done_by_a_function_of_its_own_module() -> None:
    words = {parser.get_default("does") for parser in parsers(build_parser())}
    assert None not in words
    assert len(words) > 25
    for word in words:
        assert command_of(word).__module__.startswith("app.cli."), word


@pytest.mark.parametrize(
    ("words", "does"),
    [
        (["pull", "owner/repo"], "get"),
        (["list"], "ls"),
        (["stop", "model"], "unload"),
        (["stop", "--server"], "unload"),
        (["unload", "--all"], "unload"),
        (["server", "start", "--bind", "0.0.0.0", "-p", "1234"], "server start"),
        (["daemon", "up"], "server start"),
        (["start", "--port", "1234"], "serve"),
        (["run", "model", "Why?", "-y"], "run"),
        (["load", "model", "--identifier", "mine"], "load"),
        (["server", "status", "--json"], "status"),
        (["log", "stream"], "log"),
        (["load", "model", "--estimate-only", "--gpu", "max", "-c", "4096", "--ttl", "60"], "load"),
        (["signin"], "login"),
        (["whoami"], "login"),
        (["chat", "model", "-p", "Why?", "-s", "Be brief.", "--stats", "--ttl", "3600"], "run"),
        (
            ["run", "model", "--keepalive", "5m", "--verbose", "--nowordwrap", "--format", "json"],
            "run",
        ),
        (["import", "a.gguf", "-L", "-y"], "import"),
    ],
)
def test_words_of_ollama_and_lms_are_understood(words: list[str], does: str) -> None:
    assert parse(words).does == does


def test_thinking_may_be_asked_for_without_a_value() -> None:
    arguments = parse(["run", "model", "--think", "Why?"])
    assert (arguments.think, arguments.prompt) == ("true", "Why?")
    assert parse(["run", "model", "--think=low"]).think == "low"
    assert parse(["run", "model", "--", "--think"]).prompt == "--think"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("300", 300), ("5m", 300), ("1h30m", 5400), ("500ms", 0.5), ("0", 0), ("-1", FOREVER)],
)
def test_times_are_read_as_ollama_writes_them(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "five", "5x", "m5", "1h30"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        duration(text)


def test_the_manual_is_that_of_this_program() -> None:
    written = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert written == manual(), "write it anew: python -m app.cli.manual > docs/cli.md"


def test_help_costs_next_to_nothing() -> None:
    done, modules = modules_loaded("--help")
    assert done.returncode == 0
    ours = {name for name in modules if name.startswith("app")}
    assert "app.cli.words_server" in ours
    assert not [name for name in modules if name.startswith(("msgspec", "backends", "httpx2"))]
    assert not [name for name in ours if name.startswith("app.core.") and name != "app.core.errors"]
    assert len(modules) < 150, sorted(modules)


@pytest.mark.parametrize("shell", sorted(_SCRIPTS))
def test_every_script_of_completion_knows_every_word(shell: str) -> None:
    tree = word_tree(build_parser())
    script = _SCRIPTS[shell](tree)
    for word in tree.every():
        for name in word.names:
            assert name in script
    assert "chat models admin" in script
    assert "corral ls --ids" in script


def completed(*words: str) -> set[str]:
    """What bash would offer after these words, the last of which is begun."""
    script = _SCRIPTS["bash"](word_tree(build_parser()))
    line = " ".join(f"'{word}'" for word in words)
    asked = f"corral() {{ echo my-model; }}\nCOMP_WORDS=({line})\nCOMP_CWORD={len(words) - 1}\n"
    done = subprocess.run(
        ["bash", "-c", f'{script}\n{asked}_corral\nprintf "%s\\n" "${{COMPREPLY[@]}}"'],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


@pytest.mark.skipif(sys.platform == "win32", reason="needs bash")
def test_bash_completes_words_options_values_and_models() -> None:
    assert completed("corral", "un") == {"unload"}
    assert completed("corral", "server", "st") == {"start", "stop", "status"}
    assert completed("corral", "daemon", "u") == {"up"}
    assert completed("corral", "run", "m", "--reasoning", "l") == {"low"}
    assert completed("corral", "run", "my") == {"my-model"}
    assert completed("corral", "token", "new", "me", "--sc") == {"--scope"}
