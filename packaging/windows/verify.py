"""Try Corral-Setup.exe: install, upgrade, refusals, repair, a chat, uninstall.

    python packaging/windows/verify.py               in a fresh Windows of Wine's
    python packaging/windows/verify.py --here        on Windows: in this very account, unless
                                                     there is anything of Corral; what is changed
                                                     is made as it was in the end

Prints what held and what did not. The earlier version that is upgraded is made of the same folder,
without the window's libraries. Wine 8 lacks functions that numpy and Python's `_wmi` call; there,
and only there, an earlier numpy is put into what was installed, and `_wmi` is taken out. A library
that Wine lacks is added to Wine. The window is tried by try_window.py; on Windows here, too.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE / "steps"), str(HERE), str(ROOT)]

import borrowed_account  # noqa: E402 - the folder of steps has to be found first
import fit_for_wine  # noqa: E402
import launcher_build  # noqa: E402
import starter_model  # noqa: E402
import wine  # noqa: E402
from installer_journey import Journey  # noqa: E402
from windows_machine import WindowsMachine  # noqa: E402

from app import __version__  # noqa: E402

SETUP = ROOT / "dist" / "Corral-Setup.exe"
FOLDER = ROOT / "dist" / "windows" / "Corral"
EARLIER = "0.0.1"
EARLIER_ENGINE = "an-earlier-engine"
EARLIER_ENGINE_VERSION = "0.0.1"


def earlier_folder(folder: Path) -> None:
    """Make an earlier version: without a window, and with an engine of another name."""
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("PySide6", "numpy*", "openai"))
    for name in ("", "__pycache__/"):
        for path in (folder / "lib" / "app").glob(f"{name}__init__*.py*"):
            path.unlink()
    (folder / "lib" / "app" / "__init__.py").write_text(f'__version__ = "{EARLIER}"\n')
    for engine in (folder / "engines").glob("*"):
        engine.rename(engine.with_name(EARLIER_ENGINE))
        manifest = engine.with_name(EARLIER_ENGINE) / "engine.json"
        described = json.loads(manifest.read_text(encoding="utf-8"))
        changed = {"id": EARLIER_ENGINE, "version": EARLIER_ENGINE_VERSION}
        manifest.write_text(json.dumps({**described, **changed}), encoding="utf-8")


def earlier_setup(work: Path) -> Path:
    """An installer of an earlier version. Raises CalledProcessError."""
    earlier_folder(work / "Earlier")
    setup = work / "Earlier-Setup.exe"
    command = [sys.executable, str(HERE / "image.py"), "--quick", "--version", EARLIER]
    command += ["--folder", str(work / "Earlier"), "--output", str(setup)]
    subprocess.run(command, check=True)
    shutil.rmtree(work / "Earlier")
    return setup


def journey(setup: Path, model: Path | None) -> list[str]:
    """Go through all steps; what failed.

    Raises NoWine, CalledProcessError, OSError, and what `borrowed_account.borrowed` raises.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        work = Path(name)
        earlier = earlier_setup(work)
        home = work / "home"
        home.mkdir()
        machine = WindowsMachine(home)
        try:
            steps = Journey(
                machine,
                earlier=(earlier, EARLIER),
                setup=(setup, __version__),
                model=model,
                make_fit=fit_for_wine.make_fit if sys.platform != "win32" else lambda _: None,
                window=sys.platform == "win32",
            )
            with borrowed_account.borrowed(machine, FOLDER / "python" / "python.exe", work):
                steps.run()
        finally:
            machine.close()
    return steps.failed


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--setup", type=Path, default=SETUP, help="the installer to try")
    parser.add_argument("--here", action="store_true", help="agree to installing in this account")
    parser.add_argument("--target", choices=("windows-x86_64",), help="the only one there is")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done")
    options = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    if sys.platform == "win32" and not options.here:
        print("verify: this installs and removes Corral in your account; agree with --here")
        return 1
    model = starter_model.find() if any(FOLDER.glob("engines/*/engine.json")) else None
    if options.dry_run:
        print(f"would try {options.setup}; a chat with {model}")
        return 0
    if not options.setup.exists() or not FOLDER.exists():
        print(f"verify: there is no {options.setup}; freeze.py and image.py make it")
        return 1
    start = time.monotonic()
    try:
        failed = journey(options.setup, model)
    except (
        *(wine.NoWine, launcher_build.NoCompiler),
        *(borrowed_account.Occupied, borrowed_account.NotGivenBack),
        *(OSError, subprocess.SubprocessError),
    ) as error:
        print(f"verify: {error}", file=sys.stderr)
        return 1
    if model is None:
        print("not tried: a chat, as there is no engine inside or the starter model is missing")
    print(f"{len(failed)} failed, {time.monotonic() - start:.0f} seconds")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
