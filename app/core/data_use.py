"""Who uses the data folder: every process of Corral says so while it runs.

What replaces the program or its data wants to be alone. A window, `corral serve` and a chat in the
terminal each hold a lock that can be shared.
"""

import logging

from app.core.paths import AppPaths
from app.core.process_lock import ProcessLock

log = logging.getLogger(__name__)


class DataUse:
    """This process's use of the data, from the beginning to `close`."""

    def __init__(self, paths: AppPaths) -> None:
        self._lock = ProcessLock(paths.data / "in-use.lock")
        self._share()

    def is_alone(self) -> bool:
        """Whether no other process uses the data; True where there can be no lock."""
        try:
            alone = self._lock.take()
        except OSError:
            return True
        self._share()
        return alone

    def close(self) -> None:
        """This process uses it no more."""
        self._lock.close()

    def _share(self) -> None:
        try:
            self._lock.take(shared=True)
        except OSError as error:
            log.info("nobody sees that this process uses the data: %s", error)
