"""How a command of Corral's finds the program that is running already, to share its models.

The running program leaves its address and a secret in a file that only the person can read. The
secret is new in each run and allows everything.
"""

import contextlib
import os
from pathlib import Path

import msgspec
import psutil
from msgspec import Struct

from app.core.files import write_atomically
from app.core.paths import AppPaths


class RunningCorral(Struct, frozen=True):
    """A running program and how to speak with it."""

    pid: int
    started: float
    """When its process began, as the system tells it: a process id may be used again."""
    address: str
    """`http://127.0.0.1:port`, only for this computer's own commands."""
    secret: str
    version: str
    window: bool
    """Whether it has a window, or is `corral serve`."""


def announce(paths: AppPaths, address: str, secret: str, version: str, *, window: bool) -> None:
    """Leave word that this process can be reached. Raises StorageError."""
    process = psutil.Process()
    running = RunningCorral(process.pid, process.create_time(), address, secret, version, window)
    write_atomically(paths.running_file, msgspec.json.encode(running))


def withdraw(paths: AppPaths) -> None:
    """Take the word back, unless another process has left its own meanwhile."""
    found = _read(paths.running_file)
    if found is not None and found.pid == os.getpid():
        with contextlib.suppress(OSError):
            paths.running_file.unlink(missing_ok=True)


def running_corral(paths: AppPaths) -> RunningCorral | None:
    """The program that runs for this data folder; None if there is none. Quick."""
    found = _read(paths.running_file)
    if found is None or found.pid == os.getpid():
        return None
    try:
        began = psutil.Process(found.pid).create_time()
    except psutil.Error:
        return None
    return found if abs(began - found.started) < 1 else None


def _read(path: Path) -> RunningCorral | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=RunningCorral)
    except (OSError, msgspec.DecodeError):
        return None
