"""Corral as `install.sh` of the archive puts it into somebody's home."""

import json
import os
import subprocess
import tempfile
from pathlib import Path

import psutil
from x_display import wait_for


class Home:
    """A home with Corral in its ~/.local."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.data = folder / ".local" / "share" / "Corral"
        self._environment = {
            "HOME": str(folder),
            "PATH": os.defpath,
            "LANG": "C.UTF-8",
            **environment,
        }
        self._started: list[subprocess.Popen[bytes]] = []

    def install(self, archive: Path) -> None:
        """Unpack the archive and run what lies in it."""
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["tar", "-xf", archive, "-C", folder], check=True)
            [root] = Path(folder).iterdir()
            subprocess.run(
                ["sh", root / "install.sh"],
                check=True,
                env=self._environment,
                stdout=subprocess.DEVNULL,
            )

    def start(self, *words: str | Path) -> None:
        """Start the program as a menu does: nobody waits for it."""
        log = self.folder / "session.log"
        with log.open("a", encoding="utf-8") as output:
            program = subprocess.Popen(
                [self.folder / ".local" / "bin" / "corral", *words],
                env=self._environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._started.append(program)

    def says(self, *words: str) -> str:
        """What the installed command prints."""
        command = [str(self.folder / ".local" / "bin" / "corral"), *words]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=self._environment
        )
        return done.stdout

    def processes(self) -> list[psutil.Process]:
        """What runs of the installed program."""
        for each in self._started:
            each.poll()  # what has ended is not there any more then
        inside = f"{self.folder}/.local/lib/corral/"
        return [
            each
            for each in psutil.process_iter(["exe"])
            if (each.info["exe"] or "").startswith(inside)
        ]

    def running(self) -> tuple[int, str]:
        """Process and version of the window, as it tells commands; (0, "") where there is none."""
        try:
            told = json.loads((self.data / "running.json").read_bytes())
        except FileNotFoundError:
            return 0, ""
        return (told["pid"], told["version"]) if psutil.pid_exists(told["pid"]) else (0, "")


def wait_for_end(home: Home) -> str:
    """Wait until nothing of it runs; answers what does after all."""
    try:
        wait_for(lambda: not home.processes(), "the end of its processes", 30)
    except TimeoutError:
        return "\n".join(" ".join(each.cmdline()) for each in home.processes())
    return ""
