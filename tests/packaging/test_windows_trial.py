"""The account that the installer for Windows is tried in: left as it was, or not entered."""

import copy
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.packaging.scripts import load_script
from tests.windows_registry import WindowsRegistry

PATH = (r"%USERPROFILE%\Ünïcode;C:\Tools;", WindowsRegistry.REG_EXPAND_SZ)
GGUF = r"Software\Classes\.gguf"


class Account:
    """What is used of `WindowsMachine`; its Python runs in this process."""

    def __init__(self, home: Path, registry: WindowsRegistry, values: ModuleType) -> None:
        self.local = home / "Local"
        self.local.mkdir()
        self.program = self.local / "Programs" / "Corral"
        self.data = self.local / "Corral"
        self.start_menu = home / "Start Menu"
        self.desktop = home / "Desktop"
        self.registry = registry
        self.removed: list[Path] = []
        self._values = values

    def path_of(self, file: Path) -> str:
        return str(file)

    def registered(self, key: str, name: str | None = None) -> str | None:
        if name is None:
            return "" if key in self.registry.keys else None
        return self.registry.text(key, name)

    def run(self, _program: Path, _script: str, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.CompletedProcess(words, self._values.main(list(words)), "")

    def uninstall(self, program: Path) -> None:
        self.removed.append(program)
        (program / "uninstall-corral.exe").unlink()


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path(__file__).resolve().parents[2]
    monkeypatch.syspath_prepend(str(root / "packaging" / "windows" / "steps"))


@pytest.fixture
def borrowed_account(steps: None) -> ModuleType:
    return load_script("windows/steps/borrowed_account")


@pytest.fixture
def account(steps: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Account:
    registry = WindowsRegistry()
    values = load_script("windows/steps/registry_values")
    monkeypatch.setitem(sys.modules, "winreg", registry)
    monkeypatch.setattr(sys, "platform", "win32")
    for key, name, value in (
        ("Environment", "Path", PATH),
        ("Environment", "TEMP", ("C:\\Temp", registry.REG_SZ)),
        (r"Software\Microsoft\Windows\CurrentVersion\Run", "Other", ("o.exe", registry.REG_SZ)),
    ):
        registry.CreateKey("HKCU", key)
        registry.keys[key][name] = value
    return Account(tmp_path, registry, values)


def wreck(account: Account, *, breaks_off: bool = False) -> None:
    """What a trial does until about its middle."""
    registry = account.registry
    for key, name in (
        ("Environment", "Path"),
        (GGUF, ""),
        (rf"{GGUF}\OpenWithProgids", "Corral.gguf"),
        (r"Software\Microsoft\Windows\CurrentVersion\Run", "Corral"),
        (r"Software\RegisteredApplications", "Corral"),
    ):
        registry.CreateKey("HKCU", key)
        registry.SetValueEx(key, name, 0, registry.REG_SZ, "of the trial")
    for file in (account.program / "uninstall-corral.exe", account.data / "settings.json"):
        file.parent.mkdir(parents=True)
        file.touch()
    if breaks_off:
        raise RuntimeError("broke off")


@pytest.mark.parametrize("others", [{}, {"": ("Another.Program", WindowsRegistry.REG_SZ)}])
def test_an_account_is_as_it_was_after_a_trial_that_broke_off(
    borrowed_account: ModuleType,
    account: Account,
    tmp_path: Path,
    others: dict[str, tuple[str, int]],
) -> None:
    if others:
        account.registry.keys.update({"Software\\Classes": {}, GGUF: dict(others)})
    before = copy.deepcopy(account.registry.keys)
    with (
        pytest.raises(RuntimeError, match="broke off"),
        borrowed_account.borrowed(account, Path("python.exe"), tmp_path),
    ):
        wreck(account, breaks_off=True)
    left = {key: values for key, values in account.registry.keys.items() if values}
    assert left == {key: values for key, values in before.items() if values}
    assert (GGUF in account.registry.keys) == bool(others)
    assert account.removed == [account.program]
    assert not account.data.exists()
    assert not account.program.exists()


@pytest.mark.parametrize("place", ["program", "data"])
def test_an_account_with_corral_in_it_is_not_entered(
    borrowed_account: ModuleType, account: Account, tmp_path: Path, place: str
) -> None:
    kept = getattr(account, place) / "settings.json"
    kept.parent.mkdir(parents=True)
    kept.write_text("mine")
    with (
        pytest.raises(borrowed_account.Occupied, match=kept.parent.name),
        borrowed_account.borrowed(account, Path("python.exe"), tmp_path),
    ):
        wreck(account)
    assert kept.read_text() == "mine"
    assert account.removed == []


@pytest.mark.parametrize(
    ("key", "name"),
    [
        (r"Software\Classes\corral", ""),
        (r"Software\Microsoft\Windows\CurrentVersion\Run", "Corral"),
    ],
)
def test_nor_one_whose_registry_names_corral(
    borrowed_account: ModuleType, account: Account, tmp_path: Path, key: str, name: str
) -> None:
    account.registry.CreateKey("HKCU", key)
    account.registry.SetValueEx(key, name, 0, account.registry.REG_SZ, "python -m app")
    with (
        pytest.raises(borrowed_account.Occupied, match="HKEY_CURRENT_USER"),
        borrowed_account.borrowed(account, Path("python.exe"), tmp_path),
    ):
        wreck(account)
    assert account.registry.text(key, name) == "python -m app"


def test_what_could_not_be_given_back_is_told_with_its_value(
    borrowed_account: ModuleType,
    account: Account,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    values = load_script("windows/steps/registry_values")
    monkeypatch.setattr(values, "restore", lambda _file: None)
    account._values = values
    with (
        pytest.raises(borrowed_account.NotGivenBack, match="Tools"),
        borrowed_account.borrowed(account, Path("python.exe"), tmp_path),
    ):
        wreck(account)


def test_where_corral_keeps_its_data_is_not_what_whoever_tries_has_said(steps: None) -> None:
    machine = load_script("windows/steps/windows_machine")
    said = {"CORRAL_HOME": "D:/Corral", "PATH": "/bin"}
    assert machine._without_own_home(said) == {"PATH": "/bin"}
