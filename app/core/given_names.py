"""Short names that models were given, kept so that a name goes on to mean the same model."""

import logging
import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from app.core.errors import StorageError
from app.core.files import write_atomically
from app.core.library_types import LocalModel

log = logging.getLogger(__name__)


class GivenNames:
    """Which model has a name that several could have: the one that had it first.

    Kept in `path` as JSON, name to id. A file that cannot be read or written costs this memory and
    nothing else.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._holders: dict[str, str] | None = None

    def of(self, models: Sequence[LocalModel], wanted: Mapping[str, str]) -> dict[str, str]:
        """The ids of the models that have the names which `wanted` has for each id.

        A name goes to another model only when the one that had it is no longer among `models`.
        Writes to the disk when a model has come or gone.
        """
        candidates: defaultdict[str, list[LocalModel]] = defaultdict(list)
        for model in models:
            candidates[wanted[model.id]].append(model)
        with self._lock:
            before = self._read() if self._holders is None else self._holders
            holders = {name: _first(before.get(name), each) for name, each in candidates.items()}
            self._holders = before | holders
            if self._holders != before:
                self._write(self._holders)
        return holders

    def _read(self) -> dict[str, str]:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, str])
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.DecodeError) as error:
            log.warning("the names that models were given cannot be read: %s", error)
            return {}

    def _write(self, holders: Mapping[str, str]) -> None:
        try:
            write_atomically(self._path, msgspec.json.encode(holders))
        except StorageError as error:
            log.warning("the names that models were given cannot be kept: %s", error)


def _first(holder: str | None, candidates: Sequence[LocalModel]) -> str:
    if any(model.id == holder for model in candidates):
        return str(holder)
    return min(candidates, key=lambda each: (bool(each.problem), each.added, each.id)).id
