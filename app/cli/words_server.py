"""The words about the local server: `serve`, `server`, `status`, `log`, `token`."""

import argparse
from typing import TYPE_CHECKING

from app.cli.parser_values import whole

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def add(commands: "Commands") -> None:
    """Add these commands."""
    serve = commands.add_parser(
        "serve",
        aliases=["start"],
        help="answer other programs, as OpenAI, Anthropic, Ollama and LM Studio do",
    )
    serve.set_defaults(does="serve")
    _add_serving(serve)

    server = commands.add_parser("server", aliases=["daemon"], help="start, end or look at it")
    actions = server.add_subparsers(dest="action", metavar="ACTION", required=True)
    start = actions.add_parser("start", aliases=["up"], help="“corral serve”, in the background")
    start.set_defaults(does="server start")
    _add_serving(start)
    stop = actions.add_parser("stop", aliases=["down"], help="end “corral serve”")
    stop.set_defaults(does="server stop")
    state = actions.add_parser("status", help="what runs, and where it answers")
    state.set_defaults(does="status")
    state.add_argument("--json", action="store_true", help="as a JSON object, for scripts")

    status = commands.add_parser("status", help="what runs, where it answers, what is loaded")
    status.set_defaults(does="status")
    status.add_argument("--json", action="store_true", help="as a JSON object, for scripts")

    log = commands.add_parser("log", help="show the log, or what the local server was asked")
    log.set_defaults(does="log")
    log.add_argument("stream", nargs="?", choices=("stream",), help="the same as --server --follow")
    log.add_argument("--follow", "-f", action="store_true", help="go on with what comes")
    log.add_argument(
        "--lines", "-n", type=whole(0, 100_000), default=50, metavar="N", help="at first; 50 usual"
    )
    log.add_argument("--server", action="store_true", help="requests to the running Corral")
    log.add_argument("--json", action="store_true", help="requests as JSON, one a line")

    token = commands.add_parser("token", help="tokens that let other programs use the server")
    actions = token.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("ls", aliases=["list"], help="list them, without the secrets")
    listing.set_defaults(does="token ls")
    listing.add_argument("--json", action="store_true", help="as a JSON array, for scripts")
    new = actions.add_parser("new", help="make one; it is shown once")
    new.set_defaults(does="token new")
    new.add_argument("name", metavar="NAME", help="whose it is, for people")
    new.add_argument(
        "--scope",
        action="append",
        choices=("chat", "models", "admin"),
        default=[],
        help="to use models (the standard), to load and fetch them, or everything; repeatable",
    )
    new.add_argument("--json", action="store_true", help="as a JSON object, for scripts")
    revoke = actions.add_parser("revoke", aliases=["rm"], help="make one invalid at once")
    revoke.set_defaults(does="token revoke")
    revoke.add_argument("token", metavar="ID", help="as “corral token ls” shows it, or its name")


def _add_serving(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--host", "--bind", metavar="ADDRESS", help="address to listen at; 127.0.0.1 is usual"
    )
    parser.add_argument(
        "--port", "-p", type=whole(1, 65_535), metavar="N", help="port; 11500 is usual"
    )
    parser.add_argument(
        "--usual-ports",
        action="store_true",
        help="answer at 11434 and 1234 too, where Ollama's and LM Studio's clients look",
    )
    parser.add_argument(
        "--origin",
        action="append",
        default=[],
        metavar="URL",
        help="a web page whose scripts may use the server; repeatable",
    )
