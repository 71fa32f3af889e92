"""What the library remembers between starts.

The cache of headers may be lost at any time and is made again. The list of what a person adopted
or took off the list is theirs, and lies with the settings.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, structs

from app.core.errors import AppError, StorageError
from app.core.files import locked, set_aside, write_atomically
from app.core.library_types import LocalModel

log = logging.getLogger(__name__)

_VERSION = 2

Fingerprint = tuple[tuple[str, int, int], ...]


class KnownModel(Struct, frozen=True):
    """A model as it was read from these files; None for a file that is no model."""

    fingerprint: Fingerprint
    model: LocalModel | None


class Index(Struct, frozen=True):
    """Everything read before, by the path that an engine opens."""

    version: int = _VERSION
    known: dict[str, KnownModel] = {}


class Choices(Struct, frozen=True):
    """What a person decided about single models."""

    adopted: tuple[str, ...] = ()
    """Paths of models used where they lie."""
    forgotten: tuple[str, ...] = ()
    """Ids of read-only models that were taken off the list."""

    def recalling(self) -> "Choices":
        """All that was taken off the list is back."""
        return structs.replace(self, forgotten=())

    def adopting(self, path: Path) -> "Choices":
        """One more path."""
        return structs.replace(self, adopted=(*self.dropping(path).adopted, str(path)))

    def dropping(self, path: Path) -> "Choices":
        """One path less."""
        return structs.replace(self, adopted=tuple(t for t in self.adopted if t != str(path)))

    def forgetting(self, model_id: str) -> "Choices":
        """A read-only model is off the list."""
        others = (each for each in self.forgotten if each != model_id)
        return structs.replace(self, forgotten=(*others, model_id))


def _encode_path(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    raise NotImplementedError(f"{type(value)} is not stored")


def _decode_path(kind: type, value: Any) -> Any:
    if issubclass(kind, Path):
        return kind(value)
    raise NotImplementedError(f"{kind} is not stored")


def load_index(path: Path) -> Index:
    """The index at `path`; an empty one if there is none that this version wrote."""
    try:
        index = msgspec.json.decode(path.read_bytes(), type=Index, dec_hook=_decode_path)
    except (OSError, msgspec.DecodeError, ValueError, RecursionError):
        return Index()
    return index if index.version == _VERSION else Index()


def save_index(path: Path, index: Index) -> None:
    """Write the index; a failure costs only time at the next start, so it is just logged."""
    try:
        write_atomically(path, msgspec.json.encode(index, enc_hook=_encode_path))
    except (StorageError, UnicodeEncodeError) as error:
        log.warning("the library's index was not written: %s", error)


def load_choices(path: Path) -> tuple[Choices, AppError | None]:
    """The person's choices, and what was wrong with the file.

    A damaged one is set aside, and the list starts anew.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Choices), None
    except FileNotFoundError:
        return Choices(), None
    except (OSError, msgspec.DecodeError, RecursionError) as error:
        log.warning("%s could not be used: %s", path.name, error)
        try:
            kept = f"The file was kept as {set_aside(path).name}."
        except StorageError as failure:
            kept = failure.message
        problem = StorageError(
            "The list of models that are used where they lie could not be read",
            f"{path.name} is damaged. {kept} The models themselves are not touched.",
            "Add those models again.",
            str(error),
        )
        return Choices(), problem


def change_choices(path: Path, change: Callable[[Choices], Choices]) -> Choices:
    """The person's choices, changed and written; another program's changes stay.

    Raises `StorageError`.
    """
    with locked(path):
        choices, _ = load_choices(path)
        changed = change(choices)
        if changed != choices:
            write_atomically(path, msgspec.json.encode(changed))
    return changed
