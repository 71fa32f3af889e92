"""A model of Jan: `model.yml` in its folder tells its name and where its files are."""

import re
from collections.abc import Mapping
from pathlib import Path

from app.core.library_found import Found
from app.core.library_types import Source

NOTE = "model.yml"
_NOTE_BYTES = 64 * 1024
_LINE = re.compile(r"(?P<key>\w+):[ \t]+(?P<value>\S.*?)\s*")


def jan_model(folder: Path, root: Path, source: Source, program: str) -> Found | None:
    """The model that the note in `folder` tells of; None where it tells of none."""
    told = _told(folder / NOTE)
    path = _located(told.get("model_path", ""), folder, root)
    if path is None:
        return None
    projector = _located(told.get("mmproj_path", ""), folder, root)
    return Found(
        path=path,
        files=(path,),
        companions=(projector,) if projector else (),
        root=root,
        source=source,
        program=program,
        title=told.get("name", ""),
        key=str(folder),
    )


def _told(note: Path) -> Mapping[str, str]:
    """The plain lines of the outermost level; the rest of YAML is not needed here."""
    try:
        with note.open("rb") as file:
            lines = file.read(_NOTE_BYTES).decode(errors="replace").splitlines()
    except OSError:
        return {}
    matches = (_LINE.fullmatch(line) for line in lines)
    return {match["key"]: match["value"].strip("\"'") for match in matches if match}


def _located(text: str, folder: Path, root: Path) -> Path | None:
    """A path is absolute, or counts from Jan's data folder, some levels above the models."""
    if not text.lower().endswith(".gguf"):
        return None
    path = Path(text)
    bases = (root.parent.parent, root.parent, root, folder)
    candidates = [path] if path.is_absolute() else [base / path for base in bases]
    candidates.append(folder / path.name)
    return next((each for each in candidates if each.is_file()), None)
