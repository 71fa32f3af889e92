"""`corral server`, `corral status`: the running Corral, started, looked at, ended."""

import sys
import time
from argparse import Namespace

from app.cli.loading import loaded_table
from app.cli.parts import Parts
from app.cli.rendering import print_json, remark
from app.core.detached import start_detached
from app.core.errors import AppError
from app.core.paths import AppPaths
from app.core.running import RunningCorral, running_corral

PATIENCE = 60.0
"""Seconds in which a server must have begun, or ended."""


def start(arguments: Namespace) -> int:
    """Start `corral serve` in the background, and wait until it answers."""
    with Parts() as parts:
        found = running_corral(parts.paths)
        if found is None:
            words = ["serve"]
            for option in ("host", "port"):
                if (value := getattr(arguments, option)) is not None:
                    words += [f"--{option}", str(value)]
            words += ["--usual-ports"] if arguments.usual_ports else []
            words += [f"--origin={origin}" for origin in arguments.origin]
            output = parts.paths.logs / "serve.log"
            process = start_detached(words, output)
            deadline = time.monotonic() + PATIENCE
            while (found := running_corral(parts.paths)) is None:
                if process.poll() is not None or time.monotonic() > deadline:
                    told = output.read_text(encoding="utf-8", errors="replace")[-1000:].strip()
                    raise AppError("The server did not start", told or "It said nothing.")
                time.sleep(0.05)
        else:
            remark("Corral is running already.")
        address = parts.running.status().address if parts.running else ""
    sys.stdout.write(f"{address or 'It answers commands of this computer only.'}\n")
    return 0


def stop(_: Namespace) -> int:
    """End a running `corral serve`, and wait until it is gone."""
    with Parts() as parts:
        if parts.running is None:
            remark("Corral is not running.")
            return 0
        if parts.running.running.window:
            raise AppError(
                "Corral's window is open",
                "Its server ends with it, or is switched off there.",
                "Close the window, or switch the server off under Server.",
            )
        found = parts.running.running
        parts.running.shut_down()
        if not _gone(parts.paths, found):
            raise AppError("The server does not end", f"It is process {found.pid}.")
    return 0


def _gone(paths: AppPaths, found: RunningCorral) -> bool:
    deadline = time.monotonic() + PATIENCE
    while running_corral(paths) == found:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def status(arguments: Namespace) -> int:
    """Say what runs; 0 where something does, else 1."""
    with Parts() as parts:
        client = parts.running
        told = client.status() if client is not None else None
        idle = parts.settings.current.engine.idle_minutes * 60.0
    if arguments.json:
        row: dict[str, object] = {"running": told is not None}
        if client is not None and told is not None:
            row |= {
                "pid": client.running.pid,
                "version": told.version,
                "window": told.window,
                "address": told.address,
                "loaded": told.loaded,
            }
        print_json(row)
    elif client is None or told is None:
        sys.stdout.write("Corral is not running.\n")
    else:
        face = "with a window" if told.window else "without a window"
        sys.stdout.write(f"Corral {told.version} runs {face}, process {client.running.pid}.\n")
        server = f"Other programs reach it at {told.address}." if told.address else ""
        sys.stdout.write(f"{server or 'Its server for other programs is off.'}\n")
        rows = told.loaded
        sys.stdout.write(loaded_table(rows, idle) + "\n" if rows else "Nothing is loaded.\n")
    return 0 if told is not None else 1
