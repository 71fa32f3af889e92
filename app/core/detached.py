"""Starting this program anew such that it goes on when the one that started it ends."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from app.core.appimage import appimage_file
from app.core.children import child_command, child_environment
from app.core.files import storage_error


def start_detached(words: Sequence[str], output: Path) -> "subprocess.Popen[bytes]":
    """Start the program with these words; what it prints goes to the file `output`, which is new.

    Raises StorageError where that cannot be written.
    """
    # Without a word the window opens; `child_command` wants one.
    command = child_command(*words) if words else child_command("")[:-1]
    if image := appimage_file():  # what it has mounted goes away with this process
        command = [image, *words]
    return run_detached(command, output, "Corral could not be started", env=child_environment())


def run_detached(
    command: Sequence[str],
    output: Path,
    failure: str,
    *,
    env: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> "subprocess.Popen[bytes]":
    """Start a command in `folder` that goes on when this process ends; see `start_detached`.

    Raises StorageError, with `failure` as its title.
    """
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.DETACHED_PROCESS
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with output.open("wb") as file:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env=env,
                cwd=folder,
                start_new_session=os.name != "nt",
                creationflags=flags,
            )
    except OSError as error:
        raise storage_error(failure, output, error) from error
