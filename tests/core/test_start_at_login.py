"""Starting at login: what is written, and that it is what the system reads."""

import contextlib
import plistlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from app.core.start_at_login import own_command, set_starts_at_login, starts_at_login

COMMAND = ("/opt/Cor ral/corral", "100%", 'say "$hi"', "--in-tray")


@pytest.fixture(autouse=True)
def no_config(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)


def test_a_desktop_entry_is_written_and_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    assert not starts_at_login(tmp_path)
    set_starts_at_login(True, COMMAND, tmp_path)
    assert starts_at_login(tmp_path)
    text = (tmp_path / ".config/autostart/corral.desktop").read_text()
    line = next(each for each in text.splitlines() if each.startswith("Exec="))
    assert line == (r'Exec="/opt/Cor ral/corral" "100%%" "say \\"\\$hi\\"" "--in-tray"')
    set_starts_at_login(False, COMMAND, tmp_path)
    assert not starts_at_login(tmp_path)
    set_starts_at_login(False, COMMAND, tmp_path)  # a second time is no error


def test_a_launch_agent_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    set_starts_at_login(True, COMMAND, tmp_path)
    [file] = (tmp_path / "Library/LaunchAgents").iterdir()
    agent = plistlib.loads(file.read_bytes())
    assert agent["ProgramArguments"] == list(COMMAND)
    assert agent["RunAtLoad"] is True
    assert starts_at_login(tmp_path)


class Registry(ModuleType):
    """The part of Windows' registry that is used, as `winreg` speaks of it."""

    HKEY_CURRENT_USER, REG_SZ = "person", 1

    def __init__(self) -> None:
        super().__init__("winreg")
        self.values: dict[str, str] = {}

    @contextlib.contextmanager
    def CreateKey(self, root: str, path: str) -> Iterator[str]:
        assert (root, path) == ("person", r"Software\Microsoft\Windows\CurrentVersion\Run")
        yield path

    OpenKey = CreateKey

    def SetValueEx(self, key: str, name: str, zero: int, kind: int, value: str) -> None:
        assert (zero, kind) == (0, self.REG_SZ)
        self.values[name] = value

    def QueryValueEx(self, key: str, name: str) -> str:
        if name not in self.values:
            raise FileNotFoundError(name)
        return self.values[name]

    def DeleteValue(self, key: str, name: str) -> None:
        del self.values[name]


def test_a_value_of_the_registry_is_written_and_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Registry()
    monkeypatch.setitem(sys.modules, "winreg", registry)
    monkeypatch.setattr(sys, "platform", "win32")
    set_starts_at_login(False, COMMAND)  # there is none to remove
    set_starts_at_login(True, COMMAND)
    assert registry.values == {"Corral": '"/opt/Cor ral/corral" 100% "say \\"$hi\\"" --in-tray'}
    assert starts_at_login()
    set_starts_at_login(False, COMMAND)
    assert not starts_at_login()


def test_the_own_command_starts_without_a_window() -> None:
    assert own_command()[0] == sys.executable
    assert own_command()[-1] == "--in-tray"


def test_on_windows_the_program_without_a_console_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "frozen", "windows", raising=False)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "corral.exe"))
    (tmp_path / "corralw.exe").touch()
    monkeypatch.setattr(sys, "platform", "win32")
    assert own_command() == (str(tmp_path / "corralw.exe"), "--in-tray")
    monkeypatch.setattr(sys, "platform", "linux")
    assert own_command() == (str(tmp_path / "corral.exe"), "--in-tray")
