"""A thread that sleeps until something is due, and is there only while something may be."""

import threading
from collections.abc import Callable


class IdleWatch:
    """Calls `look` soon after each `wake`, and whenever it said it would be due.

    `look` answers the seconds until it wants to be called again, or None when nothing will be due;
    the thread then ends until the next `wake`.
    """

    def __init__(self, look: Callable[[], float | None], name: str = "idle-models") -> None:
        self._look = look
        self._name = name
        self._lock = threading.Lock()
        self._woken = threading.Event()
        self._closed = False
        self._thread: threading.Thread | None = None

    @property
    def running(self) -> bool:
        """Whether something may be due."""
        return self._thread is not None

    def wake(self) -> None:
        """Something changed: look again soon. Any thread; quick."""
        with self._lock:
            if self._closed:
                return
            self._woken.set()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()

    def close(self, timeout: float | None = None) -> None:
        """End the thread and wait for it, at most `timeout` seconds; may be called twice."""
        with self._lock:
            self._closed = True
            thread = self._thread
            self._woken.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)

    def _run(self) -> None:
        while True:
            self._woken.clear()
            due = self._look()
            if due is not None:
                self._woken.wait(due)
            with self._lock:
                if self._closed or (due is None and not self._woken.is_set()):
                    self._thread = None
                    return
