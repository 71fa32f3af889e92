"""How long nobody has used this computer, as far as it can be known without a further library."""

import ctypes
import math
import os
import sys
import time
from collections.abc import Callable, Mapping

Seconds = Callable[[], float]


class ComputerIdle:
    """Answers the seconds since the computer was used last: by its devices, or by an answer.

    Where the system tells of no input (Wayland tells no program), what counts instead is when a
    window of this program was in front last.
    """

    def __init__(
        self,
        answering: Seconds | None = None,
        *,
        system: Seconds | None = None,
        clock: Seconds = time.monotonic,
    ) -> None:
        """`answering` gives the seconds since a model worked last, 0 while one does.

        `system` is by default what `system_idle` finds.
        """
        self._answering = answering or (lambda: math.inf)
        self._system = system or system_idle()
        self._clock = clock
        self._left = clock()
        self._in_front = True

    @property
    def knows_input(self) -> bool:
        """Whether the system tells of keys and mouse in all programs."""
        return self._system is not None

    def set_in_front(self, in_front: bool) -> None:
        """A window of this program comes to the front, or another program's does."""
        self._in_front = in_front
        self._left = self._clock()

    def __call__(self) -> float:
        """Seconds; any thread may ask."""
        if self._system is not None:
            unused = self._system()
        else:
            unused = 0.0 if self._in_front else self._clock() - self._left
        return min(unused, self._answering())


def system_idle(env: Mapping[str, str] = os.environ) -> Seconds | None:
    """A function that answers the seconds since the last input, or None if nothing tells."""
    try:
        if sys.platform == "win32":
            return _windows()
        if sys.platform == "darwin":
            return _macos()
        # Under Wayland the X server sees only the input of its own programs.
        if env.get("DISPLAY") and not env.get("WAYLAND_DISPLAY"):
            return _x11()
    except (OSError, AttributeError):  # a library or a function that is not there
        return None
    return None


def _windows() -> Seconds:
    """Microsoft Learn, "GetLastInputInfo"."""

    class LastInput(ctypes.Structure):
        _fields_ = (("size", ctypes.c_uint32), ("time", ctypes.c_uint32))

    user = ctypes.CDLL("user32")
    kernel = ctypes.CDLL("kernel32")

    def seconds() -> float:
        last = LastInput(ctypes.sizeof(LastInput))
        if not user.GetLastInputInfo(ctypes.byref(last)):
            return 0.0
        # Both count milliseconds in 32 bits and begin anew after 49 days.
        return float((kernel.GetTickCount() - last.time) % (1 << 32)) / 1000

    return seconds


def _macos() -> Seconds:
    """Apple, "CGEventSourceSecondsSinceLastEventType"."""
    services = ctypes.CDLL(
        "/System/Library/Frameworks/ApplicationServices.framework/ApplicationServices"
    )
    ask = services.CGEventSourceSecondsSinceLastEventType
    ask.restype = ctypes.c_double
    ask.argtypes = (ctypes.c_int32, ctypes.c_uint32)
    hardware, any_input = 1, 0xFFFFFFFF
    return lambda: float(ask(hardware, any_input))


def _x11() -> Seconds | None:
    """The screen saver extension of X11: XScreenSaverQueryInfo(3)."""

    class Info(ctypes.Structure):
        _fields_ = (
            ("window", ctypes.c_ulong),
            ("state", ctypes.c_int),
            ("kind", ctypes.c_int),
            ("til_or_since", ctypes.c_ulong),
            ("idle", ctypes.c_ulong),
            ("event_mask", ctypes.c_ulong),
        )

    xlib, saver = ctypes.CDLL("libX11.so.6"), ctypes.CDLL("libXss.so.1")
    xlib.XOpenDisplay.restype = ctypes.c_void_p
    xlib.XDefaultRootWindow.argtypes = (ctypes.c_void_p,)
    xlib.XDefaultRootWindow.restype = ctypes.c_ulong
    xlib.XCloseDisplay.argtypes = (ctypes.c_void_p,)
    saver.XScreenSaverQueryInfo.argtypes = (ctypes.c_void_p, ctypes.c_ulong, ctypes.c_void_p)

    def milliseconds() -> int | None:
        """Over a connection of its own each time: one that is kept would have to be watched."""
        display = xlib.XOpenDisplay(None)
        if not display:
            return None
        try:
            info = Info()
            root = xlib.XDefaultRootWindow(display)
            told = saver.XScreenSaverQueryInfo(display, root, ctypes.byref(info))
            return int(info.idle) if told else None
        finally:
            xlib.XCloseDisplay(display)

    if milliseconds() is None:
        return None
    return lambda: (milliseconds() or 0) / 1000
