"""The newer version of the Debian package where nothing can become the administrator."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from person import Person

from tests.packaging.debian import PERSON, Machine


class DebianJourney(Person):
    """On a system with apt and nothing else: no pkexec, and at first nothing that opens files."""

    def go(self, machine: Machine, package: Path, newer: str) -> None:
        self.machine = machine
        self.apt_install(package)
        with self.session() as shell:
            shell.write("corral &\n")
            shell.flush()
            self.look_at_window()
            self.press("Settings")
            self.press("Updates")
            self.press("Look now")
            self.read(f"Corral {newer} is there")
            self.shoot("1-offered")

    def apt_install(self, package: Path) -> None:
        """As the administrator, without what is only recommended."""
        shutil.copyfile(package, self.machine.at(f"/tmp/{package.name}"))
        for words in (
            ("update", "-qq"),
            ("install", "-y", "-qq", "--no-install-recommends", f"/tmp/{package.name}"),
        ):
            done = self.machine.run("apt-get", *words, timeout=1200)
            if done.returncode:
                raise SystemExit(f"apt-get {' '.join(words)} failed:\n{done.stdout}")

    @contextmanager
    def session(self) -> Iterator[IO[str]]:
        """A shell of the person that lives as long as the block; what it started ends with it."""
        command = self.machine.enter(
            "sh", user=PERSON, folder=f"/home/{PERSON}", variables=self.environment
        )
        self.shots.mkdir(parents=True, exist_ok=True)
        with (
            (self.shots / "session.log").open("a", encoding="utf-8") as log,
            subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, text=True
            ) as shell,
        ):
            assert shell.stdin is not None
            yield shell.stdin
