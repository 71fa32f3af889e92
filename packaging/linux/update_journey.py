"""A person's way to a newer version and back, clicked through in installed windows.

    python packaging/linux/update_journey.py [--form archive|deb]... [--newer CHECKOUT]
        [--model FILE] [--base FOLDER]

Two versions are packed that look for newer ones on a local server (update_builds.py); CHECKOUT is
one of the newer that was frozen before. The archive is installed in a home made for it. With
`deb`, which needs root, the package is installed on an empty Debian that has no pkexec. The window
is read and pressed by AT-SPI and xdotool. Prints one line for each thing that was looked at, and
leaves screenshots in build/update-journey. Needs Xvfb, xdotool, dbus-daemon and zstd.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from math import inf
from pathlib import Path

import psutil
import release
import update_builds
import verify
from accessible import AccessibilityBus
from clean_system import clean_system
from home_install import Home, wait_for_end
from journeys import kept_answers
from person import Person
from update_journey_deb import DebianJourney
from x_display import Display, wait_for

sys.path.insert(0, str(release.ROOT))
from app.core.update_manifest import Release
from tests.core.broken_gguf import tiny_model
from tests.hub.faults import Allowance
from tests.hub.server import LocalHub
from tests.updates.update_server import UpdateServer

SHOTS = release.ROOT / "build" / "update-journey"
QUESTION = "What is the capital of France?"
LONG_TASK = "Write a very long story about a fox and a river. Do not stop."
LONG = "600"
"""Tokens of an answer at most: some seconds on any computer, and it does end."""
MODEL = "maker/Tiny-1B-GGUF"
MODEL_FILE = "Tiny-1B-Q4_K_M.gguf"
END_SECONDS = 2.0
"""A window that is asked to end may take so long."""


class ArchiveJourney(Person):
    """From the first start to the newer version, back, and to what is refused."""

    def go(
        self,
        home: Home,
        server: UpdateServer,
        hub: LocalHub,
        releases: Sequence[Release],
        model: Path,
    ) -> None:
        """`releases`: the older, the newer, and one that is never installed."""
        self.home = home
        self.server = server
        self.hub = hub
        self.older, self.newer, self.refused = releases
        self.first_start(model)
        self.agree()
        self.download()
        self.wait_for_the_answer()
        self.restart_into_the_newer()
        self.go_back()
        self.wait_for_the_download()
        self.refuse()
        self.end_by_signal()
        left = wait_for_end(home)
        self.check("after it has ended nothing goes on running", not left, left)

    def begin(self, *words: str | Path) -> None:
        """Start it and wait for its window."""
        self.home.start(*words)
        self.look_at_window()
        wait_for(lambda: self.home.running()[0], "the running program", 30)

    def quit(self) -> None:
        self.display.keys("ctrl+q")
        wait_for(lambda: not self.display.has_window("corral"), "the end of the window", 30)
        wait_for_end(self.home)

    def answers(self) -> list[str]:
        return kept_answers(self.home.data)

    def wait_for_answers(self, number: int, seconds: float = 120) -> None:
        wait_for(lambda: len(self.answers()) >= number, f"answer {number}", seconds)

    def runs(self, version: str) -> bool:
        return self.home.running()[1] == version

    def wait_for_version(self, version: str) -> None:
        """Wait until another version has come by itself, and look at its window."""
        wait_for(lambda: self.runs(version), f"Corral {version}", 120)
        self.look_at_window()
        self.read(f"This is Corral {version} now")

    def updates_page(self) -> None:
        self.press("Settings")
        self.press("Updates")
        self.read("Look for new versions")

    # The way

    def first_start(self, model: Path) -> None:
        self.begin()
        self.read("Welcome to Corral")
        self.check("the first page welcomes", True)
        self.check("the older version runs", self.runs(self.older.version))
        self.shoot("01-first-page")
        self.home.start(model)
        self.press("Use it")
        self.display.keys("ctrl+n")
        self.press("Max tokens")
        self.display.keys("ctrl+a")
        self.write(LONG)
        self.display.keys("ctrl+n")
        self.display.wait_until_still()
        self.write(QUESTION)
        self.wait_for_answers(1)
        self.check("the starter model answers", self.answers()[0].strip())
        self.shoot("02-chat")
        asked = [each.path for each in self.server.log.entries()]
        self.check("until now nobody was asked for a newer version", not asked, str(asked))
        self.quit()

    def agree(self) -> None:
        self.server.announce(self.newer, serial=1, previous=self.older)
        self.begin()
        self.read("May Corral look for a new version of itself once a day?", 30)
        self.check("at the second start it asks whether it may look", True)
        self.check("before the answer nothing was asked", not self.server.log.entries())
        self.shoot("03-question")
        self.press("Yes, look")
        self.read(f"Corral {self.newer.version} is there")
        self.check("the newer version is offered above the pages", True)
        self.shoot("04-offer")
        self.press("What is new")
        self.read(f"What is new in {self.newer.version}")
        self.read("a third sooner")
        self.check("the window shows what is new", True)
        self.shoot("05-what-is-new")

    def download(self) -> None:
        path, allowance = f"/corral-{self.newer.version}.tar", Allowance()
        self.server.fault(path, origin="cdn", allowance=allowance)
        allowance.grant(len(self.server.packages[path]) // 3)
        self.press("Download")
        self.read("Downloading, ")
        self.shoot("06-download")
        allowance.grant(inf)
        self.read("Downloaded and checked.")
        self.check("it downloads, and says that it has checked", True)
        self.shoot("07-downloaded")

    def wait_for_the_answer(self) -> None:
        self.press("Chat")
        self.display.wait_until_still()
        self.write(LONG_TASK)
        wait_for(lambda: kept_answers(self.home.data, "streaming"), "the begin of an answer", 60)
        self.updates_page()
        self.read("so it waits for Corral’s end")
        self.press("Install at the end")
        self.read("It is installed when Corral ends")
        begun = bool(kept_answers(self.home.data, "streaming"))
        self.check("chosen while an answer is written, it waits", begun, "the answer had ended")
        self.shoot("08-waits-for-the-answer")
        self.wait_for_answers(2, 300)
        self.check("the answer is written to its end", len(self.answers()) == 2)
        self.check("the window is still the older version", self.runs(self.older.version))

    def restart_into_the_newer(self) -> None:
        self.read("Install and restart")
        self.shoot("09-answer-is-there")
        self.press("Install and restart")
        self.wait_for_version(self.newer.version)
        self.check("it ends, installs and starts again as the newer version by itself", True)
        said = self.home.says("--version")
        self.check("the installed command is the newer one", self.newer.version in said, said)
        self.shoot("10-newer-version")
        self.goes_on(3)
        self.shoot("11-chat-goes-on")

    def goes_on(self, number: int) -> None:
        """One more question in the chat that was kept."""
        self.press("Chat")
        self.display.wait_until_still()
        self.write(QUESTION)
        self.wait_for_answers(number)
        self.check("the chat is still there and goes on", len(self.answers()) == number)

    def go_back(self) -> None:
        self.updates_page()
        self.read("This is the newest version")
        self.shoot("12-newest")
        self.press("Go back…")
        self.read(f"Go back to Corral {self.older.version}?")
        self.shoot("13-go-back")
        self.press("Go back")
        self.wait_for_version(self.older.version)
        self.check("by the button it goes back one version", True)
        self.goes_on(4)
        self.updates_page()
        self.shoot("14-back")

    def wait_for_the_download(self) -> None:
        """Of a model: installed when the person ends Corral, and it goes on afterwards."""
        allowance = Allowance()
        self.hub.fault(MODEL_FILE, origin="cdn", allowance=allowance)
        self.home.start(f"corral://model/{MODEL}")
        self.press(self.read("Download 8"))  # kilobytes follow
        self.updates_page()
        self.press("Install at the end")
        self.read("It is installed when Corral ends")
        self.display.keys("ctrl+q")
        self.read("1 download is running. It goes on at the next start.")
        self.shoot("15-a-model-is-on-its-way")
        self.press("Quit")
        wait_for(lambda: not self.display.has_window("corral"), "the end of the window", 30)
        wait_for(lambda: self.newer.version in self.home.says("--version"), "the newer one", 60)
        wait_for_end(self.home)
        self.check("chosen while a model is on its way, it is installed at the end", True)
        self.begin()
        self.check("and the next start is the newer version", self.runs(self.newer.version))
        allowance.grant(inf)
        file = self.home.data / "models" / MODEL / MODEL_FILE
        wait_for(file.exists, "the model", 60)
        self.check("the download of the model went on", file.exists())

    def refuse(self) -> None:
        self.press("Settings")
        self.press("General")
        self.press("Dark")
        self.updates_page()
        self.server.announce(self.refused, serial=2, previous=self.older)
        self.server.tamper(self.refused.version, "9.9.9")
        self.press("Look now")
        words = self.read("The list of new versions is not from Corral")
        self.check("a changed list is refused", "nothing in it was used" in words, words)
        self.check("what it named is not shown", self.see("9.9.9") is None)
        self.shoot("16-changed-list")
        self.server.announce(self.refused, serial=2, previous=self.older)
        path = f"/corral-{self.refused.version}.tar"
        data = self.server.packages[path]
        self.server.packages[path] = bytes(byte ^ 0x20 for byte in data[:64]) + data[64:]
        self.press("Look now")
        self.read(f"Corral {self.refused.version} is there")
        self.press("Download")
        words = self.read("did not arrive as its makers signed it")
        self.check("a changed package is refused", "was not run" in words, words)
        packages = self.home.data / "program-updates"
        kept = [each.name for each in packages.glob(f"*{self.refused.version}*")]
        self.check("nothing of it is left", not kept, str(kept))
        self.shoot("17-changed-package")
        self.check("the version that runs stays", self.runs(self.newer.version))
        self.quit()

    def end_by_signal(self) -> None:
        """Logging out and `kill` send SIGTERM."""
        self.begin()
        seconds = self.seconds_to_end()
        self.check(f"asked to end while idle, it takes {seconds:.1f} s", seconds < END_SECONDS)
        self.begin()
        self.press("Chat")
        self.display.wait_until_still()
        self.write(LONG_TASK)
        wait_for(lambda: kept_answers(self.home.data, "streaming"), "the begin of an answer", 60)
        seconds = self.seconds_to_end()
        self.check(f"asked to end while it answers, it takes {seconds:.1f} s", seconds < 5)
        kept = kept_answers(self.home.data, "interrupted")
        self.check("what was written of the answer is kept", kept)

    def seconds_to_end(self) -> float:
        window = psutil.Process(self.home.running()[0])
        begin = time.monotonic()
        window.terminate()
        window.wait(60)
        return time.monotonic() - begin


def try_archive(server: UpdateServer, checkouts: Sequence[Path], model: Path, work: Path) -> int:
    """The whole way with the archive; counts what failed."""
    versions = [release.version(), update_builds.later(release.version())]
    archives = [update_builds.pack(each, server, "tar", work) for each in checkouts]
    releases = [
        update_builds.described(server, version, "tar", archive)
        for version, archive in zip(versions, archives, strict=True)
    ]
    never = update_builds.later(release.version(), 2)
    releases.append(update_builds.described(server, never, "tar", archives[1]))
    folder = work / "home of somebody"
    folder.mkdir()
    with LocalHub() as hub, Display() as display, AccessibilityBus() as bus:
        hub.add(MODEL, {MODEL_FILE: tiny_model().data()}, tags=["gguf"])
        journey = ArchiveJourney(display, bus, SHOTS / "archive")
        home = Home(folder, {**journey.environment, "HF_ENDPOINT": hub.url})
        home.install(archives[0])
        try:
            journey.go(home, server, hub, releases, model)
        except TimeoutError as error:
            journey.fail(error)
        finally:
            for process in home.processes():
                process.kill()
    return journey.failed


def try_deb(server: UpdateServer, checkouts: Sequence[Path], base: Path, work: Path) -> int:
    """The Debian package where nothing can become the administrator; counts what failed."""
    packages = [update_builds.pack(each, server, "deb", work) for each in checkouts]
    newer = update_builds.later(release.version())
    server.announce(update_builds.described(server, newer, "deb", packages[1]))
    with clean_system("debian", base) as machine, Display() as display, AccessibilityBus() as bus:
        journey = DebianJourney(display, bus, SHOTS / "deb")
        journey.go(machine, packages[0], newer)
    return journey.failed


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--form", choices=("archive", "deb"), action="append")
    parser.add_argument("--newer", type=Path)
    parser.add_argument("--model", type=Path, default=verify.starter_model())
    parser.add_argument("--base", type=Path, default=release.ROOT / "build")
    arguments = parser.parse_args()
    if arguments.model is None:
        parser.error(f"--model is needed where {verify.STARTER_PACKAGE} is not installed")
    forms = arguments.form or ["archive"]
    for form in forms:
        shutil.rmtree(SHOTS / form, ignore_errors=True)
    failed = 0
    with tempfile.TemporaryDirectory(prefix="corral-updates-") as folder:
        work = Path(folder)
        newer = arguments.newer
        if newer is None:
            newer = work / "newer"
            update_builds.freeze_newer(newer, update_builds.later(release.version()))
        checkouts = (release.ROOT, newer)
        with UpdateServer(update_builds.make_keys(work / "keys")) as server:
            if "archive" in forms:
                failed += try_archive(server, checkouts, arguments.model, work)
        with UpdateServer(update_builds.make_keys(work / "other keys")) as server:
            if "deb" in forms:
                failed += try_deb(server, checkouts, arguments.base, work)
    print(f"{'failed' if failed else 'all passed'}; pictures: {SHOTS}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
