"""The one entry of the program: window, command line, or one of its own children.

Every branch imports only what it needs: the terminal never loads Qt, a child loads nothing of
the window or the command line.
"""

import atexit
import contextlib
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.core.local_server import LocalServer, ServerParts

_NO_LIBRARY = """\
corral: the window needs a system library that is missing. {error}.
On Debian and Ubuntu:     sudo apt-get install libgl1 libegl1 libxcb-cursor0 libxkbcommon-x11-0
In the terminal:          corral run MODEL
"""

OPENED = (".gguf", ".corral-engine")
"""Files that the window opens."""


def run() -> int:
    """`main` for a process of its own, whose window does not wait for Python to take itself apart.

    That frees what the system frees as well, and takes seconds on a computer that has much to do.
    """
    status: list[int] = []
    atexit.register(_end_at_once, status)  # as the first, so it is called after all others
    status.append(main())
    return status[0]


def _end_at_once(status: Sequence[int]) -> None:
    if not status or "app.gui.application" not in sys.modules:
        return
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # whoever read it has gone
            stream.flush()
    os._exit(status[0])


def main(argv: Sequence[str] | None = None) -> int:
    """Run what `argv` (default: the process's own) asks for; answers the exit status."""
    _open_missing_streams()
    words = list(sys.argv[1:] if argv is None else argv)
    match words[:1]:
        case ["--engine-host"]:
            from backends import host

            return host.main(words[1:])
        case ["--grammar-check"]:
            from backends.llamacpp import gbnf_check

            return gbnf_check.main(words[1:])
        case ["--template-check"]:
            from backends.chat import template_check

            return template_check.main()
        case ["--token-view"]:
            from backends import token_view

            return token_view.main()
        case ["--transfer-host"]:
            from app.core import transfer

            return transfer.main(words[1:])
        case ["--version"]:
            from app import __version__

            sys.stdout.write(f"corral {__version__}\n")
            return 0
        case [] | ["--smoke-test"] | ["--in-tray"]:
            return _open_window(words)
        case [word] if word.lower().startswith("corral:") or word.lower().endswith(OPENED):
            return _open_window([os.path.abspath(word) if os.path.exists(word) else word])
        case _:
            from app.cli import main as command_line

            return command_line.main(words, make_server)


def _open_missing_streams() -> None:
    """Stand the null device in for standard streams that the program was started without.

    Else the next file opened would get the number of one, and be written to by native code.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)  # the lowest free number, which is this one
            os.set_inheritable(opened, True)
        if getattr(sys, name) is None:
            mode = "w" if number else "r"
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - stays


def _open_window(words: Sequence[str]) -> int:
    try:
        from app.gui import application
    except ImportError as error:
        if "shared object" not in str(error):
            raise
        sys.stderr.write(_NO_LIBRARY.format(error=error))
        return 1
    return application.main(words, make_server)


def make_server(parts: "ServerParts") -> "LocalServer":
    """The local server over the parts of the window or of a command; not started yet."""
    from app.api.server import ApiServer

    return ApiServer(parts)


if __name__ == "__main__":
    sys.exit(run())
