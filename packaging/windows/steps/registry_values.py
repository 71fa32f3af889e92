"""Write values of the person's registry to a file, and make them as they were.

    python registry_values.py save FILE KEY NAME [KEY NAME ...]
    python registry_values.py restore FILE

Runs on Windows and in Wine. Keys lie below HKEY_CURRENT_USER; the name "" is that of the value
without one. Other programs print them in another encoding, and without their kind.
"""

import contextlib
import json
import sys
from pathlib import Path


def save(file: Path, values: list[tuple[str, str]]) -> None:
    """Note each value with its kind, or that there is none, or not even its key."""
    if sys.platform != "win32":
        return
    import winreg

    noted = []
    for path, name in values:
        found: tuple[object, int] | None = None
        is_there = False
        with (
            contextlib.suppress(FileNotFoundError),
            winreg.OpenKey(winreg.HKEY_CURRENT_USER, path) as key,
        ):
            is_there = True
            found = winreg.QueryValueEx(key, name)
        noted.append((path, name, is_there, found))
    file.write_text(json.dumps(noted), encoding="utf-8")


def restore(file: Path) -> None:
    """Set each value to what was noted, or delete it, and its key if that is new and empty."""
    if sys.platform != "win32":
        return
    import winreg

    for path, name, was_there, found in json.loads(file.read_text(encoding="utf-8")):
        if found is not None:
            value, kind = found
            with winreg.CreateKey(winreg.HKEY_CURRENT_USER, path) as key:
                winreg.SetValueEx(key, name, 0, kind, value)
            continue
        access = winreg.KEY_READ | winreg.KEY_WRITE
        with (
            contextlib.suppress(FileNotFoundError),
            winreg.OpenKey(winreg.HKEY_CURRENT_USER, path, 0, access) as key,
        ):
            with contextlib.suppress(FileNotFoundError):
                winreg.DeleteValue(key, name)
            below, others, _changed = winreg.QueryInfoKey(key)
            if not (was_there or below or others):
                winreg.DeleteKey(winreg.HKEY_CURRENT_USER, path)


def main(arguments: list[str]) -> int:
    """Save or restore; the exit status."""
    what, file, *words = arguments
    if what == "save":
        save(Path(file), list(zip(words[::2], words[1::2], strict=True)))
    else:
        restore(Path(file))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
