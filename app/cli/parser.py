"""The words of the command line."""

import argparse
import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from app import __version__
from app.core.hub_reference import Reference, parse_reference

EPILOG = """\
exit codes:
  0    done
  1    failed; the reason is on standard error
  2    the command line was not understood, or the prompt is empty or no text
  3    no such model, file or preset
  4    the hub wants a log-in or an accepted licence
  130  interrupted
"""


def whole(least: int, most: int) -> Callable[[str], int]:
    """Reads a whole number from `least` to `most`."""

    def number(text: str) -> int:
        if not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text} is not between {least} and {most}")
        return int(text)

    return number


def reference(text: str) -> Reference:
    """A repository of the hub, or a model in Ollama's registry."""
    found = parse_reference(text)
    if found is None:
        raise argparse.ArgumentTypeError(
            f"{text} names no repository; OWNER/REPO is expected, such as "
            "bartowski/Llama-3.2-1B-Instruct-GGUF, the address of its page, or a model of Ollama's "
            "registry such as ollama:llama3.2:1b"
        )
    return found


def temperature(text: str) -> float:
    """A number from 0 to 5."""
    value = float(text)
    if not 0 <= value <= 5:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 5")
    return value


def moment(text: str) -> datetime:
    """A date, a date with a time of day, or so many minutes, hours or days ago."""
    if span := re.fullmatch(r"(\d{1,5})([mhd])", text):
        unit = {"m": "minutes", "h": "hours", "d": "days"}[span[2]]
        return datetime.now() - timedelta(**{unit: int(span[1])})
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text} is no date such as 2026-11-28 and no span such as 12h or 7d"
        ) from None


def build_parser() -> argparse.ArgumentParser:
    """The parser of every word Corral understands; without a word the window opens."""
    parser = argparse.ArgumentParser(
        prog="corral",
        description="Run language models on this computer. Without a command the window opens.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"corral {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    listing = commands.add_parser("ls", help="list the models on this computer")
    listing.add_argument("--json", action="store_true", help="as a JSON array, for scripts")

    get = commands.add_parser("get", help="download a model from the hub or Ollama's registry")
    get.add_argument(
        "reference",
        type=reference,
        metavar="OWNER/REPO[:QUANT]",
        help="for example owner/model-GGUF:Q4_K_M, the address of a hub page, or ollama:NAME:TAG",
    )
    get.add_argument(
        "--to",
        metavar="FOLDER",
        help="a models folder by its name or path, or another folder, which becomes one",
    )
    get.add_argument("--quiet", action="store_true", help="no progress line")

    run = commands.add_parser("run", help="chat with a model in the terminal")
    run.add_argument("model", metavar="MODEL", help="name or id as `corral ls` shows it")
    run.add_argument("prompt", nargs="?", metavar="PROMPT", help="one question; without it, a chat")
    run.add_argument(
        "--image",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        dest="images",
        help="a picture that goes with the first message; may be given several times",
    )
    run.add_argument("--preset", metavar="ID", help="system-prompt preset, such as coder")
    run.add_argument("--system", metavar="TEXT", help="system prompt; wins over the preset's")
    run.add_argument(
        "--max-tokens", type=whole(1, 1_000_000), metavar="N", help="tokens of an answer at most"
    )
    run.add_argument("--temperature", type=temperature, metavar="T", help="0 is the likeliest text")
    run.add_argument(
        "--seed", type=whole(0, 2**32 - 2), metavar="N", help="the same seed, the same answer"
    )
    run.add_argument(
        "--context", type=whole(256, 10_485_760), metavar="N", help="context length in tokens"
    )
    run.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help='any sampling value, such as top_k=20 or \'stop=["END", "###"]\'; repeatable',
    )
    run.add_argument(
        "--load",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any load setting, such as kv_type=q8_0 or prompt_lookup=true; repeatable",
    )
    run.add_argument(
        "--reasoning",
        choices=("on", "off", "low", "medium", "high"),
        help="whether the model thinks first, or how thoroughly, where it offers that",
    )
    run.add_argument(
        "--reasoning-tokens",
        type=whole(0, 1_000_000),
        metavar="N",
        help="tokens of reasoning at most",
    )
    form = run.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="the answer is a JSON object")
    form.add_argument("--schema", metavar="FILE", help="the answer is JSON of this JSON Schema")
    form.add_argument("--regex", metavar="PATTERN", help="the whole answer matches this")
    form.add_argument(
        "--grammar", metavar="FILE", help="the answer follows a grammar: Lark (.lark) or GBNF"
    )
    run.add_argument("--stats", action="store_true", help="speed and token counts after an answer")
    run.add_argument(
        "--force", action="store_true", help="load even if the memory estimate says no"
    )

    serve = commands.add_parser(
        "serve", help="answer other programs, as OpenAI, Anthropic, Ollama and LM Studio do"
    )
    serve.add_argument("--host", metavar="ADDRESS", help="address to listen at; 127.0.0.1 is usual")
    serve.add_argument("--port", type=whole(1, 65_535), metavar="N", help="port; 11500 is usual")
    serve.add_argument(
        "--usual-ports",
        action="store_true",
        help="answer at 11434 and 1234 too, where Ollama's and LM Studio's clients look",
    )
    serve.add_argument(
        "--origin",
        action="append",
        default=[],
        metavar="URL",
        help="a web page whose scripts may use the server; repeatable",
    )

    _add_import(commands)
    remove = commands.add_parser("rm", help="delete a downloaded model (to the trash)")
    remove.add_argument("model", metavar="MODEL", help="name or id as `corral ls` shows it")
    remove.add_argument("--yes", "-y", action="store_true", help="do not ask")

    login = commands.add_parser(
        "login", help="log in to the hub with an access token, for models with a licence"
    )
    login.add_argument(
        "--file",
        action="store_true",
        dest="in_file",
        help="keep the token in a file that only you can read, where there is no password store",
    )
    login.add_argument("--status", action="store_true", help="only say who is logged in")
    commands.add_parser("logout", help="forget the access token")
    _add_connections(commands)
    return parser


