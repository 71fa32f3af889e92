"""A person's way with the Debian package, on a system that has nothing: install to purge.

    python packaging/linux/chroot_journey.py [PACKAGE] [--newer PACKAGE] [--model FILE]
        [--system debian|trixie|jammy|noble]...

Without PACKAGE it is made of the frozen folder, and so is the newer one, as its second revision.
The system is made by debootstrap in a folder. The screen lies outside of it, so that nothing a
window needs gets there but through the package. Prints one line for each thing that was looked at,
and leaves screenshots in build/journey. Needs root, debootstrap, Xvfb and xdotool.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import deb
import release
import system_libraries
import verify
from clean_system import SYSTEMS, clean_system
from journeys import Checks, kept_answers
from x_display import Display, wait_for

sys.path.insert(0, str(release.ROOT))
from tests.packaging.debian import PERSON, Machine

HOME = f"/home/{PERSON}"
DATA = f"{HOME}/.local/share/Corral"
MODEL = f"{HOME}/Models of mine/SmolLM2-135M-Instruct-Q4_1.gguf"
DESKTOP = f"/usr/share/applications/{release.APP_ID}.desktop"
QUESTION = "What is the capital of France?"
DESKTOP_PACKAGES = (
    *("xdg-utils", "hicolor-icon-theme", "shared-mime-info", "desktop-file-utils"),
    "libglib2.0-bin",  # `gio launch` and `gio open` do what a desktop's file manager does
)


class Journey(Checks):
    """Goes the whole way on one system and notes what came of each step."""

    def __init__(self, machine: Machine, display: Display, shots: Path) -> None:
        super().__init__()
        self.machine = machine
        self.display = display
        self.shots = shots
        self.first_answer = ""

    def says(self, *command: str, user: str = PERSON) -> str:
        """What a command inside prints."""
        return self.machine.run(*command, user=user, timeout=300).stdout.strip()

    def root(self, *command: str) -> None:
        """A command of the administrator, which has to work."""
        done = self.machine.run(*command, timeout=1200)
        if done.returncode:
            raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}")

    # The way

    def go(self, package: Path, newer: Path, model: Path) -> None:
        self.install(package, model)
        self.first_start()
        self.upgrade(newer)
        self.remove(newer)

    def install(self, package: Path, model: Path) -> None:
        self.root("apt-get", "update", "-qq")
        started = time.monotonic()
        self.apt_install(package, "--no-install-recommends")
        seconds = time.monotonic() - started
        self.check(f"apt installs the package and what it depends on ({seconds:.0f} s)", True)
        self.check("dpkg finds every file unchanged", not self.says("dpkg", "--verify", "corral"))
        version = self.says("corral", "--version")
        self.check("the command line answers", version.startswith("corral "), version)
        missing = self.missing_libraries()
        self.check("ldd finds every library of every file", not missing, missing)
        smoke = self.machine.run(
            "corral", "--smoke-test", user=PERSON, variables=self.on_display(), timeout=180
        )
        self.check("every page of the window opens", smoke.returncode == 0, smoke.stdout)
        for path in (
            "/usr/share/man/man1/corral.1.gz",
            "/usr/share/bash-completion/completions/corral",
            "/usr/share/zsh/vendor-completions/_corral",
            "/usr/share/fish/vendor_completions.d/corral.fish",
            f"/usr/share/icons/hicolor/48x48/apps/{release.APP_ID}.png",
            f"/usr/share/metainfo/{release.APP_ID}.metainfo.xml",
            "/usr/share/doc/corral/copyright",
        ):
            there = self.machine.at(path).exists()
            self.check(f"there is {path}", there)
        self.root("apt-get", "install", "-y", "-qq", "--no-install-recommends", *DESKTOP_PACKAGES)
        self.machine.at(MODEL).parent.mkdir(parents=True)
        shutil.copyfile(model, self.machine.at(MODEL))
        self.root("chown", "-R", PERSON, HOME)
        answer = self.says("xdg-mime", "query", "default", "x-scheme-handler/corral")
        self.check(
            "corral:// links are opened by it", answer == f"{release.APP_ID}.desktop", answer
        )
        answer = self.says("gio", "info", "-a", "standard::content-type", MODEL)
        self.check("a .gguf file is a language model", "application/x-gguf" in answer, answer)

    def first_start(self) -> None:
        with self.session() as shell:
            window = self.start(shell)
            self.shoot("1-first-start")
            before = self.display.picture()
            shell.write(f'gio open "{MODEL}" &\n')
            shell.flush()
            self.display.wait_for_change(before)
            self.shoot("2-file-opened-from-the-desktop")
            self.display.focus(window)
            before = self.display.picture()
            self.display.keys("Tab", "Return")
            self.display.wait_for_change(before)
            self.shoot("3-my-models")
            said = self.says("corral", "ls")
            self.check("a double-click on a model file adds it", "SmolLM2" in said, said)
            self.display.keys("ctrl+n")
            self.display.wait_until_still()
            self.display.write(QUESTION)
            self.display.keys("Return")
            self.wait_for_answers(1)
            self.display.wait_until_still()
            self.shoot("4-first-chat")
            # What so small a model says is a matter of luck.
            [self.first_answer] = self.answers()
            answered = bool(self.first_answer.strip())
            self.check("the starter model answers in the window", answered, self.first_answer)
            before = self.display.picture()
            shell.write("gio open corral://model/owner/name &\n")
            shell.flush()
            self.display.wait_for_change(before)
            self.shoot("5-link")
            self.check("a corral:// link asks in the window that is open", True)
            self.display.keys("Escape")
            self.quit(window)
        processes = self.processes()
        self.check("after it is closed nothing goes on running", not processes, processes)

    def upgrade(self, newer: Path) -> None:
        before = self.says("dpkg-query", "-W", "-f", "${Version}", "corral")
        self.apt_install(newer)
        after = self.says("dpkg-query", "-W", "-f", "${Version}", "corral")
        newer_now = self.machine.run("dpkg", "--compare-versions", after, "gt", before)
        self.check(f"it is upgraded from {before} to {after}", newer_now.returncode == 0)
        answers = self.answers()
        self.check("the chat is kept", answers == [self.first_answer], "\n".join(answers))
        with self.session() as shell:
            window = self.start(shell)
            self.shoot("6-after-the-upgrade")
            # The last chat is open: a second question goes into it.
            self.display.write(QUESTION)
            self.display.keys("Return")
            self.wait_for_answers(2)
            self.display.wait_until_still()
            self.shoot("7-chat-goes-on")
            self.check("the kept chat goes on with the kept model", len(self.answers()) == 2)
            self.quit(window)

    def remove(self, package: Path) -> None:
        self.root("apt-get", "remove", "-y", "-qq", "corral")
        left = self.says(
            *("find", "/", "-xdev", "-iname", "*corral*", "-not", "-path", f"{HOME}/*"),
            *("-not", "-path", "/proc/*", "-not", "-path", "/var/lib/dpkg/*"),
            *("-not", "-path", "/tmp/*", "-not", "-path", "/var/cache/*"),
            user="root",
        )
        self.check("removed, nothing of it is left outside the home", not left, left)
        answer = self.says("xdg-mime", "query", "default", "x-scheme-handler/corral")
        self.check("links are no longer opened by it", not answer, answer)
        self.apt_install(package)
        self.root("apt-get", "purge", "-y", "-qq", "corral")
        known = self.machine.run("dpkg", "-s", "corral")
        self.check("purged, dpkg does not know it any more", known.returncode != 0, known.stdout)
        self.check("the person's data is still theirs", len(self.answers()) == 2)

    # Its parts

    def apt_install(self, package: Path, *options: str) -> None:
        shutil.copyfile(package, self.machine.at(f"/tmp/{package.name}"))
        self.root("apt-get", "install", "-y", "-qq", *options, f"/tmp/{package.name}")

    def missing_libraries(self) -> str:
        """Lines of ldd that say of a library that it is not there.

        Engines are left out: their libraries find each other because they are loaded in order.
        """
        folder = "/usr/lib/corral"
        inside = [
            f"/{path.relative_to(self.machine.root)}"
            for path in system_libraries.elf_files(self.machine.at(f"{folder}/_internal"))
        ]
        own = f"{folder}/_internal:{folder}/_internal/PySide6/Qt/lib"
        variables = {"LD_LIBRARY_PATH": own}
        done = self.machine.run("ldd", *inside, user=PERSON, variables=variables)
        return "\n".join({line.strip() for line in done.stdout.splitlines() if "not found" in line})

    def on_display(self) -> dict[str, str]:
        return {"DISPLAY": self.display.name}

    @contextmanager
    def session(self) -> Iterator[IO[str]]:
        """A shell of the person that lives as long as the block; what it started ends with it."""
        command = self.machine.enter("sh", user=PERSON, folder=HOME, variables=self.on_display())
        log = (self.shots / "session.log").open("a", encoding="utf-8")
        with (
            log,
            subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, text=True
            ) as shell,
        ):
            assert shell.stdin is not None
            yield shell.stdin

    def start(self, shell: IO[str]) -> str:
        """Start from the menu entry; answers the window once it is painted."""
        empty = self.display.picture()
        shell.write(f"gio launch {DESKTOP} &\n")
        shell.flush()
        window = self.display.window("corral")
        self.display.wait_for_change(empty)
        self.display.wait_until_still()
        self.check("it starts from its desktop file", True)
        self.display.focus(window)
        return window

    def quit(self, window: str) -> None:
        self.display.focus(window)
        self.display.keys("ctrl+q")
        wait_for(lambda: not self.display.has_window("corral"), "the end of the window", 30)

    def shoot(self, name: str) -> None:
        self.display.wait_until_still()
        self.display.shoot(self.shots / f"{name}.png")

    def answers(self) -> list[str]:
        """What models have written, as it lies on the disk."""
        return kept_answers(self.machine.at(DATA))

    def wait_for_answers(self, number: int) -> None:
        wait_for(lambda: len(self.answers()) >= number, f"answer {number}", 120)

    def processes(self) -> str:
        """Processes of the installed program that still run."""
        done = subprocess.run(
            ["pgrep", "-a", "-f", "^/usr/lib/corral/"], capture_output=True, text=True, check=False
        )
        return done.stdout


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("package", type=Path, nargs="?")
    parser.add_argument("--newer", type=Path)
    parser.add_argument("--model", type=Path, default=verify.starter_model())
    parser.add_argument("--system", choices=SYSTEMS, action="append")
    parser.add_argument("--base", type=Path, default=release.ROOT / "build")
    arguments = parser.parse_args()
    if arguments.model is None:
        parser.error(f"--model is needed where {verify.STARTER_PACKAGE} is not installed")
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        packages = [
            given or deb.build(release.FROZEN, Path(folder), revision, "zstd")
            for given, revision in ((arguments.package, "1"), (arguments.newer, "2"))
        ]
        for system in arguments.system or ["debian"]:
            failed += try_out(system, (packages[0], packages[1]), arguments.model, arguments.base)
    return 1 if failed else 0


def try_out(system: str, packages: tuple[Path, Path], model: Path, base: Path) -> int:
    """Go the whole way on one kind of system, with a package and a newer one; count what failed.

    `base` is where clean systems are kept for the next time.
    """
    shots = release.ROOT / "build" / "journey" / system
    shutil.rmtree(shots, ignore_errors=True)
    shots.mkdir(parents=True)
    with clean_system(system, base) as machine, Display() as display:
        journey = Journey(machine, display, shots)
        try:
            journey.go(*packages, model)
        except TimeoutError as error:
            journey.shoot("at-the-failure")
            journey.check("it goes on", False, str(error))
    print(f"{system}: {'failed' if journey.failed else 'all passed'}; pictures: {shots}")
    return journey.failed


if __name__ == "__main__":
    sys.exit(main())
