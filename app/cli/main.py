"""Entry of the command line: parse, run one command, turn failures into exit codes."""

import contextlib
import sys
from collections.abc import Sequence

from app.cli.parser import build_parser
from app.cli.rendering import print_error
from app.core.errors import AppError

INTERRUPTED = 130


def main(argv: Sequence[str]) -> int:
    """Run the command that `argv` (without the program's name) asks for; the exit code."""
    arguments = build_parser().parse_args(argv)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a pipe on Windows is not UTF-8 by itself
            stream.reconfigure(encoding="utf-8", errors="replace")
    # The parser answers --help and usage errors without paying for what the commands need.
    from app.cli.commands import COMMANDS

    try:
        return COMMANDS[arguments.command](arguments)
    except AppError as error:
        print_error(error)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        with contextlib.suppress(OSError):
            sys.stdout.close()
        return 1
