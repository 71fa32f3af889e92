"""Telling listeners what happened, in order, by whichever thread gets to it."""

import threading
from collections import deque
from collections.abc import Callable


class News:
    """Calls that are owed to listeners. They are made without any lock, one thread at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owed: deque[Callable[[], None]] = deque()
        self._telling = False

    def add(self, call: Callable[[], None]) -> None:
        """Owe one more; whoever changes things adds while it holds its own lock."""
        with self._lock:
            self._owed.append(call)

    def tell(self) -> None:
        """Make the calls, those too that are added meanwhile.

        Returns at once where another thread, or this one further up, is at it.
        """
        with self._lock:
            if self._telling:
                return
            self._telling = True
        while True:
            with self._lock:
                if not self._owed:
                    self._telling = False
                    return
                call = self._owed.popleft()
            call()
