"""A Windows to try the installer on: a fresh one in Wine, or, on Windows, the account itself."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import wine
import wine_additions

HOME_VARIABLE = "CORRAL_HOME"
"""Where whoever tries has told Corral to keep its data."""
START_MENU = Path("AppData/Roaming/Microsoft/Windows/Start Menu/Programs")


class WindowsMachine:
    """One person's Windows. Programs of it are run, its files and registry are looked at."""

    def __init__(self, folder: Path, display: str = "") -> None:
        """`folder` is empty; in it Wine makes its Windows, shown on `display`, an X screen.

        Raises:
            NoWine: this is not Windows, and there is no Wine.
            NoCompiler, CalledProcessError: what Wine lacks cannot be compiled.
        """
        self._folder = folder
        if sys.platform == "win32":
            self.environment = _without_own_home(os.environ)
            self.home = Path.home()
            self.desktop = self.home / "Desktop"
            return
        self.environment = _without_own_home(wine.wine_variables(folder, display))
        self.run("wineboot", "-i")
        self.run("winecfg", "-v", "win10")
        drive = folder / "prefix" / "drive_c"
        wine_additions.build(drive / "windows" / "system32")
        users = drive / "users"
        (self.home,) = (path for path in users.iterdir() if path.name != "Public")
        self.desktop = self.home / "Desktop"

    @property
    def local(self) -> Path:
        """%LOCALAPPDATA%."""
        return self.home / "AppData" / "Local"

    @property
    def program(self) -> Path:
        """Where the program is installed."""
        return self.local / "Programs" / "Corral"

    @property
    def data(self) -> Path:
        """Where it keeps its data."""
        return self.local / "Corral"

    @property
    def start_menu(self) -> Path:
        """The person's own part of the Start menu."""
        return self.home / START_MENU

    def path_of(self, file: Path) -> str:
        """How Windows names a file of this machine."""
        if sys.platform == "win32":
            return str(file)
        inside = file.relative_to(self._folder / "prefix" / "drive_c")
        return "C:\\" + str(inside).replace("/", "\\")

    def run(
        self, program: Path | str, *words: str, timeout: float = 600
    ) -> subprocess.CompletedProcess[str]:
        """Run a program until it ends; what it says comes back as one text."""
        command = [*wine.windows_command(program), *words]
        return wine.run(command, environment=self.environment, timeout=timeout, folder=self._folder)

    def start(self, program: Path, *words: str) -> "subprocess.Popen[str]":
        """Start a program that goes on until its input ends."""
        return subprocess.Popen(
            [*wine.windows_command(program), *words],
            env=self.environment,
            cwd=self._folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
        )

    def registered(self, key: str, name: str | None = None) -> str | None:
        """A value below HKEY_CURRENT_USER, as text; "" is the value without a name of a key.

        With `name` None: "" if the key is there. None where there is none.
        """
        which = [] if name is None else (["/v", name] if name else ["/ve"])
        done = self.run("reg", "query", f"HKCU\\{key}", *which)
        if done.returncode:
            return None
        if name is None:
            return ""
        found = re.search(r"^    .*?    REG_\w+(?:    (.*?))?\r?$", done.stdout, re.MULTILINE)
        return (found[1] or "").strip() if found else None

    def register(self, key: str, name: str, value: str) -> None:
        """Set a value below HKEY_CURRENT_USER."""
        which = ["/v", name] if name else ["/ve"]
        self.run("reg", "add", f"HKCU\\{key}", *which, "/d", value, "/f")

    def uninstall(self, program: Path) -> subprocess.CompletedProcess[str]:
        """Remove Corral. Else the uninstaller would start a copy of itself and end before it."""
        with tempfile.TemporaryDirectory() as name:
            copy = Path(name) / "uninstall-corral.exe"
            shutil.copy(program / copy.name, copy)
            return self.run(copy, "/S", f"_?={self.path_of(program)}")

    def close(self) -> None:
        """End what Wine left running."""
        if sys.platform != "win32":
            self.run("wineboot", "-k")


def _without_own_home(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name != HOME_VARIABLE}
