"""Whether drives that were away are back."""

import logging
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from app.core.errors import AppError
from app.core.library import ModelLibrary

log = logging.getLogger(__name__)

DRIVE_SECONDS = 5.0
"""Between two looks."""


class DriveWatch:
    """Looks at models folders, each in a thread of its own: a dead share holds nobody else up."""

    def __init__(self, library: ModelLibrary, back: Callable[[Path], object]) -> None:
        """`back` is called, in such a thread, with a folder that can be written to again."""
        self._library = library
        self._back = back
        self._lock = threading.Lock()
        self._asked: set[Path] = set()

    def look(self, roots: Iterable[Path]) -> None:
        """Look whether these are there, unless a look at them is still under way. Quick."""
        for root in set(roots):
            with self._lock:
                if root in self._asked:
                    continue
                self._asked.add(root)
            threading.Thread(target=self._look, args=(root,), name="drive", daemon=True).start()

    def _look(self, root: Path) -> None:
        try:
            if self._is_there(root):
                self._back(root)
        finally:
            with self._lock:
                self._asked.discard(root)

    def _is_there(self, root: Path) -> bool:
        try:
            self._library.own_folders.check(root)
        except (AppError, OSError) as error:
            log.debug("still away: %s", error)
            return False
        if root in self._library.silent_folders():
            self._library.scan()  # its models are there again, too
        return root not in self._library.silent_folders()
