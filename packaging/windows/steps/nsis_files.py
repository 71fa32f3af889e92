"""The part of the installer's script that names every file, in an order that is always the same."""

from collections.abc import Iterator
from pathlib import Path


def escaped(text: str) -> str:
    """Text inside a string of NSIS's language, where a dollar sign begins a variable."""
    return text.replace("$", "$$")


def file_lines(folder: Path) -> Iterator[str]:
    """Instructions that install everything in `folder` into $INSTDIR."""
    by_folder: dict[str, list[Path]] = {}
    for path in folder.rglob("*"):
        if path.is_file():
            place = path.parent.relative_to(folder).as_posix()
            by_folder.setdefault(place, []).append(path)
    for place in sorted(by_folder):
        inside = "" if place == "." else "\\" + escaped(place.replace("/", "\\"))
        yield f'SetOutPath "$INSTDIR{inside}"'
        for path in sorted(by_folder[place]):
            yield f'File "{path}"'  # taken as it is, unlike what happens on the person's computer
