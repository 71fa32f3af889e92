"""Take out of a Corral.app what it never uses of Qt, and what only that needed."""

import shutil
from pathlib import Path

import bundle_check
import mach_o

USED_PLUGINS = {
    "iconengines": ("qsvgicon",),
    "imageformats": ("qgif", "qico", "qjpeg", "qsvg", "qwebp"),
    "networkinformation": ("qscnetworkreachability",),
    "platforms": ("qcocoa", "qoffscreen"),
    "styles": ("qmacstyle",),
}
"""Qt's plugins that stay, by their kind; every other one goes."""


def trim(bundle: Path) -> None:
    """Trim the bundle in place."""
    for qt in bundle.glob("Contents/*/PySide6/Qt"):
        for name in ("translations", "qml"):
            _remove(qt / name)
        for kind in (qt / "plugins").glob("*"):
            used = {f"lib{name}.dylib" for name in USED_PLUGINS.get(kind.name, ())}
            for plugin in [kind] if not used else kind.iterdir():
                if plugin == kind or plugin.name not in used:
                    _remove(plugin)
    remove_orphans(bundle)
    remove_dead_links(bundle)


def remove_orphans(bundle: Path) -> None:
    """Delete Qt's frameworks that nothing loads any more, until there is none."""
    while True:
        needed = {
            (path, Path(load).name)
            for path in bundle_check.files(bundle)
            for part in mach_o.read(path)
            for load in part.loads
        }
        frameworks = sorted(bundle.glob("Contents/Frameworks/PySide6/Qt/lib/*.framework"))
        unused = [
            framework
            for framework in frameworks
            if not any(
                name == framework.stem and not path.is_relative_to(framework)
                for path, name in needed
            )
        ]
        if not unused:
            return
        for framework in unused:
            shutil.rmtree(framework)


def remove_dead_links(bundle: Path) -> None:
    """Delete links to what is gone; a link may lead to another one."""
    while dead := [path for path in bundle.rglob("*") if path.is_symlink() and not path.exists()]:
        for path in dead:
            path.unlink()


def _remove(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_dir():
        shutil.rmtree(path)
