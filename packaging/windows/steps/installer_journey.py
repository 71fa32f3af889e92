"""What the installer for Windows has to do, step by step, tried on a machine."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from windows_machine import WindowsMachine

HOST = ("--engine-host", "--backend")
UNINSTALL_KEY = r"Software\Microsoft\Windows\CurrentVersion\Uninstall\Corral"
RUN_KEY = r"Software\Microsoft\Windows\CurrentVersion\Run"
CLASSES = r"Software\Classes"
ANOTHER_PROGRAM = "Another.Program"
RUNNING, FOREIGN_FOLDER = 3, 4
"""Exit codes of the installer."""
EARLIER_PATH = r"%USERPROFILE%\bin;C:\Tools"
QUESTION = ("What is the capital of France?", "--max-tokens", "24", "--temperature", "0")


class Journey:
    """Goes through the steps and notes what held and what did not."""

    def __init__(
        self,
        machine: WindowsMachine,
        *,
        earlier: tuple[Path, str],
        setup: tuple[Path, str],
        model: Path | None,
        make_fit: Callable[[Path], None],
    ) -> None:
        """`earlier` and `setup` are installers and their versions. `make_fit` changes what is
        installed such that the machine can run it; Wine lacks what Windows has."""
        self.failed: list[str] = []
        self._machine = machine
        self._earlier, self._earlier_version = earlier
        self._setup, self._version = setup
        self._model = model
        self._make_fit = make_fit
        self._program = machine.local / "Programs" / "Corral"
        self._data = machine.local / "Corral"

    def run(self) -> None:
        """All steps."""
        self.refuses_what_is_damaged()
        self.installs()
        self.is_refused_while_running()
        self.refuses_a_foreign_folder()
        self.upgrades()
        self.repairs()
        self.starts()
        if self._model is not None:
            self.chats(self._model)
        self.uninstalls()

    def check(self, text: str, holds: bool, detail: object = "") -> None:
        """Note whether something holds."""
        print(f"{'ok     ' if holds else 'FAILED '} {text}", flush=True)
        if not holds:
            self.failed.append(text)
            print(f"        {detail}", flush=True)

    def refuses_what_is_damaged(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            damaged = Path(name) / "Corral-Setup.exe"
            content = bytearray(self._earlier.read_bytes())
            content[len(content) // 2] ^= 1
            damaged.write_bytes(content)
            done = self._machine.run(damaged, "/S")
        self.check("a damaged installer ends with a failure", done.returncode != 0)
        self.check("and installs nothing", not self._program.exists())

    def installs(self) -> None:
        machine = self._machine
        machine.register("Environment", "Path", EARLIER_PATH)
        machine.register(rf"{CLASSES}\.gguf", "", ANOTHER_PROGRAM)
        done = machine.run(self._earlier, "/S")
        self.check("a silent installation ends with 0", done.returncode == 0, done.returncode)
        self._make_fit(self._program)
        self.check("its version stands among the programs", self._registered_version("earlier"))
        for name in ("DisplayName", "UninstallString", "QuietUninstallString", "EstimatedSize"):
            value = machine.registered(UNINSTALL_KEY, name)
            self.check(f"{name} stands there, too", bool(value), value)
        for place in (machine.start_menu, machine.desktop):
            link = place / "Corral.lnk"
            target = "corralw.exe".encode("utf-16-le")
            holds = link.exists() and target in link.read_bytes()
            self.check(f"a shortcut in “{place.name}” starts corralw.exe", holds)
        command = f'"{machine.path_of(self._program)}\\corralw.exe" "%1"'
        for kind in ("corral", "Corral.gguf"):
            value = machine.registered(rf"{CLASSES}\{kind}\shell\open\command", "")
            self.check(f"{kind} is opened with Corral", value == command, value)
        value = machine.registered(rf"{CLASSES}\.gguf", "")
        self.check("a .gguf that another program opens stays with it", value == ANOTHER_PROGRAM)
        path = machine.registered("Environment", "Path") or ""
        expected = f"{EARLIER_PATH};{machine.path_of(self._program)}"
        self.check("terminals find corral, and what they found before", path == expected, path)
        before = self._listing()
        done = self._corral("--version")
        said = done.stdout.strip()
        self.check("corral --version runs", said == f"corral {self._earlier_version}", said)
        self.check("a start writes nothing to the program's folder", self._listing() == before)

    def is_refused_while_running(self) -> None:
        before = self._listing()
        with self._machine.start(self._corral_file, *HOST, "scripted") as running:
            assert running.stdin is not None
            assert running.stdout is not None
            greeting = running.stdout.readline()
            self.check("an engine child says that it is there", '"ready"' in greeting, greeting)
            done = self._machine.run(self._setup, "/S")
            text = "an upgrade is refused while Corral is running"
            self.check(text, done.returncode == RUNNING, done.returncode)
            done = self._uninstall()
            text = "so is removing it"
            self.check(text, done.returncode == RUNNING, done.returncode)
            self.check("nothing was changed", self._listing() == before)
            self.check("and it goes on running", running.poll() is None)
            running.stdin.close()
            running.wait(60)

    def refuses_a_foreign_folder(self) -> None:
        folder = self._machine.local / "Pictures"
        folder.mkdir()
        (folder / "lib").mkdir()
        (folder / "lib" / "cat.png").write_bytes(b"a cat")
        done = self._machine.run(self._setup, "/S", f"/D={self._machine.path_of(folder)}")
        text = "a folder with other files in it is refused"
        self.check(text, done.returncode == FOREIGN_FOLDER, done.returncode)
        names = sorted(path.name for path in folder.rglob("*"))
        self.check("and left alone", names == ["cat.png", "lib"], names)
        shutil.rmtree(folder)

    def upgrades(self) -> None:
        machine = self._machine
        (self._data / "models").mkdir(parents=True, exist_ok=True)
        (self._data / "settings.json").write_text("{}", encoding="utf-8")
        (machine.desktop / "Corral.lnk").unlink(missing_ok=True)
        machine.run("reg", "delete", rf"HKCU\{CLASSES}\.gguf", "/ve", "/f")
        stale = self._program / "lib" / "of_an_earlier_version.py"
        stale.write_text("", encoding="utf-8")
        engine = self._engines()
        done = machine.run(self._setup, "/S")
        self.check("an upgrade in place ends with 0", done.returncode == 0, done.returncode)
        self._make_fit(self._program)
        self.check("its version stands among the programs", self._registered_version("setup"))
        said = self._corral("--version").stdout.strip()
        self.check("the new version runs", said == f"corral {self._version}", said)
        self.check("files of the earlier version are gone", not stale.exists())
        self.check("the person's data is kept", (self._data / "settings.json").exists())
        link = machine.desktop / "Corral.lnk"
        self.check("a shortcut that was deleted stays deleted", not link.exists())
        value = machine.registered(rf"{CLASSES}\.gguf", "")
        self.check(
            "a .gguf that nothing opens is opened with Corral", value == "Corral.gguf", value
        )
        kept = self._engines()
        self.check("the engine before this one is kept", engine <= kept, (engine, kept))
        path = machine.registered("Environment", "Path") or ""
        self.check("PATH names it once", path.count("Programs\\Corral") == 1, path)

    def repairs(self) -> None:
        (self._program / "lib" / "app" / "__main__.py").unlink()
        shutil.rmtree(self._program / "lib" / "app" / "core")
        self._corral_file.write_bytes(b"damaged")
        done = self._machine.run(self._setup, "/S")
        self.check("a repair ends with 0", done.returncode == 0, done.returncode)
        self._make_fit(self._program)
        said = self._corral("ls").stdout
        self.check("what was broken runs again", "odel" in said and "Traceback" not in said, said)

    def starts(self) -> None:
        done = self._corral("doctor")
        wanted = ("engine", "processor", "memory", "disk", "data")
        holds = "Traceback" not in done.stdout and all(word in done.stdout for word in wanted)
        self.check("corral doctor tells how things are", holds, done.stdout[-2000:])
        if self._engines():
            holds = re.search(r"^ok +engine: ", done.stdout, re.MULTILINE) is not None
            self.check("the engine that was installed starts", holds)
        print("\n".join(f"          {line}" for line in done.stdout.splitlines()))

    def chats(self, model: Path) -> None:
        target = self._data / "models" / model.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(model, target)
        done = self._corral("run", model.stem, *QUESTION, "--stats")
        holds = done.returncode == 0 and "Paris" in done.stdout
        self.check("the engine inside answers with a real model", holds, done.stdout[-2000:])
        print("\n".join(f"          {line}" for line in done.stdout.splitlines()[-8:]))

    def uninstalls(self) -> None:
        machine = self._machine
        machine.register(RUN_KEY, "Corral", "corralw.exe --in-tray")
        kept = self._data / "models" / "a model.gguf"
        kept.write_bytes(b"GGUF")
        for name in ("Cache", "Logs"):
            (self._data / name).mkdir(exist_ok=True)
        done = self._uninstall()
        self.check("a silent removal ends with 0", done.returncode == 0, done.returncode)
        rest = sorted(path.name for path in self._program.rglob("*"))
        self.check("the program's folder is gone", not self._program.exists(), rest[:20])
        for place in (machine.start_menu, machine.desktop):
            self.check(
                f"no shortcut is left in “{place.name}”", not (place / "Corral.lnk").exists()
            )
        for key in (
            *(UNINSTALL_KEY, r"Software\Corral"),
            *(rf"{CLASSES}\{name}" for name in ("corral", "Corral.gguf", ".gguf")),
            r"Software\Microsoft\Windows\CurrentVersion\App Paths\corral.exe",
        ):
            self.check(f"no {key} in the registry", machine.registered(key) is None)
        for key in (RUN_KEY, r"Software\RegisteredApplications"):
            self.check(f"no Corral in {key}", machine.registered(key, "Corral") is None)
        path = machine.registered("Environment", "Path")
        self.check("PATH is as it was", path == EARLIER_PATH, path)
        holds = kept.exists() and (self._data / "settings.json").exists()
        self.check("models, chats and settings are still there", holds)
        holds = not any((self._data / name).exists() for name in ("Cache", "Logs"))
        self.check("what can be computed again is gone", holds)

    @property
    def _corral_file(self) -> Path:
        return self._program / "corral.exe"

    def _corral(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return self._machine.run(self._corral_file, *words)

    def _registered_version(self, which: str) -> bool:
        wanted = self._version if which == "setup" else self._earlier_version
        return self._machine.registered(UNINSTALL_KEY, "DisplayVersion") == wanted

    def _listing(self) -> set[str]:
        return {path.relative_to(self._program).as_posix() for path in self._program.rglob("*")}

    def _engines(self) -> set[str]:
        folder = self._program / "engines"
        return {path.name for path in folder.iterdir()} if folder.exists() else set()

    def _uninstall(self) -> "subprocess.CompletedProcess[str]":
        """Remove Corral. Else the uninstaller would start a copy of itself and end before it."""
        with tempfile.TemporaryDirectory() as name:
            copy = Path(name) / "uninstall-corral.exe"
            shutil.copy(self._program / copy.name, copy)
            place = self._machine.path_of(self._program)
            return self._machine.run(copy, "/S", f"_?={place}")
