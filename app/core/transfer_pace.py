"""How fast bytes may come, and how slowly they come before a connection counts as stalled."""

import threading
import time
from collections.abc import Callable

from app.core.transfer_stop import StopSignal

BURST = 0.25
"""Seconds of the limit that may come at once."""


class TokenBucket:
    """A limit for all connections together. `rate` is bytes a second, 0 is no limit.

    Each connection takes what it has received; while the bucket is in debt it reads no further,
    and the network's own flow control slows the server down. In debt is whoever comes late: the
    order of those who wait is the order in which they took.
    """

    def __init__(self, rate: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._rate = rate
        self._free_at = clock()
        """When all that was taken so far will have been allowed."""

    @property
    def rate(self) -> int:
        """Bytes a second."""
        return self._rate

    def set_rate(self, rate: int) -> None:
        """Another limit; debts of the old one are forgiven."""
        with self._lock:
            self._rate = rate
            self._free_at = self._clock()

    def take(self, size: int) -> float:
        """Note that `size` bytes came; answers the seconds to wait before reading on."""
        with self._lock:
            if not self._rate:
                return 0.0
            now = self._clock()
            self._free_at = max(self._free_at, now - BURST) + size / self._rate
            return max(0.0, self._free_at - now)

    def wait(self, size: int, stop: StopSignal) -> None:
        """Take, and wait as long as must be; raises `TransferStopped` as soon as asked to stop.

        A limit that is lifted meanwhile is noticed within a quarter of a second.
        """
        seconds = self.take(size)
        rate = self._rate
        until = self._clock() + seconds
        while seconds > 0 and self._rate == rate:
            stop.pause(min(seconds, BURST))
            seconds = until - self._clock()


class Trickle:
    """Notices a connection that is alive but brings next to nothing."""

    def __init__(
        self, least: int, window: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Fewer than `least` bytes in `window` seconds are too few."""
        self._least = least
        self._window = window
        self._clock = clock
        self._since = clock()
        self._came = 0

    def stalled(self, size: int) -> bool:
        """Note that `size` bytes came; whether they were too few of late."""
        self._came += size
        now = self._clock()
        if now - self._since < self._window:
            return False
        too_few = self._came < self._least
        self._since, self._came = now, 0
        return too_few
