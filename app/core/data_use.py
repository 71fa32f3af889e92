"""Who uses the data folder: every process of Corral says so while it runs.

What replaces the program or its data wants to be alone. A window, `corral serve` and a chat in the
terminal each hold a lock that can be shared.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from app.core.paths import AppPaths
from app.core.process_lock import ProcessLock

log = logging.getLogger(__name__)

_TRIES = 20
_PAUSE = 0.05
"""Seconds between two tries: a command is soon done, and so is who looks whether it is alone."""


class DataUse:
    """This process's use of the data, from the beginning to `close`."""

    def __init__(self, paths: AppPaths) -> None:
        self._lock = ProcessLock(paths.data / "in-use.lock")
        self._share()

    def is_alone(self) -> bool:
        """Whether no other process uses the data; True where there can be no lock."""
        with self.alone() as alone:
            return alone

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Whether no other process uses the data; while inside, none that asks begins to.

        Waits a second for a command to end. True where there can be no lock.
        """
        try:
            alone = self._take(shared=False)
        except OSError:
            alone = True
        try:
            yield alone
        finally:
            self._share()

    def close(self) -> None:
        """This process uses it no more."""
        self._lock.close()

    def _share(self) -> None:
        try:
            if not self._take(shared=True):
                log.info("another process wants to be alone with the data")
        except OSError as error:
            log.info("nobody sees that this process uses the data: %s", error)

    def _take(self, *, shared: bool) -> bool:
        for _ in range(_TRIES):
            if self._lock.take(shared=shared):
                return True
            time.sleep(_PAUSE)
        return False
