"""What the installer for Windows has to do, step by step, tried on a machine."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from borrowed_account import APP_PATHS_KEY, CLASSES, RUN_KEY, UNINSTALL_KEY
from windows_machine import WindowsMachine

HOST = ("--engine-host", "--backend")
ANOTHER_PROGRAM = "Another.Program"
FAILED, RUNNING, FOREIGN_FOLDER = 2, 3, 4
"""Exit codes of the installer."""
SOME_PATH = r"%USERPROFILE%\bin;C:\Tools"
"""Of a person who has none."""
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
        window: bool,
    ) -> None:
        """`earlier` and `setup` are installers and their versions. `make_fit` changes what is
        installed such that the machine can run it; Wine lacks what Windows has. `window` is
        whether the machine can show one."""
        self.failed: list[str] = []
        self._machine = machine
        self._earlier, self._earlier_version = earlier
        self._setup, self._version = setup
        self._model = model
        self._make_fit = make_fit
        self._window = window
        self._program = machine.program
        self._data = machine.data
        self._path = ""
        self._gguf: str | None = None

    def run(self) -> None:
        """All steps."""
        self.refuses_what_is_damaged()
        self.installs()
        self.is_refused_while_running()
        self.refuses_a_foreign_folder()
        self.upgrades()
        self.links_are_switched()
        self.goes_back()
        self.leaves_a_gguf_to_a_program_of_everybody()
        self.repairs()
        self.starts()
        self.shows_its_window()
        if self._model is not None:
            self.chats(self._model)
        self.deletes_nothing_behind_links()
        self.is_not_removed_while_data_is_in_use()
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
        if machine.registered("Environment", "Path") is None:
            machine.register("Environment", "Path", SOME_PATH)
        self._path = (machine.registered("Environment", "Path") or "").rstrip(";")
        self._gguf = machine.registered(rf"{CLASSES}\.gguf")
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
        expected = f"{self._path};{machine.path_of(self._program)}"
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
            done = self._machine.uninstall(self._program)
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
        self.check("the engine before this one is kept", engine < kept, (engine, kept))
        runs = self._engine_that_runs()
        self.check("the engine of this version runs", {runs} == kept - engine, runs)
        path = machine.registered("Environment", "Path") or ""
        self.check("PATH names it once", path.count("Programs\\Corral") == 1, path)

    def links_are_switched(self) -> None:
        """As the settings do it, in what the installer wrote."""
        key = rf"{CLASSES}\corral"
        program = self._machine.path_of(self._program / "corralw.exe")
        code = (
            "import sys; from app.core import link_scheme as links\n"
            f"links.own_program = lambda: (r'{program}',)\n"
            "print(links.opens_links()); links.set_opens_links({on}); print(links.opens_links())"
        )
        said = self._python(code.format(on=False)).stdout.split()
        self.check("links can be switched off", said == ["True", "False"], said)
        value = self._machine.registered(key)
        self.check("and nothing of them is left", value is None, value)
        said = self._python(code.format(on=True)).stdout.split()
        self.check("they can be switched on again", said == ["False", "True"], said)

    def goes_back(self) -> None:
        """To the earlier version, and to the new one again."""
        engines = self._engines()
        newest = self._engine_that_runs()
        done = self._machine.run(self._earlier, "/S")
        self.check("going back to the earlier version ends with 0", done.returncode == 0)
        self._make_fit(self._program)
        said = self._corral("--version").stdout.strip()
        self.check("the earlier version runs", said == f"corral {self._earlier_version}", said)
        runs = self._engine_that_runs()
        self.check("with its own engine", {runs} == engines - {newest}, runs)
        self.check("the other one is kept", self._engines() == engines, self._engines())
        done = self._machine.run(self._setup, "/S")
        self.check("and forth again ends with 0", done.returncode == 0, done.returncode)
        self._make_fit(self._program)
        runs = self._engine_that_runs()
        self.check("with the new engine", runs == newest, runs)

    def leaves_a_gguf_to_a_program_of_everybody(self) -> None:
        """Where that can be made up: it takes an administrator."""
        if sys.platform == "win32":
            return
        key = rf"{CLASSES}\.gguf"
        self._machine.run("reg", "delete", rf"HKCU\{key}", "/ve", "/f")
        self._machine.run("reg", "add", rf"HKLM\{key}", "/ve", "/d", ANOTHER_PROGRAM, "/f")
        self._machine.run(self._setup, "/S")
        self._make_fit(self._program)
        value = self._machine.registered(key, "")
        text = "a .gguf that a program of all persons opens stays with it"
        self.check(text, value != "Corral.gguf", value)
        self._machine.run("reg", "delete", rf"HKLM\{key}", "/f")

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

    def shows_its_window(self) -> None:
        """Every page of it, on the screen; not in Wine, which lacks what Qt calls."""
        if not self._window:
            return
        for program in ("corral.exe", "corralw.exe"):
            done = self._machine.run(self._program / program, "--smoke-test")
            text = f"{program} shows every page of its window"
            self.check(text, done.returncode == 0, done.stdout[-2000:])

    def chats(self, model: Path) -> None:
        target = self._data / "models" / model.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(model, target)
        done = self._corral("run", model.stem, *QUESTION, "--stats")
        holds = done.returncode == 0 and "Paris" in done.stdout
        self.check("the engine inside answers with a real model", holds, done.stdout[-2000:])
        print("\n".join(f"          {line}" for line in done.stdout.splitlines()[-8:]))

    def deletes_nothing_behind_links(self) -> None:
        """Where the uninstaller deletes."""
        folder, behind = self._machine.local / "Trial", self._machine.local / "Behind"
        for each in (folder / "Cache", behind):
            each.mkdir(parents=True)
        (behind / "cat.png").write_bytes(b"a cat")
        read_only = folder / "Cache" / "read only"
        read_only.touch()
        read_only.chmod(0o444)
        link = folder / "models"
        if sys.platform == "win32":
            import _winapi

            _winapi.CreateJunction(str(behind), str(link))
        else:
            link.symlink_to(behind)
        place = self._machine.path_of(folder)
        python = self._program / "python" / "python.exe"
        done = self._machine.run(python, "-B", "-m", "corral_delete_data", "all", place)
        rest = [path.name for path in behind.iterdir()] if behind.exists() else []
        self.check("what a link leads to is not deleted", rest == ["cat.png"], rest)
        if sys.platform == "win32":  # Wine deletes no link
            self.check("what lies in the folder is", not folder.exists(), done.stdout)
        for each in self._machine.local.glob("Trial*"):
            shutil.rmtree(each)
        shutil.rmtree(behind)

    def is_not_removed_while_data_is_in_use(self) -> None:
        """Wine gives a folder another name while a file in it is open; Windows refuses."""
        if sys.platform != "win32":
            return
        before = self._listing()
        (self._data / "Cache").mkdir(exist_ok=True)
        with (self._data / "Cache" / "of another program").open("wb"):
            done = self._machine.uninstall(self._program)
        text = "removing it is refused while a file of its data is open"
        self.check(text, done.returncode == FAILED, done.returncode)
        self.check("and nothing was removed", self._listing() == before)

    def uninstalls(self) -> None:
        machine = self._machine
        machine.register(RUN_KEY, "Corral", "corralw.exe --in-tray")
        kept = self._data / "models" / "a model.gguf"
        kept.write_bytes(b"GGUF")
        for name in ("Cache", "Logs"):
            (self._data / name).mkdir(exist_ok=True)
        done = self._machine.uninstall(self._program)
        self.check("a silent removal ends with 0", done.returncode == 0, done.returncode)
        rest = sorted(path.name for path in self._program.rglob("*"))
        self.check("the program's folder is gone", not self._program.exists(), rest[:20])
        for place in (machine.start_menu, machine.desktop):
            self.check(
                f"no shortcut is left in “{place.name}”", not (place / "Corral.lnk").exists()
            )
        for key in (
            *(UNINSTALL_KEY, APP_PATHS_KEY, r"Software\Corral"),
            *(rf"{CLASSES}\{name}" for name in ("corral", "Corral.gguf")),
            *([rf"{CLASSES}\.gguf"] if self._gguf is None else []),
        ):
            self.check(f"no {key} in the registry", machine.registered(key) is None)
        for key in (RUN_KEY, r"Software\RegisteredApplications"):
            self.check(f"no Corral in {key}", machine.registered(key, "Corral") is None)
        path = (machine.registered("Environment", "Path") or "").rstrip(";")
        self.check("PATH is as it was", path == self._path, path)
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
        """The ids of those that are installed."""
        manifests = self._program.glob("engines/*/engine.json")
        return {str(json.loads(file.read_text(encoding="utf-8"))["id"]) for file in manifests}

    def _engine_that_runs(self) -> str:
        """Its id, "" where there is none."""
        told = self._python(
            "from app.core.installed_engines import engine_places, installed_engines as all_of\n"
            "from app.core.paths import app_paths\n"
            "print(*(each.id for each in all_of(engine_places(app_paths()))[:1]))"
        )
        return told.stdout.strip()

    def _python(self, code: str) -> "subprocess.CompletedProcess[str]":
        """Run something with the Python inside."""
        return self._machine.run(self._program / "python" / "python.exe", "-B", "-c", code)
