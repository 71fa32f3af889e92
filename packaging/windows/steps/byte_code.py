"""Compile the Python files of the installed form, with the very Python that will run them.

What comes out does not name the build machine and is taken as it is, without a look at dates.
"""

import tempfile
from pathlib import Path

import wine

SECONDS = 900
_EVERY_LEVEL = "20"


class NotCompiled(Exception):
    """A file cannot be compiled."""


def compile_all(python: Path, folder: Path) -> None:
    """Compile every module below `folder`. Raises wine.NoWine, NotCompiled."""
    command = [*wine.windows_command(python), "-I", "-m", "compileall", "-q", "-f"]
    command += ["-r", _EVERY_LEVEL, "--invalidation-mode", "unchecked-hash"]
    # Named from here, tracebacks show files as they lie in the program's folder.
    command += ["-p", "Corral", folder.name]
    with tempfile.TemporaryDirectory() as home:
        environment = wine.wine_variables(Path(home))
        done = wine.run(command, environment=environment, timeout=SECONDS, folder=folder.parent)
    if done.returncode:
        raise NotCompiled(done.stdout)
