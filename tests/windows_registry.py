"""A registry that behaves like that of Windows, in the place of `winreg`."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType


class WindowsRegistry(ModuleType):
    """What is used of `winreg`: keys with values, and none is deleted that has keys below it."""

    HKEY_CURRENT_USER = "HKCU"
    REG_SZ, REG_EXPAND_SZ = 1, 2
    KEY_READ, KEY_WRITE = 0x20019, 0x20006

    def __init__(self) -> None:
        super().__init__("winreg")
        self.keys: dict[str, dict[str, tuple[str, int]]] = {}

    def text(self, path: str, name: str) -> str | None:
        """A value."""
        found = self.keys.get(path, {}).get(name)
        return found[0] if found else None

    def CreateKey(self, root: str, path: str) -> object:
        parts = path.split("\\")
        for end in range(1, len(parts) + 1):
            self.keys.setdefault("\\".join(parts[:end]), {})
        return self.OpenKey(root, path)

    @contextmanager
    def OpenKey(
        self, _root: str, path: str, _reserved: int = 0, _access: int = KEY_READ
    ) -> Iterator[str]:
        if path not in self.keys:
            raise _missing(path)
        yield path

    def _below(self, path: str) -> list[str]:
        found = (key.removeprefix(path + "\\") for key in self.keys if key.startswith(path + "\\"))
        return sorted(name for name in found if "\\" not in name)

    def QueryInfoKey(self, path: str) -> tuple[int, int, int]:
        return len(self._below(path)), len(self.keys[path]), 0

    def EnumKey(self, path: str, number: int) -> str:
        return self._below(path)[number]

    def QueryValueEx(self, path: str, name: str) -> tuple[str, int]:
        if name not in self.keys[path]:
            raise _missing(name)
        return self.keys[path][name]

    def SetValueEx(self, path: str, name: str, _reserved: int, kind: int, value: str) -> None:
        self.keys[path][name] = (value, kind)

    def DeleteValue(self, path: str, name: str) -> None:
        if name not in self.keys[path]:
            raise _missing(name)
        del self.keys[path][name]

    def DeleteKey(self, _root: str, path: str) -> None:
        if self._below(path):
            raise PermissionError(13, "Access is denied", path)
        del self.keys[path]


def _missing(name: str) -> FileNotFoundError:
    return FileNotFoundError(2, "The system cannot find the file specified", name)
