"""Locks between processes, which the system lets go when their process ends, however it ends.

POSIX: flock. Windows: a range of bytes of the file, of which an exclusive lock takes all and a
shared one takes one. It costs a start of the program next to nothing, unlike a library for it.
"""

import errno
import os
import sys
from pathlib import Path

_HELD = frozenset({errno.EACCES, errno.EAGAIN, errno.EDEADLK, 0})
"""What a lock answers that somebody else holds; 0 is what Wine's C library says of it."""
_RANGE = 1 << 20
"""Bytes of the file that stand for an exclusive lock on Windows; none of them is ever written."""


class ProcessLock:
    """One holder's view of a lock; `close` lets go. Not for several threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def take(self, *, shared: bool = False) -> bool:
        """Hold it: alone, or with others that share. False where others do not allow that.

        A lock that is held already is changed; where that is not allowed it is lost. Raises OSError
        where there can be no lock, as on some network drives.
        """
        if self._descriptor is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
            self._descriptor = os.open(self._path, flags, 0o600)
        else:
            self._let_go(self._descriptor)
        try:
            self._hold(self._descriptor, shared)
        except OSError as error:
            self.close()
            if error.errno in _HELD:
                return False
            raise
        return True

    def close(self) -> None:
        """Let go."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    if sys.platform == "win32":

        def _hold(self, descriptor: int, shared: bool) -> None:
            import msvcrt

            # Each process has a byte of its own for sharing; two with the same one are rare enough.
            self._place = 1 + os.getpid() % (_RANGE - 1) if shared else 0
            self._size = 1 if shared else _RANGE
            os.lseek(descriptor, self._place, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, self._size)

        def _let_go(self, descriptor: int) -> None:
            import msvcrt

            os.lseek(descriptor, self._place, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_UNLCK, self._size)

    else:

        def _hold(self, descriptor: int, shared: bool) -> None:
            import fcntl

            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)

        def _let_go(self, descriptor: int) -> None:
            """flock changes a lock by itself."""
