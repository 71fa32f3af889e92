"""The models folder that `--to` means."""

import sys
from pathlib import Path

from app.core.errors import StorageError
from app.core.model_roots import ModelRoots


def meant_folder(own: ModelRoots, text: str) -> Path:
    """A models folder by its name or path, or another folder that is there. Changes nothing.

    Raises `StorageError` where there is neither.
    """
    named = own.named(text)
    if named is not None:
        return named
    path = Path(text).expanduser()
    if not path.is_dir():
        names = ", ".join(str(each) for each in own.all())
        raise StorageError(
            f"{text} is no models folder and no folder",
            "Nothing was done.",
            f"Make it first, connect its drive, or name one of these: {names}.",
        )
    return path.absolute()


def use_folder(own: ModelRoots, text: str) -> Path:
    """The same; one that was no models folder becomes one. Raises `StorageError`."""
    folder = meant_folder(own, text)
    if folder in own.all():
        return folder
    added = own.add(folder)
    sys.stderr.write(f"{added} is a models folder from now on.\n")
    return added
