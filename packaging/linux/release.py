"""What is built: its name, version, time and processor, the same for every form on Linux."""

import os
import platform
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
APP_ID = "org.corral.Corral"
"""Names the desktop file, the icon and the AppStream component."""
DIST = ROOT / "dist"
FROZEN = DIST / "corral"
"""What `packaging/freeze.py` makes."""
DEBIAN_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


def version() -> str:
    """Corral's own version."""
    text = (ROOT / "app" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'__version__ = "([^"]+)"', text)
    assert found is not None
    return found[1]


def machine() -> str:
    """The processor's family as Linux calls it: x86_64 or aarch64."""
    name = platform.machine()
    if name not in DEBIAN_MACHINES:
        raise SystemExit(f"Corral is not built for processors of the family {name}.")
    return name


def refuse_foreign(target: str | None) -> None:
    """End with a sentence where `target` (linux-x86_64, …) is not what this computer is."""
    own = f"linux-{machine()}"
    if target not in (None, own):
        raise SystemExit(
            f"{target} cannot be packed on {own}: libraries and programs are run for it."
            " Run this on such a computer."
        )


def refuse_without(frozen: Path) -> None:
    """End with a sentence where the frozen folder is not there yet."""
    if not (frozen / "corral").is_file():
        raise SystemExit(
            f"There is no frozen program in {frozen}; freeze it first (packaging/freeze.py)."
        )


@contextmanager
def whole(target: Path) -> Iterator[Path]:
    """Where to write a file that gets its name when it is complete; else nothing of it stays."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    try:
        yield part
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def epoch() -> int:
    """What every time stamp becomes: SOURCE_DATE_EPOCH, else when the commit was made."""
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(given)
    command = ["git", "log", "-1", "--format=%ct"]
    asked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return int(asked.stdout) if asked.returncode == 0 else int(time.time())


def clamp(folder: Path) -> None:
    """Give everything below `folder` the time of the release, and plain modes.

    Everybody may read everything, the owner may change it, and programs may be run.
    """
    seconds = epoch()
    # A folder's time changes with what is in it, so the inner ones come first.
    for path in [*sorted(folder.rglob("*"), reverse=True), folder]:
        if not path.is_symlink():
            is_library = ".so" in path.name and path.is_file()
            may_run = path.is_dir() or (path.stat().st_mode & 0o100 and not is_library)
            path.chmod(0o755 if may_run else 0o644)
        os.utime(path, (seconds, seconds), follow_symlinks=False)


def size(folder: Path) -> int:
    """Bytes of all files below a folder, links not followed."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())
