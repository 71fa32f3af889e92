"""Entry of the command line: parse, run one command, turn failures into exit codes."""

import contextlib
import sys
from collections.abc import Sequence

from app.cli.parser import parse
from app.cli.rendering import print_error
from app.core.errors import AppError

INTERRUPTED = 130


def main(argv: Sequence[str]) -> int:
    """Run the command that `argv` (without the program's name) asks for; the exit code."""
    arguments = parse(argv)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a pipe on Windows is not UTF-8 by itself
            stream.reconfigure(encoding="utf-8", errors="replace")
    # The parser answers --help and usage errors without paying for what the commands need.
    from app.cli.commands import COMMANDS

    try:
        code = COMMANDS[arguments.command](arguments)
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
