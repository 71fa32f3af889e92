"""The words about the program itself: `config`, `engine`, `doctor`, `version`, `login`, …"""

import argparse
from typing import TYPE_CHECKING

from app.cli.parser_values import moment

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

SHELLS = ("bash", "zsh", "fish", "powershell")


def add(commands: "Commands") -> None:
    """Add these commands."""
    config = commands.add_parser("config", help="read and change settings")
    actions = config.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", aliases=["ls"], help="all settings, or a section of them")
    listing.set_defaults(does="config list")
    listing.add_argument("section", nargs="?", metavar="SECTION", help="such as server")
    listing.add_argument("--json", action="store_true", help="as a JSON object, for scripts")
    get = actions.add_parser("get", help="one setting")
    get.set_defaults(does="config get")
    get.add_argument("name", metavar="NAME", help="such as server.port")
    change = actions.add_parser("set", help="change one setting")
    change.set_defaults(does="config set")
    change.add_argument("name", metavar="NAME", help="such as server.port")
    change.add_argument("value", metavar="VALUE", help="a word, a number, true, false, or JSON")
    reset = actions.add_parser("unset", help="put one setting at its standard")
    reset.set_defaults(does="config unset")
    reset.add_argument("name", metavar="NAME", help="such as server.port")

    _add_engine(commands)

    doctor = commands.add_parser("doctor", help="check engine, card, disk, network and data")
    doctor.set_defaults(does="doctor")
    doctor.add_argument("--json", action="store_true", help="as a JSON array, for scripts")
    doctor.add_argument("--offline", action="store_true", help="do not ask the hub")

    listed = commands.add_parser(
        "connections", help="list what Corral has sent to and got from other computers"
    )
    listed.set_defaults(does="connections")
    listed.add_argument(
        "--since",
        type=moment,
        metavar="WHEN",
        help="only from then on: a date such as 2026-11-28, “2026-11-28 14:00”, or 30m, 12h, 7d",
    )
    listed.add_argument("--json", action="store_true", help="as a JSON object, for scripts")

    opening = commands.add_parser("open", help="open the window, or show something in it")
    opening.set_defaults(does="open")
    opening.add_argument(
        "link",
        nargs="?",
        metavar="LINK",
        help="corral://model/OWNER/NAME, a .gguf or a .corral-engine",
    )

    version = commands.add_parser("version", help="say which version this is")
    version.set_defaults(does="version")
    version.add_argument(
        "--licences", action="store_true", help="list all parts of Corral with their licences"
    )
    version.add_argument("--check", action="store_true", help="ask whether there is a newer one")
    version.add_argument("--json", action="store_true", help="as a JSON object, for scripts")

    completion = commands.add_parser("completion", help="print what completes words in a shell")
    completion.set_defaults(does="completion")
    completion.add_argument("shell", choices=SHELLS, help="the shell")

    login = commands.add_parser(
        "login",
        aliases=["signin"],
        help="log in to the hub with an access token, for models with a licence",
    )
    login.set_defaults(does="login")
    login.add_argument(
        "--file",
        action="store_true",
        dest="in_file",
        help="keep the token in a file that only you can read, where there is no password store",
    )
    login.add_argument("--status", action="store_true", help="only say who is logged in")
    who = commands.add_parser("whoami", help="say who is logged in to the hub")
    who.set_defaults(does="login", status=True, in_file=False)
    logout = commands.add_parser("logout", aliases=["signout"], help="forget the access token")
    logout.set_defaults(does="logout")


def _add_engine(commands: "Commands") -> None:
    engine = commands.add_parser(
        "engine", aliases=["runtime"], help="list, add, choose and remove what runs models"
    )
    actions = engine.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("ls", aliases=["list"], help="list the installed engines")
    listing.set_defaults(does="engine ls")
    listing.add_argument("--json", action="store_true", help="as a JSON array, for scripts")
    add = actions.add_parser("add", aliases=["import"], help="add one from a file or a folder")
    add.set_defaults(does="engine add")
    add.add_argument("file", metavar="FILE", help="ID.corral-engine, or a folder with engine.json")
    add.add_argument(
        "--yes", "-y", action="store_true", help="also one that Corral's makers have not signed"
    )
    add.add_argument("--quiet", "-q", action="store_true", help="show no progress")
    use = actions.add_parser("use", aliases=["select"], help="choose which one runs models")
    use.set_defaults(does="engine use")
    use.add_argument(
        "engine", metavar="ID", help="as “corral engine ls” shows it, or “automatic”: the best"
    )
    rm = actions.add_parser("rm", aliases=["remove"], help="delete one that was added")
    rm.set_defaults(does="engine rm")
    rm.add_argument("engine", metavar="ID", help="as “corral engine ls” shows it")
