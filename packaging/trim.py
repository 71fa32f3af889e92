"""Take out of a frozen folder what Corral never uses, and what only that needed.

python packaging/trim.py dist/corral/_internal
"""

import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "linux"))
import search_paths
import system_libraries

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
    # The same with its GLib; networks are told by NetworkManager and ConnMan.
    "PySide6/Qt/plugins/networkinformation/libqglib.so",
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
    for path in folder.iterdir():
        if path.name in system_libraries.SONAMES:
            path.unlink()
    remove_orphans(folder)
    link_twins(folder / "llama_cpp" / "lib")
    for path in system_libraries.elf_files(folder):
        search_paths.forget_build_machine(path)
    if shutil.which("strip"):
        # Others were edited by their makers' tools and would break.
        for path in folder.glob("libpython3*.so*"):
            subprocess.run(["strip", "--strip-unneeded", path], check=True)


def is_extension(path: Path) -> bool:
    """Whether Python imports it by name, as `_cffi_backend`, whose importer is compiled too."""
    return any(mark in path.name for mark in (".cpython-", ".abi3."))


def remove_orphans(folder: Path) -> None:
    """Delete the libraries that were frozen for something that is gone."""
    depended_on = {folder / name for name in LIBRARY_FOLDERS}
    libraries = system_libraries.elf_files(folder)
    by_name = {path.name: path for path in libraries}
    waiting = [path for path in libraries if path.parent not in depended_on or is_extension(path)]
    waiting.append(folder.parent / "corral")
    kept = set(waiting)
    while waiting:
        needed = {by_name[name] for name in system_libraries.needed_by(waiting.pop()) & {*by_name}}
        waiting += needed - kept
        kept |= needed
    for path in libraries:
        if path not in kept and not path.name.startswith("libpython3"):
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
