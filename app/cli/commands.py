"""Which function does what a word asks for. Each is imported only when it is asked for."""

from argparse import Namespace
from collections.abc import Callable

Command = Callable[[Namespace], int]
"""Does what the command line says, and answers the exit code."""


def command_of(does: str) -> Command:
    """The function behind a command, by what its parser sets as `does`."""
    for group in (_about_answers, _about_the_library, _about_the_server, _about_the_program):
        if (command := group(does)) is not None:
            return command
    raise AssertionError(f"the parser knows {does}, this module does not")


def _about_answers(does: str) -> Command | None:
    match does:
        case "run":
            from app.cli.run import run

            return run
        case "bench":
            from app.cli.bench import bench

            return bench
        case "load" | "unload" | "ps":
            from app.cli import loading

            return {"load": loading.load, "unload": loading.unload, "ps": loading.ps}[does]
        case "estimate":
            from app.cli.estimating import estimate

            return estimate
    return None


def _about_the_library(does: str) -> Command | None:
    match does:
        case "ls":
            from app.cli.listing import ls

            return ls
        case "show":
            from app.cli.showing import show

            return show
        case "get":
            from app.cli.getting import get

            return get
        case "rm" | "cp" | "create":
            from app.cli import making

            return {"rm": making.rm, "cp": making.cp, "create": making.create}[does]
        case "import":
            from app.cli.importing import import_

            return import_
        case "presets":
            from app.cli.listing import presets

            return presets
    return None


def _about_the_server(does: str) -> Command | None:
    match does:
        case "serve":
            from app.cli.serve import serve

            return serve
        case "server start" | "server stop" | "status":
            from app.cli import server

            return {
                "server start": server.start,
                "server stop": server.stop,
                "status": server.status,
            }[does]
        case "log":
            from app.cli.log import log

            return log
        case "token ls" | "token new" | "token revoke":
            from app.cli import tokens

            return {
                "token ls": tokens.ls,
                "token new": tokens.new,
                "token revoke": tokens.revoke,
            }[does]
    return None


def _about_the_program(does: str) -> Command | None:
    match does:
        case "config list" | "config get" | "config set" | "config unset":
            from app.cli import config

            return {
                "config list": config.list_,
                "config get": config.get,
                "config set": config.set_,
                "config unset": config.unset,
            }[does]
        case "engine ls" | "engine add" | "engine use" | "engine rm":
            from app.cli import engines

            return {
                "engine ls": engines.ls,
                "engine add": engines.add,
                "engine use": engines.use,
                "engine rm": engines.rm,
            }[does]
        case "connections":
            from app.cli.connections import connections

            return connections
        case "doctor":
            from app.cli.doctor import doctor

            return doctor
        case "open":
            from app.cli.opening import open_

            return open_
        case "version":
            from app.cli.version import version

            return version
        case "completion":
            from app.cli.completion import completion

            return completion
        case "login" | "logout":
            from app.cli import account

            return {"login": account.login, "logout": account.logout}[does]
    return None
