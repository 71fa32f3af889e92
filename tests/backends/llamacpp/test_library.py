"""A compute backend is found in the library's own folder, or its lack is told."""

import ctypes
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from backends.errors import EngineFailure
from backends.llamacpp import library


class Registry:
    """ggml's registry of a build with modules: empty until a folder is searched."""

    def __init__(self, devices_after: int) -> None:
        self.devices = 0
        self.devices_after = devices_after
        self.searched: list[bytes] = []

    def function(self, name: str, *types: object) -> Callable[..., object]:
        functions: dict[str, Callable[..., object]] = {
            "ggml_backend_dev_by_type": lambda kind: self.devices,
            "ggml_backend_load_all_from_path": self.ggml_backend_load_all_from_path,
        }
        return functions[name]

    def ggml_backend_load_all_from_path(self, folder: bytes) -> None:
        self.searched.append(folder)
        self.devices = self.devices_after


def test_the_installed_library_has_a_backend() -> None:
    library.open_library()
    assert library.library_function("ggml_backend_dev_count", ctypes.c_size_t)() > 0


def test_modules_are_loaded_from_the_folder_of_the_library_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    registry = Registry(devices_after=1)
    monkeypatch.setattr(library, "library_function", registry.function)
    library.open_library()
    library.open_library()
    (searched,) = registry.searched
    folder = Path(os.fsdecode(searched))
    assert folder.is_absolute()
    assert list(folder.glob("*llama*"))


def test_without_a_backend_the_failure_is_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "library_function", Registry(devices_after=0).function)
    with pytest.raises(EngineFailure) as caught:
        library.open_library()
    assert "no compute backend" in caught.value.message


def test_aborts_start_no_debugger_and_no_foreign_module_is_named() -> None:
    assert os.environ["GGML_NO_BACKTRACE"]
    assert "GGML_BACKEND_PATH" not in os.environ
