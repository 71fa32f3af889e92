"""Take out of a frozen folder what Corral never uses, and what only that needed.

python packaging/trim.py dist/corral/_internal
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

UNUSED = (
    "PySide6/Qt/translations",
    "PySide6/Qt/qml",
    "PySide6/Qt/plugins/egldeviceintegrations",
    "PySide6/Qt/plugins/generic",
    "PySide6/Qt/plugins/tls",
    "PySide6/Qt/plugins/imageformats/libqicns.so",
    "PySide6/Qt/plugins/imageformats/libqt*.so",
    "PySide6/Qt/plugins/imageformats/libqwbmp.so",
    # Would mix the GTK of the person's system with libraries frozen here.
    "PySide6/Qt/plugins/platformthemes/libqgtk3.so",
    "PySide6/Qt/plugins/platforms/libqeglfs.so",
    "PySide6/Qt/plugins/platforms/libqlinuxfb.so",
    "PySide6/Qt/plugins/platforms/libqminimal*.so",
    "PySide6/Qt/plugins/platforms/libqvkkhrdisplay.so",
    "PySide6/Qt/plugins/platforms/libqvnc.so",
    # The same library under its full version.
    "llama_cpp/lib/*.so.*.*.*",
)
LIBRARY_FOLDERS = (".", "PySide6/Qt/lib")
"""Libraries in these are there because others need them; all others, and extension modules of
Python, are loaded by name."""


def trim(folder: Path) -> None:
    """Trim the `_internal` folder of a PyInstaller build for Linux."""
    for pattern in UNUSED:
        for path in folder.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    remove_orphans(folder)
    link_twins(folder / "llama_cpp" / "lib")
    if shutil.which("strip"):
        # Others were edited by their makers' tools and would break.
        for path in folder.glob("libpython3*.so*"):
            subprocess.run(["strip", "--strip-unneeded", path], check=True)


def is_library(path: Path) -> bool:
    return ".so" in path.name and path.is_file()


def is_extension(path: Path) -> bool:
    """Whether Python imports it by name, as `_cffi_backend`, whose importer is compiled too."""
    return any(mark in path.name for mark in (".cpython-", ".abi3."))


def needed_names(paths: Iterable[Path], folder: Path) -> set[str]:
    """File names of all libraries that the files at `paths` need, directly or not."""
    search = os.pathsep.join(str(folder / name) for name in LIBRARY_FOLDERS)
    done = subprocess.run(
        ["ldd", *paths],
        env={**os.environ, "LD_LIBRARY_PATH": search},
        capture_output=True,
        text=True,
        check=False,  # it fails for a file that needs nothing
    )
    return {line.split()[0] for line in done.stdout.splitlines() if line.startswith("\t")}


def remove_orphans(folder: Path) -> None:
    """Delete the libraries that were frozen for something that is gone."""
    depended_on = {folder / name for name in LIBRARY_FOLDERS}
    libraries = [path for path in folder.rglob("*") if is_library(path)]
    roots = [path for path in libraries if path.parent not in depended_on or is_extension(path)]
    kept = needed_names([*roots, folder.parent / "corral"], folder)
    for path in libraries:
        by_name = is_extension(path) or path.name.startswith("libpython3")
        if path.parent in depended_on and path.name not in kept and not by_name:
            path.unlink()
    for path in folder.iterdir():
        if path.is_symlink() and not path.exists():
            path.unlink()


def link_twins(folder: Path) -> None:
    """Keep libraries that a wheel carries as `x.so` and again as `x.so.0` only once."""
    for path in folder.glob("*.so"):
        twin = path.with_name(f"{path.name}.0")
        if twin.exists() and twin.read_bytes() == path.read_bytes():
            path.unlink()
            path.symlink_to(twin.name)


if __name__ == "__main__":
    trim(Path(sys.argv[1]).resolve())
