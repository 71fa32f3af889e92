"""Files with holes on Windows: a write far behind the end must not fill the gap with zeros.

NTFS does that for every file that is not marked as sparse, so a connection that begins a block
would first wait for all bytes before it to be written twice. Elsewhere holes need no asking.
Source: Microsoft Learn, "FSCTL_SET_SPARSE" and "Sparse File Operations".
"""

import logging
import sys
from collections.abc import Callable

log = logging.getLogger(__name__)

FSCTL_SET_SPARSE = 0x000900C4

Control = Callable[[int, int], bool]
"""Sends a control code (second) to a file by its descriptor (first); False if it was refused."""


def mark_sparse(descriptor: int, control: Control | None = None) -> bool:
    """Mark an open file as sparse, where that is needed. Answers whether holes cost nothing.

    A file system without such files (FAT, a network share) refuses; writing works all the same.
    """
    control = control or _system_control()
    if control is None:
        return True
    if not control(descriptor, FSCTL_SET_SPARSE):
        log.info("this file system has no sparse files; gaps are filled with zeros")
        return False
    return True


def _system_control() -> Control | None:
    """`DeviceIoControl` on Windows, None on systems that need none."""
    if sys.platform != "win32":
        return None
    import ctypes
    import msvcrt
    from ctypes import wintypes

    device_io_control = ctypes.WinDLL("kernel32", use_last_error=True).DeviceIoControl
    device_io_control.restype = wintypes.BOOL

    def control(descriptor: int, code: int) -> bool:
        handle = wintypes.HANDLE(msvcrt.get_osfhandle(descriptor))
        returned = wintypes.DWORD()
        nothing = ctypes.c_void_p()
        done = device_io_control(
            handle, wintypes.DWORD(code), nothing, 0, nothing, 0, ctypes.byref(returned), nothing
        )
        return bool(done)

    return control
