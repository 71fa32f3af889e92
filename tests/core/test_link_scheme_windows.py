"""corral:// links on Windows, with a registry that behaves like that of Windows."""

import sys

import pytest

from app.core import link_scheme
from app.core.errors import StorageError
from app.core.link_scheme import opens_links, set_opens_links
from tests.windows_registry import WindowsRegistry

PROGRAM = (r"C:\Users\Ann Lee\AppData\Local\Programs\Corral\corralw.exe",)
CLASS = r"Software\Classes\corral"
COMMAND = rf"{CLASS}\shell\open\command"


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> WindowsRegistry:
    registry = WindowsRegistry()
    monkeypatch.setitem(sys.modules, "winreg", registry)
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(link_scheme, "own_program", lambda: PROGRAM)
    return registry


def set_up(registry: WindowsRegistry, program: str) -> None:
    """What Corral-Setup.exe writes."""
    for path, value in (
        (CLASS, "URL:Corral"),
        (rf"{CLASS}\DefaultIcon", f"{program},0"),
        (COMMAND, f'"{program}" "%1"'),
    ):
        registry.CreateKey("HKCU", path)
        registry.SetValueEx(path, "", 0, registry.REG_SZ, value)


def test_links_are_switched_on_and_off(registry: WindowsRegistry) -> None:
    assert not opens_links()
    set_opens_links(True)
    assert opens_links()
    assert registry.text(COMMAND, "") == f'"{PROGRAM[0]}" "%1"'
    assert registry.text(CLASS, "URL Protocol") == ""
    set_opens_links(False)
    assert not opens_links()


def test_what_setup_wrote_is_taken_back_whole(registry: WindowsRegistry) -> None:
    set_up(registry, PROGRAM[0].upper())
    assert opens_links()
    set_opens_links(False)
    assert not opens_links()
    assert [key for key in registry.keys if key.startswith(CLASS)] == []
    assert r"Software\Classes" in registry.keys


def test_links_that_another_program_opens_are_not_this_programs(registry: WindowsRegistry) -> None:
    set_up(registry, r"D:\Other\corralw.exe")
    before = {path: dict(values) for path, values in registry.keys.items()}
    assert not opens_links()
    set_opens_links(False)
    assert registry.keys == before
    set_opens_links(True)
    assert opens_links()


def test_what_the_system_refuses_is_told(
    registry: WindowsRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Access is denied")

    monkeypatch.setattr(registry, "CreateKey", refuse)
    with pytest.raises(StorageError, match="Access is denied"):
        set_opens_links(True)
