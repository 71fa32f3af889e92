"""The manual of the command line, made of the parser; `docs/cli.md` is what it makes.

`python -m app.cli.manual > docs/cli.md` writes it anew.
"""

import sys
from collections.abc import Iterator

from app.cli.parser import EPILOG, build_parser
from app.cli.word_tree import Option, Word, word_tree

_HEAD = """\
# Corral in the terminal

This page is made of the program itself (`python -m app.cli.manual > docs/cli.md`).

Where a Corral is running for the same data folder, as a window or as `corral serve`, commands share
its models; else each works by itself. Words of Ollama's and of LM Studio's `lms` work as aliases.

A chat (`corral run MODEL` in a terminal) takes `\"\"\"` around messages of several lines, paths of
pictures where the model can see, and words with a slash: `/?` lists them. What is typed is
remembered in the data folder; `CORRAL_NO_HISTORY=1` or
`corral config set chat.terminal_history false` ends that.
"""


def manual() -> str:
    """The whole page, as Markdown."""
    tree = word_tree(build_parser())
    codes = EPILOG.partition("\n\n")[0].partition("\n")[2]
    lines = [_HEAD, "## Exit codes\n", "| code | meaning |", "|---|---|"]
    for line in codes.splitlines():
        number, _, meaning = line.strip().partition(" ")
        lines.append(f"| {number} | {meaning.strip()} |")
    lines.append("\n## Commands\n")
    for word in list(tree.every())[1:]:
        if not word.words:
            lines += _section(word)
    return "\n".join(lines).rstrip() + "\n"


def _section(word: Word) -> Iterator[str]:
    yield f"### corral {' '.join(word.path)}\n"
    text = f"{word.help[:1].upper()}{word.help[1:]}."
    names = ", ".join(f"`{name}`" for name in word.aliases)
    yield f"{text} Also: {names}.\n" if names else f"{text}\n"
    places = [_place(option) for option in word.options if not option.flags]
    yield f"    corral {' '.join([*word.path, '[OPTIONS]', *places])}\n"
    rows = [option for option in word.options if option.flags[:1] != ("-h",)]
    if not rows:
        return
    yield "| option | meaning |"
    yield "|---|---|"
    for option in rows:
        flags = ", ".join(f"`{flag}`" for flag in option.flags)
        value = f"`{option.metavar}`".replace("|", "\\|") if option.metavar else ""
        help_ = option.help.replace("|", "\\|")
        yield f"| {' '.join(filter(None, (flags, value)))} | {help_} |"
    yield ""


def _place(option: Option) -> str:
    return option.metavar if option.required else f"[{option.metavar}]"


if __name__ == "__main__":
    sys.stdout.write(manual())
