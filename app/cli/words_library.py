"""The words about models on this computer: `ls`, `show`, `get`, `rm`, `cp`, `create`, …"""

import argparse
from typing import TYPE_CHECKING

from app.cli.parser_values import reference
from app.cli.words_chat import MODEL_HELP

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def add(commands: "Commands") -> None:
    """Add these commands."""
    listing = commands.add_parser("ls", aliases=["list"], help="list the models on this computer")
    listing.set_defaults(does="ls")
    listing.add_argument("--json", action="store_true", help="as a JSON array, for scripts")
    listing.add_argument("--ids", action="store_true", help="only the ids, one a line")
    kind = listing.add_mutually_exclusive_group()
    kind.add_argument("--llm", action="store_true", help="only models that answer")
    kind.add_argument("--embedding", action="store_true", help="only models that embed texts")

    show = commands.add_parser("show", help="tell what is known of a model")
    show.set_defaults(does="show")
    show.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    part = show.add_mutually_exclusive_group()
    for name in ("license", "modelfile", "parameters", "template", "system"):
        part.add_argument(
            f"--{name}", dest="part", action="store_const", const=name, help=f"only its {name}"
        )
    part.add_argument("--json", action="store_true", help="as a JSON object, for scripts")
    show.add_argument("--verbose", "-v", action="store_true", help="all values of its header, too")

    get = commands.add_parser(
        "get", aliases=["pull"], help="download a model from the hub or Ollama's registry"
    )
    get.set_defaults(does="get")
    get.add_argument(
        "reference",
        type=reference,
        metavar="OWNER/REPO[:QUANT]",
        help="for example owner/model-GGUF:Q4_K_M, the address of a hub page, or ollama:NAME:TAG",
    )
    _add_folder(get)
    get.add_argument("--json", action="store_true", help="as a JSON object, for scripts")
    get.add_argument("--quiet", "-q", action="store_true", help="no progress line")
    get.add_argument("--insecure", action="store_true", help=argparse.SUPPRESS)
    get.add_argument("--yes", "-y", action="store_true", help=argparse.SUPPRESS)

    _add_changing(commands)

    take = commands.add_parser("import", help="take models from elsewhere into a models folder")
    take.set_defaults(does="import")
    take.add_argument(
        "paths", nargs="+", metavar="PATH", help="a .gguf file, an MLX folder, a folder of models"
    )
    _add_folder(take)
    way = take.add_mutually_exclusive_group()
    ways = {
        "link": (
            ("--link", "-L", "--hard-link"),
            "by a hard link: no room is needed, the old name stays",
        ),
        "copy": (
            ("--copy", "-c"),
            "a copy; the standard where the files are on another disk",
        ),
        "move": (
            ("--move",),
            "the files leave their old place; not out of another program's folder",
        ),
    }
    for name, (flags, text) in ways.items():
        way.add_argument(*flags, dest="way", action="store_const", const=name, help=text)
    take.add_argument("--dry-run", action="store_true", help="say what would be done, do nothing")
    take.add_argument("--quiet", "-q", action="store_true", help="no progress line")
    take.add_argument("--yes", "-y", action="store_true", help=argparse.SUPPRESS)

    presets = commands.add_parser("presets", help="list the system-prompt presets, or show one")
    presets.set_defaults(does="presets")
    presets.add_argument("preset", nargs="?", metavar="ID", help="the one to show")
    presets.add_argument("--json", action="store_true", help="as JSON, for scripts")


def _add_folder(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--to",
        metavar="FOLDER",
        help="a models folder by its name or path, or another folder, which becomes one",
    )


def _add_changing(commands: "Commands") -> None:
    remove = commands.add_parser("rm", help="delete models (to the trash)")
    remove.set_defaults(does="rm")
    remove.add_argument("models", nargs="+", metavar="MODEL", help=MODEL_HELP)
    remove.add_argument("--yes", "-y", action="store_true", help="do not ask")

    copy = commands.add_parser("cp", help="give a model a further name, with settings of its own")
    copy.set_defaults(does="cp")
    copy.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    copy.add_argument("name", metavar="NAME", help="the further name")

    create = commands.add_parser(
        "create",
        help="make a model of another one, by a Modelfile: system prompt, values, examples",
    )
    create.set_defaults(does="create")
    create.add_argument("name", metavar="NAME", help="what to call it")
    create.add_argument(
        "--file", "-f", default="Modelfile", metavar="FILE", help="the Modelfile; - reads the input"
    )
