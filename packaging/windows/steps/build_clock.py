"""The time that is written into what is built: the commit's, so that builds can be compared."""

import os
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
VARIABLE = "SOURCE_DATE_EPOCH"
"""https://reproducible-builds.org/specs/source-date-epoch/"""


def build_time() -> int:
    """Seconds since 1970: as the environment says, else when HEAD was committed, else now."""
    if told := os.environ.get(VARIABLE):
        return int(told)
    command = ["git", "log", "-1", "--format=%ct"]
    try:
        asked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return int(time.time())
    return int(asked.stdout)


def set_times(paths: Iterable[Path], seconds: int) -> None:
    """Date files and folders back to the time of the build."""
    for path in paths:
        os.utime(path, (seconds, seconds))
