"""A screen of its own to try windows on: Xvfb, driven by xdotool, photographed by Qt."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self, TypeVar

T = TypeVar("T")
SIZE = "1440x900"
_SHOOT = """
import sys
from PySide6.QtGui import QGuiApplication
app = QGuiApplication(["shot"])
sys.exit(not app.primaryScreen().grabWindow(0).save(sys.argv[1]))
"""


_PASTE = """
import sys
from PySide6.QtGui import QGuiApplication
app = QGuiApplication(["paste"])
sys.stdout.write(app.clipboard().text())
"""


class Display:
    """A virtual screen; ends with the block it is used in."""

    def __init__(self) -> None:
        read, write = os.pipe()
        command = ["Xvfb", "-displayfd", str(write), "-screen", "0", f"{SIZE}x24"]
        command += ["-ac", "-nolisten", "tcp"]
        self._server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
        os.close(write)
        with os.fdopen(read) as numbers:
            self.name = f":{numbers.readline().strip()}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.terminate()
        self._server.wait(10)

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs to show its window here."""
        return {**os.environ, "DISPLAY": self.name, "QT_QPA_PLATFORM": "xcb"}

    def window(self, name: str, seconds: float = 60, pause: float = 0.2) -> str:
        """The number of the first visible window of the class `name`, once there is one.

        Raises TimeoutError.
        """
        found = wait_for(lambda: self._search(name).split(), f"a window of {name}", seconds, pause)
        return found[0]

    def has_window(self, name: str) -> bool:
        """Whether a window of the class `name` is visible."""
        return bool(self._search(name).strip())

    def _search(self, name: str) -> str:
        command = ["xdotool", "search", "--onlyvisible", "--class", name]
        return self._ask(command, check=False)

    def do(self, *words: str) -> str:
        """One command of xdotool."""
        return self._ask(["xdotool", *words], check=True)

    def focus(self, window: str) -> None:
        """Give a window the keyboard; there is no window manager that would."""
        self.do("windowfocus", "--sync", window)

    def keys(self, *keys: str) -> None:
        """Press keys, such as ctrl+n, one after the other."""
        self.do("key", "--delay", "60", *keys)

    def write(self, text: str) -> None:
        """Type a text."""
        self.do("type", "--delay", "25", text)

    def click(self, x: int, y: int) -> None:
        """Press and release the left button there."""
        self.do("mousemove", str(x), str(y), "click", "1")

    def shoot(self, file: Path) -> None:
        """Write the whole screen to a PNG file."""
        file.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-c", _SHOOT, str(file)]
        subprocess.run(command, env=self.environment, check=True)

    def clipboard(self) -> str:
        """The text that was copied last."""
        return self._ask([sys.executable, "-c", _PASTE], check=True)

    def picture(self) -> bytes:
        """What is on the screen, to compare it with."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "screen.png"
            self.shoot(file)
            return file.read_bytes()

    def wait_for_change(self, before: bytes, seconds: float = 60) -> None:
        """Wait until the screen looks different from then. Raises TimeoutError."""
        wait_for(lambda: self.picture() != before, "a change on the screen", seconds)

    def wait_until_still(self, seconds: float = 8) -> None:
        """Wait until the screen has settled, or is known to move all the time."""
        end = time.monotonic() + seconds
        before = self.picture()
        while time.monotonic() < end:
            time.sleep(0.5)
            now = self.picture()
            if now == before:
                return
            before = now

    def _ask(self, command: list[str], *, check: bool) -> str:
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=check
        )
        return done.stdout


def wait_for(ask: Callable[[], T | None], what: str, seconds: float, pause: float = 0.2) -> T:
    """What `ask` answers, once that is something; asked again each `pause`. Raises TimeoutError."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := ask():
            return answer
        time.sleep(pause)
    raise TimeoutError(f"{what} did not come within {seconds:.0f} seconds")
