"""Changes to what was installed, such that Wine 8 can run it."""

import shutil
import subprocess
import sys
from pathlib import Path

import locked_wheels

CACHE = Path(__file__).resolve().parents[3] / "build" / "windows" / "wine"
NUMPY_OF_WINE = "numpy==2.1.0"


def numpy_of_wine() -> Path:
    """A numpy that Wine 8 can run. Raises CalledProcessError."""
    if not any(CACHE.glob("numpy-*.whl")):
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", NUMPY_OF_WINE]
        command += ["--only-binary", ":all:", "--python-version", "3.13", "--abi", "cp313"]
        command += [*locked_wheels.PLATFORM, "--dest", str(CACHE)]
        subprocess.run(command, check=True)
    (wheel,) = CACHE.glob("numpy-*.whl")
    return wheel


def make_fit(program: Path) -> None:
    """Change what was installed such that Wine 8 can run it."""
    (program / "python" / "_wmi.pyd").unlink(missing_ok=True)
    for path in (program / "lib").glob("numpy*"):
        shutil.rmtree(path)
    locked_wheels.unpack(numpy_of_wine(), program / "lib")
