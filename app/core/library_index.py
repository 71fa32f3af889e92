"""What the library remembers of files between starts: a cache, made again where it is lost."""

import logging
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from app.core.errors import StorageError
from app.core.files import write_atomically
from app.core.library_found import Fingerprint
from app.core.library_types import LocalModel

log = logging.getLogger(__name__)

_VERSION = 4


class KnownModel(Struct, frozen=True):
    """A model as it was read from these files; None for a file that is no model."""

    fingerprint: Fingerprint
    model: LocalModel | None


class Index(Struct, frozen=True):
    """Everything read before, by the path that an engine opens."""

    version: int = _VERSION
    known: dict[str, KnownModel] = {}
    roots: dict[str, tuple[str, str]] = {}
    """Device and inode of each folder when it was last looked through, as numbers in text: some
    file systems have longer ones than JSON may hold."""


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
