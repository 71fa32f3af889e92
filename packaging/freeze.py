"""Freeze Corral with PyInstaller into dist/corral (one folder), then try what came out.

Needs the `installer` extra: `pip install -e .[installer]`.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "dist" / "corral"
EXCLUDED_QT = [
    "PySide6.QtQml",
    "PySide6.QtQuick",
    "PySide6.QtSql",
    "PySide6.QtTest",
    "PySide6.QtDesigner",
    "PySide6.QtOpenGL",
    "PySide6.QtPdf",
]
UNUSED_PATTERNS = [
    "PySide6/Qt/translations/*",
    "PySide6/Qt/qml",
    "PySide6/Qt/lib/libQt6Quick*",
    "PySide6/Qt/lib/libQt6Qml*",
    "PySide6/Qt/lib/libQt6Pdf*",
    "PySide6/Qt/lib/libQt6VirtualKeyboard*",
    "PySide6/Qt/plugins/platforms/libqeglfs.so",
    "PySide6/Qt/plugins/platforms/libqlinuxfb.so",
    "PySide6/Qt/plugins/platforms/libqvnc.so",
]


def freeze() -> None:
    """Run PyInstaller; the result replaces an earlier one."""
    options = ["--noconfirm", "--clean", "--onedir", "--name", "corral", "--log-level", "WARN"]
    options += ["--distpath", str(ROOT / "dist"), "--workpath", str(ROOT / "build")]
    options += ["--specpath", str(ROOT / "build"), "--paths", str(ROOT)]
    options += ["--add-data", f"{ROOT / 'resources'}{os.pathsep}resources"]
    for package in ("llama_cpp", "ziamath", "ziafont", "latex2mathml", "pygments"):
        options += ["--collect-all" if package == "llama_cpp" else "--collect-data", package]
    options += ["--collect-submodules", "pygments", "--copy-metadata", "huggingface_hub"]
    for package in ("app", "backends"):
        options += ["--collect-submodules", package]
    for module in EXCLUDED_QT:
        options += ["--exclude-module", module]
    subprocess.run(
        [sys.executable, "-m", "PyInstaller", *options, str(ROOT / "app" / "__main__.py")],
        check=True,
        cwd=ROOT,
    )


def trim() -> None:
    """Take out the parts of Qt that no page of Corral uses."""
    for pattern in UNUSED_PATTERNS:
        for path in (FOLDER / "_internal").glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def try_out() -> None:
    """The frozen program tells its version, lists models and opens and closes its window."""
    program = FOLDER / "corral"
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "CORRAL_HOME": home, "QT_QPA_PLATFORM": "offscreen"}
        for arguments in (["--version"], ["ls", "--json"], ["--smoke-test"]):
            subprocess.run([program, *arguments], check=True, env=environment, timeout=120)


def main() -> int:
    freeze()
    trim()
    try_out()
    size = sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file())
    print(f"frozen into {FOLDER.relative_to(ROOT)}, {size / 1e6:.0f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
