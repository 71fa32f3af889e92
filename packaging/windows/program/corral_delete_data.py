"""Delete what Corral wrote in a person's folders. Run by the uninstaller.

    python.exe -m corral_delete_data caches FOLDER    what can be fetched or computed again
    python.exe -m corral_delete_data all FOLDER       all of it: the person has agreed

The uninstaller's own language would go through junctions and symbolic links, and empty the folders
that they lead to. Here the link goes, and what it leads to stays.

Exit codes: 0 done; 10 something is in use, so nothing was deleted; 11 something could not be
deleted, and what is left lies beside, in a folder with “.deleted-” in its name.
"""

import contextlib
import os
import stat
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

CACHES = ("Cache", "Logs")
IN_USE = 10
PARTLY = 11


def is_link(path: Path) -> bool:
    """Whether it leads elsewhere: a symbolic link, or on Windows a reparse point of any kind."""
    with os.scandir(path.parent) as entries:
        return any(entry.name == path.name and _leads_elsewhere(entry) for entry in entries)


def delete(path: Path) -> None:
    """Delete a folder and all in it, but nothing behind links. Raises OSError at the first thing
    that cannot be deleted."""
    if is_link(path):
        path.unlink()  # on Windows, too, where the link is to a folder
        return
    with os.scandir(path) as entries:
        found = list(entries)
    for entry in found:
        if _leads_elsewhere(entry):
            os.unlink(entry)
        elif entry.is_dir(follow_symlinks=False):
            delete(Path(entry))
        else:
            _even_if_read_only(os.unlink, Path(entry))
    _even_if_read_only(os.rmdir, path)


def delete_all(folders: Iterable[Path]) -> int:
    """Delete folders, all or none; those that are not there are passed over. The exit code.

    Each gets another name first. Windows refuses that where a file in it is open, while nothing
    has been deleted yet.
    """
    moved: list[tuple[Path, Path]] = []
    for folder in folders:
        if not os.path.lexists(folder):
            continue
        aside = folder.with_name(f"{folder.name}.deleted-{os.getpid()}")
        try:
            if is_link(folder):
                aside = folder
            else:
                folder.rename(aside)
        except OSError as error:
            print(f"{folder} is in use: {error}")
            for before, now in moved:
                if now != before:
                    now.rename(before)
            return IN_USE
        moved.append((folder, aside))
    try:
        for _, aside in moved:
            delete(aside)
    except OSError as error:
        print(f"not everything could be deleted: {error}")
        return PARTLY
    return 0


def main(arguments: list[str]) -> int:
    """Delete; the exit code."""
    what, folder = arguments[0], Path(arguments[1])
    if what == "all":
        return delete_all([folder])
    if not folder.exists():
        return 0
    code = delete_all(folder / name for name in CACHES)
    if not is_link(folder):
        with contextlib.suppress(OSError):  # it is not empty
            folder.rmdir()
    return code


def _leads_elsewhere(entry: "os.DirEntry[str]") -> bool:
    if sys.platform == "win32":
        found = entry.stat(follow_symlinks=False).st_file_attributes
        return bool(found & stat.FILE_ATTRIBUTE_REPARSE_POINT)
    return entry.is_symlink()


def _even_if_read_only(remove: Callable[[Path], None], path: Path) -> None:
    try:
        remove(path)
    except PermissionError:
        path.chmod(stat.S_IWRITE)
        remove(path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
