"""corral:// links on Windows, with a registry that behaves like that of Windows."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import pytest

from app.core import link_scheme
from app.core.errors import StorageError
from app.core.link_scheme import opens_links, set_opens_links

PROGRAM = (r"C:\Users\Ann Lee\AppData\Local\Programs\Corral\corralw.exe",)
CLASS = r"Software\Classes\corral"
COMMAND = rf"{CLASS}\shell\open\command"


class Registry(ModuleType):
    """What is used of `winreg`: keys with values, and none is deleted that has keys below it."""

    HKEY_CURRENT_USER = "HKCU"
    REG_SZ = 1

    def __init__(self) -> None:
        super().__init__("winreg")
        self.keys: dict[str, dict[str, str]] = {}

    def CreateKey(self, _root: str, path: str) -> object:
        parts = path.split("\\")
        for end in range(1, len(parts) + 1):
            self.keys.setdefault("\\".join(parts[:end]), {})
        return self.OpenKey(_root, path)

    @contextmanager
    def OpenKey(self, _root: str, path: str) -> Iterator[str]:
        if path not in self.keys:
            raise FileNotFoundError(2, "The system cannot find the file specified", path)
        yield path

    def below(self, path: str) -> list[str]:
        found = (key.removeprefix(path + "\\") for key in self.keys if key.startswith(path + "\\"))
        return sorted(name for name in found if "\\" not in name)

    def QueryInfoKey(self, path: str) -> tuple[int, int, int]:
        return len(self.below(path)), len(self.keys[path]), 0

    def EnumKey(self, path: str, number: int) -> str:
        return self.below(path)[number]

    def QueryValueEx(self, path: str, name: str) -> tuple[str, int]:
        if name not in self.keys[path]:
            raise FileNotFoundError(2, "The system cannot find the file specified", name)
        return self.keys[path][name], self.REG_SZ

    def SetValueEx(self, path: str, name: str, _reserved: int, _kind: int, value: str) -> None:
        self.keys[path][name] = value

    def DeleteKey(self, _root: str, path: str) -> None:
        if self.below(path):
            raise PermissionError(13, "Access is denied", path)
        del self.keys[path]


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    registry = Registry()
    monkeypatch.setitem(sys.modules, "winreg", registry)
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(link_scheme, "own_program", lambda: PROGRAM)
    return registry


def set_up(registry: Registry, program: str) -> None:
    """What Corral-Setup.exe writes."""
    for path, value in (
        (CLASS, "URL:Corral"),
        (rf"{CLASS}\DefaultIcon", f"{program},0"),
        (COMMAND, f'"{program}" "%1"'),
    ):
        registry.CreateKey("HKCU", path)
        registry.keys[path][""] = value


def test_links_are_switched_on_and_off(registry: Registry) -> None:
    assert not opens_links()
    set_opens_links(True)
    assert opens_links()
    assert registry.keys[COMMAND][""] == f'"{PROGRAM[0]}" "%1"'
    assert registry.keys[CLASS]["URL Protocol"] == ""
    set_opens_links(False)
    assert not opens_links()


def test_what_setup_wrote_is_taken_back_whole(registry: Registry) -> None:
    set_up(registry, PROGRAM[0].upper())
    assert opens_links()
    set_opens_links(False)
    assert not opens_links()
    assert [key for key in registry.keys if key.startswith(CLASS)] == []
    assert r"Software\Classes" in registry.keys


def test_links_that_another_program_opens_are_not_this_programs(registry: Registry) -> None:
    set_up(registry, r"D:\Other\corralw.exe")
    before = {path: dict(values) for path, values in registry.keys.items()}
    assert not opens_links()
    set_opens_links(False)
    assert registry.keys == before
    set_opens_links(True)
    assert opens_links()


def test_what_the_system_refuses_is_told(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Access is denied")

    monkeypatch.setattr(registry, "CreateKey", refuse)
    with pytest.raises(StorageError, match="Access is denied"):
        set_opens_links(True)
