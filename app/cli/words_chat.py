"""The words `run`, `chat` and `bench`."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.parser_values import answer_format, duration, temperature, whole

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

MODEL_HELP = "name or id as “corral ls” shows it"


def add(commands: "Commands") -> None:
    """Add these commands."""
    run = commands.add_parser("run", help="ask a model, or chat with it, in the terminal")
    run.set_defaults(does="run")
    run.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    run.add_argument("prompt", nargs="?", metavar="PROMPT", help="one question; without it, a chat")
    run.add_argument("--system", metavar="TEXT", help="system prompt; wins over the preset's")
    _add_answer_options(run)

    chat = commands.add_parser("chat", help="chat with a model, or the one that is loaded or first")
    chat.set_defaults(does="run")
    chat.add_argument("model", nargs="?", metavar="MODEL", help=MODEL_HELP)
    chat.add_argument("--prompt", "-p", metavar="TEXT", help="one question; without it, a chat")
    chat.add_argument("--system-prompt", "-s", dest="system", metavar="TEXT", help="system prompt")
    _add_answer_options(chat)

    bench = commands.add_parser("bench", help="measure how fast a model reads and writes")
    bench.set_defaults(does="bench")
    bench.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    bench.add_argument(
        "--prompt-tokens", "-p", type=whole(1, 1_000_000), default=512, metavar="N", help="to read"
    )
    bench.add_argument(
        "--answer-tokens", "-n", type=whole(2, 100_000), default=128, metavar="N", help="to write"
    )
    bench.add_argument(
        "--repeats", "-r", type=whole(1, 100), default=3, metavar="N", help="times; 3 is usual"
    )
    bench.add_argument("--json", action="store_true", help="as a JSON object, for scripts")
    add_load_options(bench)


def add_load_options(parser: argparse.ArgumentParser) -> None:
    """How a model is loaded."""
    parser.add_argument(
        "--context",
        "-c",
        "--context-length",
        type=whole(256, 10_485_760),
        metavar="N",
        help="context length in tokens",
    )
    parser.add_argument(
        "--load",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any load setting, such as kv_type=q8_0 or prompt_lookup=true; repeatable",
    )
    parser.add_argument(
        "--force", action="store_true", help="load even if the memory estimate says no"
    )


def add_time_to_live(parser: argparse.ArgumentParser) -> None:
    """How long a model stays loaded in a running Corral."""
    parser.add_argument(
        "--keepalive",
        "--ttl",
        dest="keepalive",
        type=duration,
        metavar="TIME",
        help="how long the running Corral keeps it unused: 300, 5m, 1h30m; 0 not at all, -1 ever",
    )


def _add_answer_options(parser: argparse.ArgumentParser) -> None:
    """How a model answers."""
    parser.add_argument(
        "--image",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        dest="images",
        help="a picture that goes with the first message; repeatable; paths in the prompt do, too",
    )
    parser.add_argument("--preset", metavar="ID", help="system-prompt preset, such as coder")
    parser.add_argument(
        "--max-tokens", type=whole(1, 1_000_000), metavar="N", help="tokens of an answer at most"
    )
    parser.add_argument(
        "--temperature", type=temperature, metavar="T", help="0 is the likeliest text"
    )
    parser.add_argument(
        "--seed", type=whole(0, 2**32 - 2), metavar="N", help="the same seed, the same answer"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help='any sampling value, such as top_k=20 or \'stop=["END", "###"]\'; repeatable',
    )
    _add_reasoning(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="the answer is a JSON object")
    form.add_argument("--schema", metavar="FILE", help="the answer is JSON of this JSON Schema")
    form.add_argument("--regex", metavar="PATTERN", help="the whole answer matches this")
    form.add_argument(
        "--grammar", metavar="FILE", help="the answer follows a grammar: Lark (.lark) or GBNF"
    )
    form.add_argument(
        "--format", type=answer_format, metavar="json", help="“json”, or a JSON Schema itself"
    )
    parser.add_argument(
        "--stats",
        "--verbose",
        dest="stats",
        action="store_true",
        help="speed and token counts after an answer",
    )
    parser.add_argument("--nowordwrap", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument(
        "--yes", "-y", action="store_true", help="download a model that is not here without asking"
    )
    parser.add_argument(
        "--alone", action="store_true", help="load the model here, even where a Corral is running"
    )
    add_load_options(parser)
    add_time_to_live(parser)


def _add_reasoning(parser: argparse.ArgumentParser) -> None:
    thinking = parser.add_mutually_exclusive_group()
    thinking.add_argument(
        "--reasoning",
        choices=("on", "off", "low", "medium", "high"),
        help="whether the model thinks first, or how thoroughly, where it offers that",
    )
    thinking.add_argument(
        "--think",
        choices=("true", "false", "low", "medium", "high"),
        help="the same as Ollama says it; --think alone is --think=true",
    )
    parser.add_argument(
        "--hidethinking", action="store_true", help="do not show what the model thinks"
    )
    parser.add_argument(
        "--reasoning-tokens",
        type=whole(0, 1_000_000),
        metavar="N",
        help="tokens of reasoning at most",
    )
