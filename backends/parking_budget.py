"""How much memory the conversations may take that nobody works on. Shared by the engines."""

from collections.abc import Callable

import psutil

from backends.types import PARKING_SHARE

FREE_SHARE = 0.25
"""Of the memory that would be free without them. The rest stays for models and other programs."""


def available_memory() -> int:
    """Bytes of main memory that programs can get now without swapping."""
    return int(psutil.virtual_memory().available)


class ParkingBudget:
    """A ceiling, and below it what the computer can spare at the moment.

    Nothing is reserved: conversations take memory only as they come to rest. That is why the
    budget is no part of the estimate by which a load is judged, and why it gives way here when
    memory is short. Engines look whenever an answer begins or ends; one that nobody asks anything
    keeps what it has.
    """

    def __init__(self, most: int | None, available: Callable[[], int] = available_memory) -> None:
        """`most` is `LoadConfig.parking_bytes`."""
        if most is None:
            most = int(psutil.virtual_memory().total * PARKING_SHARE)
        self._most = most
        self._available = available

    def now(self, held: int) -> int:
        """Bytes that all of them may take at this moment; they take `held` of it already."""
        return min(self._most, int((self._available() + held) * FREE_SHARE))
