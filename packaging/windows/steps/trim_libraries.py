"""Take out of the unpacked wheels what Corral never uses, and what only that needed.

The same parts of Qt stay as in the other forms (packaging/trim.py), and reading from the system
whether there is a network.
"""

import shutil
from pathlib import Path

import pe_imports

MODULES = ("QtCore", "QtGui", "QtNetwork", "QtSvg", "QtWidgets")
"""Of PySide6."""
PLUGINS = (
    "iconengines/qsvgicon.dll",
    *(f"imageformats/q{name}.dll" for name in ("gif", "ico", "jpeg", "svg", "webp")),
    "networkinformation/qnetworklistmanager.dll",
    *(f"platforms/q{name}.dll" for name in ("offscreen", "windows")),
    "styles/qmodernwindowsstyle.dll",
)
LOADED_BY_NAME = ("pyside6.abi3.dll", "shiboken6.abi3.dll")
UNUSED = (
    # Qt's own tools, its other language, and what C++ programs are compiled with.
    *(f"PySide6/{name}" for name in ("doc", "glue", "include", "lib", "metatypes", "qml")),
    *(f"PySide6/{name}" for name in ("resources", "scripts", "translations", "typesystems")),
    "PySide6/*.exe",
    "PySide6/*.lib",
    "PySide6/*.json",
    *(f"shiboken6/{name}" for name in ("include", "lib", "*.lib")),
    # Draws with the processor for programs that use OpenGL.
    "PySide6/opengl32sw.dll",
    # Of numpy, what only its developers need.
    "numpy/f2py",
    "numpy/testing",
    "numpy/_pyinstaller",
    "numpy/_core/include",
    "numpy/_core/lib",
    "numpy/random/lib",
    "numpy/**/tests",
    "**/*.pyi",
    "**/*.pxd",
)
TYPE_MARKS = "py.typed"


def trim(folder: Path) -> None:
    """Trim a folder of unpacked wheels for Windows."""
    for pattern in UNUSED:
        for path in folder.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path in folder.rglob(TYPE_MARKS):
        path.unlink()
    qt = folder / "PySide6"
    if qt.exists():
        trim_qt(qt, folder / "shiboken6")


def trim_qt(qt: Path, shiboken: Path) -> None:
    """Keep the modules and plugins of Qt that are named above, and the libraries they need."""
    for path in qt.glob("*.pyd"):
        if path.stem not in MODULES:
            path.unlink()
    plugins = qt / "plugins"
    for path in sorted(plugins.rglob("*"), reverse=True):  # files before their folders
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
        elif path.is_file() and path.relative_to(plugins).as_posix() not in PLUGINS:
            path.unlink()
    roots = [*qt.glob("*.pyd"), *plugins.rglob("*.dll"), *shiboken.glob("*.pyd")]
    present = [*qt.glob("*.dll"), *shiboken.glob("*.dll")]
    libraries = {path.name.lower(): path for path in present}
    roots += [libraries[name] for name in LOADED_BY_NAME if name in libraries]
    kept = needed(roots, libraries)
    for path in present:
        if path.name.lower() not in kept:
            path.unlink()


def needed(roots: list[Path], libraries: dict[str, Path]) -> set[str]:
    """Names of all of `libraries` that the files `roots` need, directly or not; and their own."""
    found = {path.name.lower() for path in roots}
    waiting = list(roots)
    while waiting:
        for name in pe_imports.imported_names(waiting.pop()) - found:
            found.add(name)
            if name in libraries:
                waiting.append(libraries[name])
    return found
