"""The words about models in memory: `load`, `unload`, `ps`, `estimate`."""

import argparse
from typing import TYPE_CHECKING

from app.cli.parser_values import gpu_share, whole
from app.cli.words_chat import MODEL_HELP, add_load_options, add_time_to_live

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def add(commands: "Commands") -> None:
    """Add these commands."""
    loaded = commands.add_parser("ps", help="list the models that the running Corral has loaded")
    loaded.set_defaults(does="ps")
    loaded.add_argument("--json", action="store_true", help="as a JSON array, for scripts")

    load = commands.add_parser("load", help="load a model in the running Corral")
    load.set_defaults(does="load")
    load.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    load.add_argument(
        "--estimate-only", action="store_true", help="only say what memory it would take"
    )
    load.add_argument(
        "--identifier", metavar="NAME", help="load it under a further name, as “corral cp” gives it"
    )
    load.add_argument("--json", action="store_true", help="as a JSON object, for scripts")
    load.add_argument("--yes", "-y", action="store_true", help=argparse.SUPPRESS)
    _add_sizes(load)
    add_time_to_live(load)

    unload = commands.add_parser(
        "unload", aliases=["stop"], help="eject a model from the running Corral, or end that"
    )
    unload.set_defaults(does="unload")
    what = unload.add_mutually_exclusive_group(required=True)
    what.add_argument("model", nargs="?", metavar="MODEL", help=MODEL_HELP)
    what.add_argument("--all", "-a", action="store_true", help="eject all models")
    what.add_argument("--server", action="store_true", help="end “corral serve”")

    estimate = commands.add_parser("estimate", help="say what memory a model would take here")
    estimate.set_defaults(does="estimate")
    estimate.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    estimate.add_argument("--json", action="store_true", help="as a JSON object, for scripts")
    _add_sizes(estimate)


def _add_sizes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--gpu", type=gpu_share, metavar="SHARE", help="of the layers: off, max, or 0 to 1"
    )
    parser.add_argument(
        "--parallel",
        type=whole(1, 64),
        metavar="N",
        help="answers at once, which share the context",
    )
    add_load_options(parser)
