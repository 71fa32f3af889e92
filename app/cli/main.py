"""Entry of the command line: parse, run one command, turn failures into exit codes."""

import contextlib
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.cli.parser import parse
from app.core.errors import AppError

if TYPE_CHECKING:
    from app.core.local_server import ServerFactory

INTERRUPTED = 130


def main(argv: Sequence[str], make_server: "ServerFactory | None" = None) -> int:
    """Run the command that `argv` (without the program's name) asks for; the exit code.

    `make_server` makes the local server, for the command that needs one.
    """
    arguments = parse(argv)
    arguments.make_server = make_server
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a pipe on Windows is not UTF-8 by itself
            stream.reconfigure(encoding="utf-8", errors="replace")
    # The parser answers --help and usage errors without paying for what the commands need.
    from app.cli.commands import command_of
    from app.cli.rendering import print_error

    try:
        code = command_of(arguments.does)(arguments)
        sys.stdout.flush()  # here an error can still be told
        return code
    except AppError as error:
        print_error(error)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        with contextlib.suppress(OSError):
            sys.stdout.close()
        if not isinstance(error, BrokenPipeError):  # nobody wants the rest: that is no news
            print_error(AppError("The system refused to read or write", f"It says: {error}."))
        return 1