def _add_import(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    take = commands.add_parser("import", help="take models from elsewhere into the models folder")
    take.add_argument(
        "paths", nargs="+", metavar="PATH", help="a .gguf file, an MLX folder, a folder of models"
    )
    way = take.add_mutually_exclusive_group()
    ways = {
        "link": "by a hard link: no room is needed, the old name stays",
        "copy": "a copy; the standard where the files are on another disk",
        "move": "the files leave their old place; not out of another program's folder",
    }
    for name, text in ways.items():
        way.add_argument(f"--{name}", dest="way", action="store_const", const=name, help=text)
    take.add_argument("--dry-run", action="store_true", help="say what would be done, do nothing")
    take.add_argument("--quiet", action="store_true", help="no progress line")


def _add_connections(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    listed = commands.add_parser(
        "connections", help="list what Corral has sent to and got from other computers"
    )
    listed.add_argument(
        "--since",
        type=moment,
        metavar="WHEN",
        help="only from then on: a date such as 2026-11-28, “2026-11-28 14:00”, or 30m, 12h, 7d",
    )
    listed.add_argument("--json", action="store_true", help="as a JSON object, for scripts")


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """What the command line says; ends the program with a usage error if it says nothing.

    The prompt of `run` may stand before or after the options: argparse itself takes an optional
    word only where it comes first. After `--` it may begin with a dash.
    """
    parser = build_parser()
    arguments, rest = parser.parse_known_args(argv)
    words = rest[1:] if rest[:1] == ["--"] else rest
    late_prompt = len(words) == 1 and (words != rest or not words[0].startswith("-"))
    if late_prompt and arguments.command == "run" and arguments.prompt is None:
        arguments.prompt = words[0]
    elif rest:
        parser.error(f"not understood: {' '.join(rest)}")
    return arguments
