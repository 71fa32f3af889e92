"""Presets as they were edited and not saved: kept apart from the saved ones."""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from app.core.errors import AppError
from app.core.files import storage_error, write_atomically
from app.core.presets import Preset, encoded, read_folder


class PresetDrafts:
    """A folder of them, one JSON file each. Safe to use from any thread; every call blocks."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._kept: dict[str, Preset] = {}

    def read(self) -> tuple[dict[str, Preset], tuple[AppError, ...]]:
        """What was kept, by id, and what was wrong with the files that were set aside."""
        with self._lock:
            drafts, problems = read_folder(self._folder)
            self._kept = dict(drafts)
        return drafts, problems

    def keep(self, current: Callable[[], Mapping[str, Preset]]) -> None:
        """Keep what `current` answers, and nothing else.

        It is asked when it is this call's turn, so that the last of several keeps the newest.
        Raises `StorageError`.
        """
        with self._lock:
            drafts = dict(current())
            for preset_id, draft in drafts.items():
                if self._kept.get(preset_id) != draft:
                    write_atomically(self._file(preset_id), encoded(draft))
                    self._kept[preset_id] = draft
            for preset_id in self._kept.keys() - drafts.keys():
                self._forget(preset_id)

    def _file(self, preset_id: str) -> Path:
        return self._folder / f"{preset_id}.json"

    def _forget(self, preset_id: str) -> None:
        path = self._file(preset_id)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            title = "What was edited in a preset could not be forgotten"
            raise storage_error(title, path, error) from error
        del self._kept[preset_id]
