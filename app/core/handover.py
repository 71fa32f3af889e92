"""Passing what a start is asked to open to the window that is open already.

The first window of a data folder holds a lock, which the system lets go when its process ends. A
later start leaves what it is asked to open in a folder that the window watches, or the wish that
the window comes to the front, and ends. So there is one window, however often Corral is started.
"""

import contextlib
import logging
import sys
import time
import uuid

from app.core.errors import StorageError
from app.core.files import write_atomically
from app.core.paths import AppPaths
from app.core.process_lock import ProcessLock

log = logging.getLogger(__name__)

SHOW = "show"
"""What is left by a start that is asked to open nothing: the window is to come to the front."""
PATIENCE = 60.0
"""Seconds that a start waits for the window to take what was left for it."""
MOST_BYTES = 4096
"""Of one thing to open; a longer one is thrown away."""
MOST_AT_ONCE = 5
_OLD = 60.0
"""Seconds after which nobody waits for it any more."""


class Handover:
    """One per process; `close` lets go."""

    def __init__(self, paths: AppPaths) -> None:
        self.folder = paths.cache / "open"
        """Where things to open are left."""
        self._lock = ProcessLock(paths.data / "window.lock")
        self._claimed = False
        self._other = False
        """Whether another process held the lock when it was last tried."""

    def claim(self) -> bool:
        """Become the window that things are passed to; False where there is one already.

        False also where there can be no lock, as on some network drives: each window is then on
        its own.
        """
        if self._claimed:
            return True
        self._other = False
        try:
            self._claimed = self._lock.take()
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            log.info("links go to the window that they start: %s", error)
            self.close()
        else:
            self._other = not self._claimed
        return self._claimed

    def pass_on(self, texts: list[str], patience: float = 0.0) -> bool:
        """Leave things to open for the window that is open. False if there is none to take them.

        With `patience` (seconds) it waits until they were taken. False then, with nothing left
        behind, where the window ended meanwhile, so that this process has claimed its place, or
        does not answer.
        """
        if not self._other:
            return False
        _let_others_come_to_the_front()
        left = []
        for text in texts:
            path = self.folder / f"{time.time_ns():020}-{uuid.uuid4().hex[:8]}.txt"
            try:
                write_atomically(path, text.encode("utf-8", "replace"))
            except StorageError as error:
                log.warning("%s", error)
                return False
            left.append(path)
        until = time.monotonic() + patience
        while patience and any(path.exists() for path in left):
            if self.claim() or time.monotonic() > until:
                for path in left:
                    path.unlink(missing_ok=True)
                return False
            time.sleep(0.02)
        return True

    def take(self) -> list[str]:
        """What was left since the last call, the oldest first."""
        texts: list[str] = []
        for path in sorted(self.folder.glob("*.txt")):
            with contextlib.suppress(OSError):
                fresh = time.time() - path.stat().st_mtime < _OLD
                data = path.read_bytes() if path.stat().st_size <= MOST_BYTES else b""
                path.unlink()
                if fresh and data and len(texts) < MOST_AT_ONCE:
                    texts.append(data.decode("utf-8", "replace"))
        return texts

    def close(self) -> None:
        """Let another window be the one that things are passed to."""
        self._lock.close()
        self._claimed = False


def _let_others_come_to_the_front() -> None:
    """Pass on the right to do so, which Windows gives to what a person has just started.

    Else the window that is open already would only blink in the task bar.
    """
    if sys.platform == "win32":
        import ctypes

        any_process = 0xFFFF_FFFF  # ASFW_ANY
        ctypes.windll.user32.AllowSetForegroundWindow(any_process)
