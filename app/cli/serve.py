"""`corral serve`: the local server without a window, until it is told to end."""

import signal
import sys
import threading
from argparse import Namespace

from msgspec import structs

from app.cli.parts import Parts
from app.core.errors import AppError
from app.core.lan import openable
from app.core.local_server import ServerFactory, ServerParts
from app.core.running import running_corral


def serve(arguments: Namespace) -> int:
    """Answer other programs until Ctrl-C, a signal to end, or `corral stop --server`."""
    make_server: ServerFactory = arguments.make_server
    ended = threading.Event()
    with Parts() as parts:
        if (other := running_corral(parts.paths)) is not None:
            what = "Corral's window is open" if other.window else "A server runs already"
            raise AppError(
                f"{what} for this data folder",
                f"It is process {other.pid}.",
                "Switch the server on there, under Server, or end it first.",
            )
        _override(parts, arguments)
        server = make_server(
            ServerParts(
                parts.paths,
                parts.settings,
                parts.library,
                parts.runtime,
                parts.presets,
                parts.tokens,
                parts.hub,
                parts.downloads,
                parts.speeds,
                shut_down=ended.set,
            )
        )
        for name in ("SIGTERM", "SIGHUP", "SIGBREAK"):
            number = getattr(signal, name, None)
            # `nohup` has the end of the terminal ignored, and it stays so.
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, lambda *_: ended.set())
        parts.downloads.start()
        server.start()
        try:
            if server.problem is not None:
                raise server.problem
            first, *others = (each for url in server.addresses for each in openable(url))
            sys.stdout.write(f"Corral answers at {first}\n")
            for address in others:
                sys.stdout.write(f"            and at {address}\n")
            sys.stdout.flush()
            while not ended.wait(3600):
                pass
        except KeyboardInterrupt:
            sys.stderr.write("\n")
        finally:
            server.close()
    return 0


def _override(parts: Parts, arguments: Namespace) -> None:
    """What the command line says holds for this run; the file stays as it is."""
    wanted = parts.settings.current.server
    changes: dict[str, object] = {"on": True}
    if arguments.host:
        changes["address"] = arguments.host
    if arguments.port:
        changes["port"] = arguments.port
    if arguments.usual_ports:
        changes |= {"ollama_port": True, "lmstudio_port": True}
    if arguments.origin:
        changes["origins"] = tuple(arguments.origin)
    parts.settings.override(server=structs.replace(wanted, **changes))
