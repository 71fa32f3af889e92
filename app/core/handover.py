"""Passing what a start is asked to open to the window that is open already.

The first window of a data folder holds a lock, which the system lets go when its process ends. A
later start leaves what it is asked to open in a folder that the window watches, and `SHOW` where it
was only started once more: the window may be out of sight, in the tray.
"""

import contextlib
import logging
import sys
import time
import uuid

from app.core.errors import StorageError
from app.core.files import write_atomically
from app.core.paths import AppPaths

log = logging.getLogger(__name__)

SHOW = "show the window"
"""What a later start leaves that is asked to open nothing."""
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
        self._lock_file = paths.data / "window.lock"
        self._held = contextlib.ExitStack()
        self._claimed = False

    def claim(self) -> bool:
        """Become the window that things are passed to; False where there is one already.

        False also where there can be no lock, as on some network drives: each window is then on
        its own.
        """
        if self._claimed:
            return True
        import filelock  # takes a while

        try:
            self._lock_file.parent.mkdir(parents=True, exist_ok=True)
            self._held.enter_context(filelock.FileLock(self._lock_file, timeout=0))
            self.folder.mkdir(parents=True, exist_ok=True)
        except filelock.Timeout:
            return False
        except (OSError, NotImplementedError) as error:
            log.info("links go to the window that they start: %s", error)
            return False
        self._claimed = True
        return True

    def is_taken(self) -> bool:
        """Whether another window is there to pass things to; if not, this start becomes it.

        Where no window can be there, nothing is locked yet: that takes a while, and this is asked
        before the window is shown.
        """
        return self.folder.is_dir() and not self.claim()

    def pass_on(self, texts: list[str]) -> bool:
        """Leave things to open for the window that is open. False if there is none to take them."""
        if not self.folder.is_dir():
            return False
        _let_others_come_to_the_front()
        for text in texts:
            name = f"{time.time_ns():020}-{uuid.uuid4().hex[:8]}.txt"
            try:
                write_atomically(self.folder / name, text.encode("utf-8", "replace"))
            except StorageError as error:
                log.warning("%s", error)
                return False
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
        if self._claimed:
            with contextlib.suppress(OSError):  # not empty: the next window takes what is there
                self.folder.rmdir()
        self._held.close()
        self._claimed = False


def _let_others_come_to_the_front() -> None:
    """Pass on the right to do so, which Windows gives to what a person has just started.

    Else the window that is open already would only blink in the task bar.
    """
    if sys.platform == "win32":
        import ctypes

        any_process = 0xFFFF_FFFF  # ASFW_ANY
        ctypes.windll.user32.AllowSetForegroundWindow(any_process)
