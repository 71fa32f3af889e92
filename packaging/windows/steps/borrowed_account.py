"""The Windows account that the installer is tried in, which is given back as it was.

On Windows it is the account of whoever tries. So it is refused where Corral, or anything of it, is
there already: what is on the way then is the trial's, and can be deleted at the end.
"""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from windows_machine import WindowsMachine

UNINSTALL_KEY = r"Software\Microsoft\Windows\CurrentVersion\Uninstall\Corral"
APP_PATHS_KEY = r"Software\Microsoft\Windows\CurrentVersion\App Paths\corral.exe"
RUN_KEY = r"Software\Microsoft\Windows\CurrentVersion\Run"
CLASSES = r"Software\Classes"
OF_CORRAL = (
    *((key, None) for key in (UNINSTALL_KEY, APP_PATHS_KEY, r"Software\Corral")),
    *((rf"{CLASSES}\{name}", None) for name in ("corral", "Corral.gguf")),
    *((key, "Corral") for key in (RUN_KEY, r"Software\RegisteredApplications")),
    (rf"{CLASSES}\.gguf\OpenWithProgids", "Corral.gguf"),
)
"""Keys, or values, that are Corral's alone."""
CHANGED = (
    *((key, name) for key, name in OF_CORRAL if name is not None),
    (rf"{CLASSES}\.gguf", ""),
    ("Environment", "Path"),
)
"""Values that are written on the way, in keys of the person's; a key after those below it."""
SCRIPT = Path(__file__).resolve().with_name("registry_values.py")


class Occupied(Exception):
    """Corral is in this account."""


class NotGivenBack(Exception):
    """The account is not as it was."""


def traces(machine: WindowsMachine) -> list[str]:
    """What there is of Corral."""
    places = (machine.program, machine.data)
    links = (place / "Corral.lnk" for place in (machine.start_menu, machine.desktop))
    files = [machine.path_of(path) for path in (*places, *links) if path.exists()]
    keys = [
        f"HKEY_CURRENT_USER\\{key}" + (f", {name}" if name else "")
        for key, name in OF_CORRAL
        if machine.registered(key, name) is not None
    ]
    return files + keys


@contextlib.contextmanager
def borrowed(machine: WindowsMachine, python: Path, folder: Path) -> Iterator[None]:
    """Note what is going to be changed, and make it as it was in the end, however that comes.

    `python` is one for Windows; in `folder` it is noted.

    Raises:
        Occupied: Corral is there. Nothing was done.
        NotGivenBack: something is not as it was; it says what.
    """
    if found := traces(machine):
        raise Occupied("Corral is in this account, and would be removed: " + "; ".join(found))
    noted = _note(machine, python, folder / "account.json")
    try:
        yield
    finally:
        try:
            if (machine.program / "uninstall-corral.exe").exists():
                machine.uninstall(machine.program)
            for place in (machine.program, machine.data):
                shutil.rmtree(place, ignore_errors=True)
        finally:
            done = machine.run(python, str(SCRIPT), "restore", str(folder / "account.json"))
        now = _note(machine, python, folder / "account-now.json")
        if now != noted:
            raise NotGivenBack(f"{done.stdout}\nthe registry was: {noted}\nand is: {now}")
        if left := traces(machine):
            raise NotGivenBack("of Corral this is left: " + "; ".join(left))


def _note(machine: WindowsMachine, python: Path, file: Path) -> str:
    words = [word for value in CHANGED for word in value]
    done = machine.run(python, str(SCRIPT), "save", str(file), *words)
    if done.returncode:
        raise NotGivenBack(f"the registry cannot be read: {done.stdout}")
    return file.read_text(encoding="utf-8")
