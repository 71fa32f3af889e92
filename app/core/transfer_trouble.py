"""How long a transfer waits between two tries, and for what, so that a person can be told."""

import threading
import time
from collections.abc import Callable

import msgspec

from app.core.transfer_http import TryAgain
from app.core.transfer_stop import StopSignal
from app.core.transfer_wire import Limits, Trouble

_STEP = 0.5
"""Seconds between two looks at whether it is worth waiting on."""


LONGEST_ASKED_WAIT = 300.0
"""Seconds; a server that asks for more is asked again after this time."""


class Patience:
    """Counts new tries, and forgives them whenever bytes were gained."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._tries = 0
        self._best = -1

    def forgive(self) -> None:
        """A person wants to try: what was tried before does not count."""
        self._tries = 0

    def after(self, failure: TryAgain, done: int) -> float:
        """Seconds to wait before the next try; raises the reason when there is to be none."""
        if done > self._best:
            self._best = done
            self._tries = 0
        self._tries += 1
        most = self._limits.network_tries if failure.network else self._limits.tries
        if failure.in_vain or self._tries > most:
            raise failure.reason from failure
        if failure.wait is not None:
            # Even a wait of 0 must not become a busy loop.
            least = 0.0 if self._tries == 1 else self._limits.first_wait
            return max(least, min(failure.wait, LONGEST_ASKED_WAIT))
        return min(self._limits.longest_wait, self._limits.first_wait * 2.0 ** (self._tries - 1))


class Waiting:
    """The pauses of one transfer, with the last failure, until bytes come. Thread-safe."""

    def __init__(self, stop: StopSignal) -> None:
        self._stop = stop
        self._lock = threading.Lock()
        self._trouble: Trouble | None = None
        self._until = 0.0

    def pause(
        self, failure: TryAgain, seconds: float, needless: Callable[[], bool] = lambda: False
    ) -> bool:
        """Wait after a failure; True if a person did not want to wait any longer.

        Ends early when it is `needless`. Raises `TransferStopped`.
        """
        if seconds > 0:
            with self._lock:
                self._trouble = Trouble(failure.reason.title, failure.host, failure.status)
                self._until = time.monotonic() + seconds
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not needless():
            if self._stop.pause(min(_STEP, left)):
                return True
        self._stop.check()
        return False

    def over(self) -> None:
        """Bytes came."""
        self._trouble = None

    def now(self) -> Trouble | None:
        """The last failure, with the seconds that are left until the next try."""
        with self._lock:
            trouble, left = self._trouble, self._until - time.monotonic()
        return msgspec.structs.replace(trouble, wait=max(0.0, left)) if trouble else None
