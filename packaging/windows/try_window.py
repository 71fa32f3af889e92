"""Use the window that Corral-Setup.exe installs, in a fresh Windows of Wine's on a virtual screen.

    python packaging/windows/try_window.py

Prints what held and what did not; the pictures lie in build/windows/window. Needs Xvfb and xdotool,
an installer with an engine inside, and the starter model's package.

Qt takes encodings from Windows' ICU; Wine 8 has none, and gets a library that knows none
(wine/icuuc.c). That Wine opens a file or a link with the program that one person has chosen for it
cannot be tried: it asks only what holds for all. The program that stands in the registry is started
with the file instead.
"""

import argparse
import json
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE / "steps"), str(HERE), str(ROOT / "packaging" / "linux"), str(ROOT)]

import fit_for_wine  # noqa: E402 - the folder of steps has to be found first
import psutil  # noqa: E402
import starter_model  # noqa: E402
from PySide6.QtGui import QImage  # noqa: E402
from windows_machine import WindowsMachine  # noqa: E402
from x_display import Display, wait_for  # noqa: E402

SETUP = ROOT / "dist" / "Corral-Setup.exe"
SHOTS = ROOT / "build" / "windows" / "window"
WINDOW = "corralw.exe"
QUESTION = "What is the capital of France?"
LONG_QUESTION = "Write a very long story about a fox, a crow and a cat."
LINK = "corral://model/owner/name"
OPEN_WITH = r"Software\Classes\Corral.gguf\shell\open\command"
COLOURS = r"HKCU\Software\Microsoft\Windows\CurrentVersion\Themes\Personalize"
PATIENCE = 240.0
"""Seconds that a start may take, where Wine shares few processors with others."""


