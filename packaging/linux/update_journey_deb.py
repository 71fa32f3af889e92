"""The newer version of the Debian package on a system where nothing asks for the administrator."""

import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from person import Person
from x_display import wait_for

from tests.packaging.debian import PERSON, Machine

HOME = f"/home/{PERSON}"
OPENED = f"{HOME}/opened"
INSTALLER = f"""[Desktop Entry]
Type=Application
Name=Installer
Exec=/bin/sh -c 'echo "$1" >{OPENED}' installer %f
MimeType=application/vnd.debian.binary-package;
"""
"""Stands for what a desktop installs packages with: it notes which one it was given."""
ADMINISTRATOR = "Nothing here opens packages: end Corral, then type in a terminal: "


class DebianJourney(Person):
    """There is no pkexec; at first nothing opens files, then something does."""

    def go(self, machine: Machine, older: Path, newer: str) -> None:
        """`older` is a package; `newer` the version that the server has."""
        self.machine = machine
        self.newer = newer
        package = f"/tmp/{older.name}"
        shutil.copyfile(older, machine.at(package))
        self.root("apt-get update -qq")
        self.root(f"apt-get install -y -qq --no-install-recommends {package}")
        with self.session() as self.shell:
            try:
                self.type_the_command()
                self.give_it_an_installer(package)
                self.let_the_system_open_it()
            except TimeoutError as error:
                self.fail(error)

    def type_the_command(self) -> None:
        """Where nothing opens packages the window says what to type, and that works."""
        self.start()
        self.press("Look now")
        self.read(f"Corral {self.newer} is there")
        self.press("Download")
        words = self.read(ADMINISTRATOR)
        command = words.partition(ADMINISTRATOR)[2]
        self.check("without pkexec and xdg-open it says what to type", command, words)
        self.shoot("1-what-to-type")
        self.press("Copy command")
        copied = wait_for(self.display.clipboard, "something in the clipboard", 60)
        self.check("the command can be copied", copied == command, copied)
        self.quit()
        # Nobody has a password here, and there is no sudo: it is typed by the administrator.
        self.root(f"{command.removeprefix('sudo ')} -y")
        self.start()
        said = self.read("This is the newest version")
        self.check(f"typed, it installs Corral {self.newer}", self.installed() == self.newer)
        self.shoot("2-installed")
        self.check("the window says that it is the newest", said)
        self.quit()

    def give_it_an_installer(self, package: str) -> None:
        """What desktops have, and the older version again."""
        desktop = "xdg-utils shared-mime-info desktop-file-utils libglib2.0-bin"
        self.root(f"apt-get install -y -qq --no-install-recommends {desktop}")
        self.root(f"apt-get install -y -qq --allow-downgrades {package}")
        entry = self.machine.at("/usr/share/applications/installer.desktop")
        entry.write_text(INSTALLER, encoding="utf-8")
        self.root("update-desktop-database")

    def let_the_system_open_it(self) -> None:
        """Where something opens packages it is given this one, once Corral has ended."""
        self.start()
        self.read("The system’s installer opens when Corral has ended.")
        self.check("with an installer it says that this one opens", True)
        self.shoot("3-end-and-install")
        self.press("End and install")
        wait_for(lambda: not self.display.has_window("corral"), "the end of the window", 30)
        file = wait_for(self.opened, "the installer", 30)
        self.check("the installer is given the package", self.newer in file, file)
        self.start()
        words = self.read("was not installed")
        self.check("not installed after all, the next start says so", self.newer in words)
        self.shoot("4-not-installed")
        self.quit()

    # Its parts

    def start(self) -> None:
        """Start it and open the page of updates."""
        self.shell.write("corral &\n")
        self.shell.flush()
        self.look_at_window()
        self.press("Settings")
        self.press("Updates")

    def quit(self) -> None:
        self.display.keys("ctrl+q")
        wait_for(lambda: not self.display.has_window("corral"), "the end of the window", 30)

    def root(self, command: str) -> None:
        """A command of the administrator, which has to work."""
        done = self.machine.run(*shlex.split(command), timeout=1200)
        if done.returncode:
            raise SystemExit(f"{command} failed:\n{done.stdout}")

    def installed(self) -> str:
        """The version that dpkg knows, without its revision."""
        asked = self.machine.run("dpkg-query", "-W", "-f", "${Version}", "corral")
        return asked.stdout.partition("-")[0]

    def opened(self) -> str:
        """The file that the installer was given."""
        file = self.machine.at(OPENED)
        return file.read_text(encoding="utf-8") if file.exists() else ""

    @contextmanager
    def session(self) -> Iterator[IO[str]]:
        """A shell of the person that lives as long as the block; what it started ends with it."""
        variables = {**self.environment, "XDG_CURRENT_DESKTOP": "GNOME"}
        command = self.machine.enter("sh", user=PERSON, folder=HOME, variables=variables)
        self.shots.mkdir(parents=True, exist_ok=True)
        with (
            (self.shots / "session.log").open("a", encoding="utf-8") as log,
            subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, text=True
            ) as shell,
        ):
            assert shell.stdin is not None
            yield shell.stdin
