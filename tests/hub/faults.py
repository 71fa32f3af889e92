"""What can go wrong on the way, on demand."""

import threading
from dataclasses import dataclass, field
from typing import Literal

Origin = Literal["hub", "cdn"]


class Allowance:
    """Bytes that may be sent until more are granted."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._left: float = 0

    def grant(self, size: float) -> None:
        """So many more; `math.inf` lifts the limit."""
        with self._changed:
            self._left += size
            self._changed.notify_all()

    def take(self, size: int, stopping: threading.Event) -> None:
        """Wait for `size` bytes, or until the server stops."""
        with self._changed:
            while self._left < size and not stopping.is_set():
                self._changed.wait(0.1)
            self._left -= size


@dataclass
class Fault:
    """One misbehaviour, for requests whose path ends with `path`."""

    path: str
    origin: Origin | None = None
    """None is both."""
    method: str | None = None
    times: int | None = None
    """How often it happens; None is always."""
    status: int | None = None
    """Answer this instead of what was asked for."""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    """Answer 200 with this body instead (or with `status`, if given)."""
    huge: int | None = None
    """Answer 200 with so many bytes of spaces."""
    drop_after: int | None = None
    """Close the connection after so many bytes of the body."""
    rate: float | None = None
    """Bytes a second for each connection."""
    allowance: Allowance | None = None
    """Send only what is granted, all connections together."""
    stall_after: int | None = None
    """Fall silent after so many bytes of the body, keeping the connection."""
    corrupt_at: int | None = None
    """Flip the byte of the file at this offset."""
    ignore_range: bool = False
    """Answer 200 with the whole file, as servers without ranges do."""
    wrong_range: bool = False
    """Claim another range than the one asked for."""
    delay: float = 0
    """Seconds before the answer begins."""
    _lifted: threading.Event = field(default_factory=threading.Event)

    def lift(self) -> None:
        """No answer stalls any more. Those that do are broken off, so that one asks anew."""
        self.stall_after = None
        self._lifted.set()

    def stall(self, stopping: threading.Event) -> None:
        """Wait until it is lifted, or until the server stops."""
        while not self._lifted.wait(0.05) and not stopping.is_set():
            continue


class Faults:
    """The faults in force."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """No more faults; what stalls is broken off."""
        with self._lock:
            for fault in self._faults:
                fault.lift()
            self._faults.clear()

    def take(self, origin: Origin, method: str, path: str) -> list[Fault]:
        """Those that hit this request; counts down the ones that do not last."""
        hit: list[Fault] = []
        with self._lock:
            for fault in self._faults:
                if fault.times == 0 or not path.endswith(fault.path):
                    continue
                if fault.origin not in (None, origin) or fault.method not in (None, method):
                    continue
                if fault.times is not None:
                    fault.times -= 1
                hit.append(fault)
        return hit
