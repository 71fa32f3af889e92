"""The words of the command line.

Each `words_*` module adds its commands and names for each what `commands.command_of` knows it by.
None of them imports what a command needs: `corral --help` is quick.
"""

import argparse
from collections.abc import Sequence

from app import __version__
from app.cli import words_chat, words_library, words_memory, words_program, words_server

EPILOG = """\
exit codes:
  0    done
  1    failed; the reason is on standard error
  2    the command line was not understood, or the prompt is empty or no text
  3    no such model, file or preset
  4    the hub wants a log-in or an accepted licence
  130  interrupted

“corral COMMAND --help” says more of a command, docs/cli.md of all.
"""

_VALUE_OPTIONAL = ("--think",)
"""Options whose value stands after an equals sign only, so that a prompt may follow them."""


def build_parser() -> argparse.ArgumentParser:
    """The parser of every word Corral understands; without a word the window opens."""
    parser = argparse.ArgumentParser(
        prog="corral",
        description="Run language models on this computer. Without a command the window opens.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", "-v", action="version", version=f"corral {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for group in (words_chat, words_library, words_memory, words_server, words_program):
        group.add(commands)
    return parser


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """What the command line says; ends the program with a usage error if it says nothing.

    The prompt of `run` may stand before or after the options: argparse itself takes an optional
    word only where it comes first. After `--` it may begin with a dash.
    """
    parser = build_parser()
    arguments, rest = parser.parse_known_args(_with_values(argv))
    words = rest[1:] if rest[:1] == ["--"] else rest
    late_prompt = len(words) == 1 and (words != rest or not words[0].startswith("-"))
    if late_prompt and arguments.does == "run" and arguments.prompt is None:
        arguments.prompt = words[0]
    elif rest:
        parser.error(f"not understood: {' '.join(rest)}")
    return arguments


def _with_values(argv: Sequence[str]) -> list[str]:
    """`argv`, with the value of each option that may go without one."""
    words = list(argv)
    end = words.index("--") if "--" in words else len(words)
    given = [f"{word}=true" if word in _VALUE_OPTIONAL else word for word in words[:end]]
    return given + words[end:]