class WindowTrial:
    """Goes through the steps and notes what held and what did not."""

    def __init__(self, machine: WindowsMachine, display: Display, model: Path) -> None:
        self.failed: list[str] = []
        self._machine = machine
        self._display = display
        self._program = machine.local / "Programs" / "Corral"
        self._data = machine.local / "Corral"
        self._model = machine.home / "Documents" / "Modèles à moi" / model.name
        self._model.parent.mkdir(parents=True)
        shutil.copy(model, self._model)

    def run(self, setup: Path) -> None:
        """All steps. Raises TimeoutError where the window does not go on."""
        self.installs(setup)
        self.opens_every_page()
        running = self.starts()
        self.takes_a_file()
        self.answers_a_question()
        self.asks_about_a_link()
        self.ends_in_the_middle_of_an_answer(running)
        self.goes_on_in_the_tray()

    def check(self, text: str, holds: object, detail: object = "") -> None:
        """Note whether something holds."""
        print(f"{'ok     ' if holds else 'FAILED '} {text}", flush=True)
        if not holds:
            self.failed.append(text)
            print(f"        {detail}", flush=True)

    def installs(self, setup: Path) -> None:
        done = self._machine.run(setup, "/S")
        self.check("a silent installation ends with 0", done.returncode == 0, done.returncode)
        fit_for_wine.make_fit(self._program)

    def opens_every_page(self) -> None:
        done = self._machine.run(self._program / "corral.exe", "--smoke-test")
        self.check("every page of the window opens", done.returncode == 0, done.stdout)

    def starts(self) -> "subprocess.Popen[str]":
        empty = self._display.picture()
        running = self._start()
        self._display.wait_for_change(empty, PATIENCE)
        self._wait_until_filled()
        self._shoot("1-first-start")
        self.check("the window opens", True)
        return running

    def takes_a_file(self) -> None:
        path = self._machine.path_of(self._model)
        expected = f'"{self._machine.path_of(self._program)}\\{WINDOW}" "%1"'
        command = self._machine.registered(OPEN_WITH, "")
        self.check("a double-click on a .gguf starts the window", command == expected, command)
        before = self._display.picture()
        self._starts_once_more("a start with a file ends, as there is a window", path)
        self._display.wait_for_change(before, PATIENCE)
        self._shoot("2-file")
        self._focus()
        before = self._display.picture()
        self._display.keys("Tab", "Return")
        self._display.wait_for_change(before, PATIENCE)
        self._shoot("3-my-models")
        said = self._machine.run(self._program / "corral.exe", "ls").stdout
        self.check("the window that is open takes the file", "SmolLM2" in said, said)

    def answers_a_question(self) -> None:
        self._display.keys("ctrl+n")
        self._ask(QUESTION)
        wait_for(lambda: self._messages("complete"), "an answer", PATIENCE)
        self._shoot("4-answer")
        self.check("a model answers in the window", self._messages("complete")[0])
        engines = self._processes("--engine-host")
        self.check("by an engine of its own", len(engines) == 1, engines)

    def asks_about_a_link(self) -> None:
        before = self._display.picture()
        self._starts_once_more("a start with a link ends, too", LINK)
        self._display.wait_for_change(before, PATIENCE)
        self._shoot("5-link")
        self._focus()
        self._display.keys("Escape")

    def ends_in_the_middle_of_an_answer(self, running: "subprocess.Popen[str]") -> None:
        self._display.wait_until_still()
        self._ask(LONG_QUESTION)
        wait_for(lambda: self._messages("streaming"), "the beginning of an answer", PATIENCE)
        self._shoot("6-in-the-middle")
        self._quit(running)
        kept = self._messages("interrupted")
        self.check("what was answered until then is kept", kept and kept[0], kept)

    def goes_on_in_the_tray(self) -> None:
        settings = self._data / "settings.json"
        content = json.loads(settings.read_text(encoding="utf-8"))
        content["server"]["in_tray"] = True
        settings.write_text(json.dumps(content), encoding="utf-8")
        value = ["/v", "AppsUseLightTheme", "/t", "REG_DWORD", "/d", "0", "/f"]
        self._machine.run("reg", "add", COLOURS, *value)
        running = self._start("--in-tray")
        self._wait_until_filled()
        self._shoot("7-in-the-tray")
        self.check("at login no window opens", not self._display.has_window(WINDOW))
        self._starts_once_more("a second start ends")
        self._display.window(WINDOW, PATIENCE)
        self._shoot("8-brought-back")
        self.check("and brings the window back from the tray", True)
        picture = QImage(str(SHOTS / "8-brought-back.png"))
        lightness = picture.pixelColor(picture.width() // 2, picture.height() - 200).lightness()
        self.check("which is dark on a dark desktop", lightness < 64, lightness)
        self._focus()
        self._display.keys("alt+F4")
        wait_for(lambda: not self._display.has_window(WINDOW), "the end of the window", PATIENCE)
        self.check("closed, it goes on in the tray", running.poll() is None)
        self._starts_once_more("and a start brings it back again")
        self._display.window(WINDOW, PATIENCE)
        self._quit(running)

    # Their parts

    def _start(self, *words: str) -> "subprocess.Popen[str]":
        return self._machine.start(self._program / WINDOW, *words)

    def _starts_once_more(self, text: str, *words: str) -> None:
        done = self._machine.run(self._program / WINDOW, *words, timeout=PATIENCE)
        self.check(text, done.returncode == 0, done.stdout)

    def _wait_until_filled(self) -> None:
        """The last thing that a start does is to take what later starts leave there."""
        folder = self._data / "Cache" / "open"
        wait_for(folder.is_dir, "a window with everything in it", PATIENCE)
        self._display.wait_until_still()

    def _focus(self) -> None:
        self._display.focus(self._display.window(WINDOW))

    def _ask(self, question: str) -> None:
        self._focus()
        self._display.wait_until_still()
        self._display.write(question)
        self._display.keys("Return")

    def _quit(self, running: "subprocess.Popen[str]") -> None:
        self._focus()
        self._display.keys("ctrl+q")
        try:
            status: int | None = running.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            status = None
        self.check("it ends", status == 0, status)
        left = self._processes("")
        self.check("and nothing of it goes on running", not left, left)

    def _shoot(self, name: str) -> None:
        self._display.wait_until_still()
        self._display.shoot(SHOTS / f"{name}.png")

    def _processes(self, word: str) -> list[str]:
        """Command lines of this program's processes that have `word` in them."""
        prefix = self._machine.environment["WINEPREFIX"]
        lines = []
        for process in psutil.process_iter():
            try:
                line = " ".join(process.cmdline())
                own = "corral" in line and process.environ().get("WINEPREFIX") == prefix
            except psutil.Error:
                continue
            if own and word in line:
                lines.append(line)
        return lines

    def _messages(self, state: str) -> list[str]:
        """What models have written, as it lies on the disk, of messages in this state."""
        with tempfile.TemporaryDirectory() as folder:
            for file in self._data.glob("conversations.db*"):
                shutil.copy(file, folder)
            with sqlite3.connect(Path(folder) / "conversations.db") as database:
                rows = database.execute(
                    "SELECT content FROM messages WHERE role = 'assistant' AND state = ?", (state,)
                )
                return [row[0] for row in rows]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--setup", type=Path, default=SETUP, help="the installer to try")
    parser.add_argument("--model", type=Path, default=starter_model.find(), help="a .gguf file")
    options = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    if options.model is None or not options.setup.exists():
        print("try_window: the installer (make wine) or the starter model is missing")
        return 1
    start = time.monotonic()
    shutil.rmtree(SHOTS, ignore_errors=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name, Display() as display:
        machine = WindowsMachine(Path(name), display.name)
        trial = WindowTrial(machine, display, options.model)
        try:
            trial.run(options.setup)
        except (TimeoutError, subprocess.TimeoutExpired) as error:
            display.shoot(SHOTS / "at-the-failure.png")
            trial.check("it goes on", False, error)
        finally:
            machine.close()
    print(f"{len(trial.failed)} failed, {time.monotonic() - start:.0f} seconds; pictures: {SHOTS}")
    return 1 if trial.failed else 0


if __name__ == "__main__":
    sys.exit(main())
