"""The man page of `corral`, made of the parser that the program itself uses.

    python packaging/linux/man_page.py > corral.1

Written in the language of man(7).
"""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from app import __version__  # noqa: E402 - the checkout has to be found first
from app.cli.parser import EPILOG, build_parser  # noqa: E402
from app.cli.word_tree import Option, Word, word_tree  # noqa: E402

_FILES = (
    ("$XDG_DATA_HOME/Corral", "settings, chats, presets, downloaded models"),
    ("$XDG_CACHE_HOME/Corral", "what can be fetched or computed again"),
    ("$XDG_STATE_HOME/Corral/log", "what the program writes down about its work"),
)
_VARIABLES = (
    ("CORRAL_HOME", "a folder in which all of these lie instead"),
    ("CORRAL_NO_HISTORY", "1: what is typed in a chat is not remembered"),
    ("HF_ENDPOINT", "another address of the model hub"),
    ("HF_TOKEN", "the token that the model hub is asked with"),
)


def man_page(seconds: int) -> str:
    """The page, dated `seconds` after 1970."""
    tree = word_tree(build_parser())
    day = time.strftime("%Y-%m-%d", time.gmtime(seconds))
    lines = [
        f'.TH CORRAL 1 "{day}" "Corral {__version__}" "User Commands"',
        ".SH NAME",
        r"corral \- run language models on your own computer",
        ".SH SYNOPSIS",
        ".B corral",
        ".br",
        ".B corral",
        r".RI [ LINK | FILE.gguf | FILE.corral-engine ]",
        ".br",
        ".B corral",
        ".I COMMAND",
        r".RI [ OPTIONS ]",
        ".SH DESCRIPTION",
        "Without a word the window opens. A link (corral://model/OWNER/NAME), a model file or an",
        "engine opens it, too, and it asks what to do. Every other word is a command of the",
        "terminal. Where a",
        "Corral is running for the same data folder, commands share its models.",
        ".SH COMMANDS",
    ]
    for word in list(tree.every())[1:]:
        if not word.words:
            lines += _command(word)
    lines.append(".SH EXIT STATUS")
    for line in EPILOG.partition("\n\n")[0].partition("\n")[2].splitlines():
        number, _, meaning = line.strip().partition(" ")
        lines += [".TP", f".B {number}", _text(meaning.strip())]
    for title, rows in (("ENVIRONMENT", _VARIABLES), ("FILES", _FILES)):
        lines.append(f".SH {title}")
        for name, meaning in rows:
            lines += [".TP", f".I {_text(name)}", _text(meaning)]
    return "\n".join(lines) + "\n"


def _command(word: Word) -> Iterator[str]:
    yield f".SS corral {_text(' '.join(word.path))}"
    also = f" Also: {', '.join(word.aliases)}." if word.aliases else ""
    yield _text(f"{word.help[:1].upper()}{word.help[1:]}.{also}")
    for option in word.options:
        if option.flags[:1] != ("-h",):
            yield ".TP"
            yield _names(option)
            yield _text(option.help)


def _names(option: Option) -> str:
    value = rf"\fI{_text(option.metavar)}\fR" if option.metavar else ""
    flags = ", ".join(rf"\fB{_text(flag)}\fR" for flag in option.flags)
    return " ".join(filter(None, (flags, value)))


def _text(text: str) -> str:
    """Words as troff prints them: hyphens as typed, nothing that begins a request."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-").replace("'", r"\(aq")
    return rf"\&{escaped}" if escaped.startswith((".", "'")) else escaped


if __name__ == "__main__":
    sys.stdout.write(man_page(int(os.environ.get("SOURCE_DATE_EPOCH", time.time()))))
