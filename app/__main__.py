"""The one entry of the program: window, command line, or one of its own children.

Every branch imports only what it needs: the terminal never loads Qt, a child loads nothing of
the window or the command line.
"""

import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run what `argv` (default: the process's own) asks for; answers the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    match words[:1]:
        case ["--engine-host"]:
            from backends import host

            return host.main(words[1:])
        case ["--transfer-host"]:
            from app.core import transfer

            return transfer.main(words[1:])
        case ["--version"]:
            from app import __version__

            sys.stdout.write(f"corral {__version__}\n")
            return 0
        case [] | ["--smoke-test"]:
            from app.gui import application

            return application.main(words)
        case _:
            from app.cli import main as command_line

            return command_line.main(words)


if __name__ == "__main__":
    sys.exit(main())
