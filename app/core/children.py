"""Starting and ending this program's own child processes (`--engine-host`, `--transfer-host`).

A child reads commands on its standard input and ends when that input ends, so no child outlives
the program, however it dies.
"""

import itertools
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from app.core.paths import app_paths

log = logging.getLogger(__name__)

SOURCE_ROOT = Path(__file__).resolve().parents[2]
"""The folder that holds the `app` and `backends` packages."""

_INSTALLED = {"site-packages", "dist-packages"}
"""Folders that Python searches by itself; named in PYTHONPATH they would hide its own modules."""
_NOT_FOR_ENGINES = (
    *("GGML_BACKEND_PATH", "LLAMA_CPP_LIB_PATH", "MTMD_CPP_LIB", "CORRAL_ENGINE"),
    "CORRAL_CPU_CODE",
    *("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"),
)
# OPENAI_: the client of remote models would send what it finds there to any server.
_NOT_FOR_ENGINES_PREFIXES = ("OMP_", "GOMP_", "KMP_", "OPENAI_")


def child_command(flag: str, *args: str) -> list[str]:
    """The command that starts this program again as a child, frozen or from source."""
    if getattr(sys, "frozen", False):
        return [sys.executable, flag, *args]
    # -P: never import from the working directory.
    return [sys.executable, "-P", "-m", "app", flag, *args]


def child_environment(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """`environment` (default: this process's) such that a child finds `app` from any folder."""
    result = dict(os.environ if environment is None else environment)
    if SOURCE_ROOT.name not in _INSTALLED:
        inherited = result.get("PYTHONPATH")
        result["PYTHONPATH"] = os.pathsep.join(filter(None, (str(SOURCE_ROOT), inherited)))
    result["PYTHONUNBUFFERED"] = "1"
    result["PYTHONUTF8"] = "1"
    return result


def engine_environment(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """A child's environment without what could change or be stolen by native engine code.

    llama.cpp runs any library that GGML_BACKEND_PATH names, and foreign OpenMP settings cost up
    to two thirds of its speed. A crash must not start a debugger, which takes seconds.
    """
    result = {
        name: value
        for name, value in child_environment(environment).items()
        if name.upper() not in _NOT_FOR_ENGINES
        and not name.upper().startswith(_NOT_FOR_ENGINES_PREFIXES)
    }
    result["GGML_NO_BACKTRACE"] = "1"
    return result


def empty_folder() -> Path:
    """An empty folder of this person's own for children to run in; it stays for the next ones.

    llama.cpp also looks for libraries to run where it is started. Where the cache cannot be
    written to it is a new folder among the system's temporary ones.

    Raises:
        OSError: no folder can be made.
    """
    try:
        for number in itertools.count():
            folder = app_paths().cache / f"empty-{number}"
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o700)
            if not any(folder.iterdir()):
                return folder
    except OSError as error:
        log.warning("no folder for children in the cache: %s", error)
    return Path(tempfile.mkdtemp(prefix="corral-"))


def give_back(folder: Path) -> None:
    """Empty a folder of `empty_folder` of what a crash left there, such as a core dump.

    Raises:
        OSError: not everything can be deleted.
    """
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)
    if folder.parent != app_paths().cache:
        folder.rmdir()


def start_child(
    command: Sequence[str], *, environment: Mapping[str, str], folder: Path
) -> subprocess.Popen[bytes]:
    """Start `command` in `folder`, with pipes on its three standard streams.

    It gets a session (on Windows: a process group) of its own, so a Ctrl+C in the terminal does
    not reach it, and no console window.

    Raises:
        OSError: the program cannot be started.
    """
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
    return subprocess.Popen(
        list(command),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
        env=dict(environment),
        start_new_session=True,
        creationflags=flags,
    )


def end_child(process: subprocess.Popen[bytes], *, grace: float = 2.0) -> int:
    """End a child that was asked to end already: wait, terminate, wait, kill. Its exit status.

    `grace` is the time in seconds that each step is given.
    """
    for harder in (process.terminate, process.kill):
        try:
            return process.wait(grace)
        except subprocess.TimeoutExpired:
            harder()
    return process.wait()
