"""The libraries of the Windows build: the wheels of its lock file, checked by their hashes."""

import subprocess
import sys
import zipfile
from pathlib import Path

LOCK = Path(__file__).resolve().parents[2] / "locked" / "windows-x86_64.txt"
PLATFORM = ("--platform", "win_amd64", "--implementation", "cp")
LEFT_OUT = ("hf-xet", "setuptools")
"""Downloads for the hub library, while Corral downloads by itself; a tool of the build."""
KEPT_METADATA = ("METADATA", "entry_points.txt", "top_level.txt", "WHEEL")
"""Of a `.dist-info` folder, beside licences: what libraries look up, and who made them."""


def wanted_requirements(lock: str) -> str:
    """The lines of a lock file that are needed at run time."""
    entries = lock.replace("\\\n", "\\\0").splitlines()
    kept = [line for line in entries if not line.startswith(tuple(f"{n}==" for n in LEFT_OUT))]
    return "\n".join(kept).replace("\\\0", "\\\n") + "\n"


def download(folder: Path, version: str, lock: Path = LOCK) -> list[Path]:
    """Fetch the wheels for Python `version` ("313") into `folder`; sorted.

    Raises CalledProcessError: one cannot be fetched, or is another than was locked.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("*.whl"):
        stale.unlink()
    requirements = folder / "requirements.txt"
    requirements.write_text(wanted_requirements(lock.read_text(encoding="utf-8")), encoding="utf-8")
    tags = [word for tag in (f"cp{version}", "abi3", "none") for word in ("--abi", tag)]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    command += ["--only-binary", ":all:", "--python-version", f"{version[0]}.{version[1:]}"]
    command += [*PLATFORM, *tags, "--requirement", str(requirements), "--dest", str(folder)]
    subprocess.run(command, check=True)
    return sorted(folder.glob("*.whl"))


def belongs(name: str) -> bool:
    """Whether a file of a wheel is installed: code and data, and of the metadata what is used."""
    top, _, rest = name.partition("/")
    if name.endswith("/") or top.endswith(".data"):  # programs to start from a terminal
        return False
    if not top.endswith(".dist-info"):
        return True
    first = rest.partition("/")[0].lower()
    return rest in KEPT_METADATA or first.startswith(("licen", "copying", "notice", "author"))


def unpack(wheel: Path, folder: Path) -> None:
    """Install a wheel into `folder`, without the programs that come with it."""
    with zipfile.ZipFile(wheel) as content:
        for member in content.infolist():
            if belongs(member.filename):
                content.extract(member, folder)
