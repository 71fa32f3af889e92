"""Fetch Debian's docker-registry, for tests that speak to a real registry.

    .venv/bin/python packaging/docker_registry.py

On Debian and Ubuntu the package is downloaded by apt and unpacked into `.cache/docker-registry`:
nothing is installed, no service starts, and it needs no rights. Elsewhere it does nothing.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".cache" / "docker-registry"
PACKAGE = "docker-registry"
PROGRAM = FOLDER / "usr" / "bin" / "docker-registry"
QUICKLY = (
    "APT::Update::Error-Mode=any",
    "Acquire::Retries=0",
    "Acquire::http::Timeout=20",
    "Acquire::https::Timeout=20",
)


class Unavailable(Exception):
    """The package cannot be had; the text says why, in one line."""


def run(command: list[str], folder: Path) -> None:
    """Run a command in `folder`.

    Raises:
        Unavailable: it failed.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith("E:")]
        last = (errors or lines or [f"{command[0]} ended with {done.returncode}"])[-1]
        raise Unavailable(last.removeprefix("E:").strip())


def download(folder: Path) -> Path:
    """Have apt put the package into `folder`, with package lists of its own if need be.

    Raises:
        Unavailable: apt did not get it.
    """
    (folder / "lists" / "partial").mkdir(parents=True)
    (folder / "cache" / "archives" / "partial").mkdir(parents=True)
    options = [word for option in QUICKLY for word in ("-o", option)]
    try:
        run(["apt-get", "-qq", *options, "download", PACKAGE], folder)
    except Unavailable:  # a machine whose lists were never fetched or are too old
        own = [f"Dir::State::Lists={folder / 'lists'}", f"Dir::Cache={folder / 'cache'}"]
        options += [word for option in own for word in ("-o", option)]
        run(["apt-get", "-qq", *options, "update"], folder)
        run(["apt-get", "-qq", *options, "download", PACKAGE], folder)
    return next(folder.glob("*.deb"))


def main() -> int:
    here = PROGRAM.exists() or shutil.which(PACKAGE) is not None
    if here or None in (shutil.which("apt-get"), shutil.which("dpkg-deb")):
        return 0
    print("corral: fetching docker-registry for the tests", flush=True)
    FOLDER.parent.mkdir(exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(dir=FOLDER.parent) as folder:
            package = download(Path(folder))
            unpacked = Path(folder, "unpacked")
            run(["dpkg-deb", "-x", str(package), str(unpacked)], Path(folder))
            shutil.rmtree(FOLDER, ignore_errors=True)
            unpacked.rename(FOLDER)
    except Unavailable as reason:
        print(f"corral: it is not to be had, and tests that need it are skipped: {reason}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
