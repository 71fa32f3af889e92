"""The system's trash: a file is in it as a whole, or the trash knows nothing of it."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path


def move_to_trash(path: Path) -> None:
    """Move a file or folder to the trash. It needs its space there until that is emptied.

    Raises what the disk or the system's trash gives; then no note of it is left in the trash.
    """
    import send2trash  # only here: the process that downloads hardly ever needs it

    before = set(_notes(path))
    try:
        send2trash.send2trash(path)
    except OSError:
        for note in set(_notes(path)) - before:
            with contextlib.suppress(OSError):
                if not os.path.lexists(note.parent.parent / "files" / note.stem):
                    note.unlink()
        raise


def _notes(path: Path) -> Iterator[Path]:
    """What freedesktop's trash notes of files called so: it writes that down before they come.

    https://specifications.freedesktop.org/trash-spec/latest/
    """
    if os.name != "posix" or sys.platform == "darwin":
        return
    top = path.parent.resolve()
    while not top.is_mount():
        top = top.parent
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    user = str(os.getuid())
    for trash in (data / "Trash", top / ".Trash" / user, top / f".Trash-{user}"):
        with contextlib.suppress(OSError):
            for note in (trash / "info").iterdir():
                if note.name.startswith(path.stem) and note.suffix == ".trashinfo":
                    yield note
