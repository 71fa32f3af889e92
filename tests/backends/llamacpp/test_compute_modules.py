"""Which modules are loaded, and in which order."""

import ctypes
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from backends.llamacpp.compute_modules import has_processor, load_modules, loaded_code

CODES = ("x64", "haswell", "zen4")


class Registry:
    """ggml's registry: the processor's device is there once a module that suits is loaded."""

    def __init__(self, *, suits: Sequence[str] = CODES, search_finds: bool = True) -> None:
        self.calls: list[str] = []
        self._suits = suits
        self._search_finds = search_finds
        self._has_processor = False

    def function(self, name: str, *types: object) -> Callable[..., object]:
        functions: dict[str, Callable[..., object]] = {
            "ggml_backend_dev_by_type": lambda kind: 1 if self._has_processor else None,
            "ggml_backend_load_all_from_path": self._search,
            "ggml_backend_load": self._load,
        }
        return functions[name]

    def _search(self, folder: bytes) -> None:
        self.calls.append("search")
        self._has_processor = self._search_finds

    def _load(self, path: bytes) -> None:
        name = Path(os.fsdecode(path)).name
        self.calls.append(name)
        self._has_processor |= any(name == f"libggml-cpu-{code}.so" for code in self._suits)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    names = ("llama", "ggml-base", "ggml-vulkan", *(f"ggml-cpu-{code}" for code in CODES))
    for name in names:
        (tmp_path / f"lib{name}.so").touch()
    (tmp_path / "libggml.so.0").touch()
    (tmp_path / "engine.json").touch()
    return tmp_path


def test_usually_the_best_is_found_by_the_library_itself(folder: Path) -> None:
    registry = Registry()
    load_modules(registry.function, folder, "", CODES)
    assert registry.calls == ["search"]
    assert has_processor(registry.function)


def test_one_code_can_be_named_and_graphics_cards_are_reached_all_the_same(folder: Path) -> None:
    registry = Registry()
    load_modules(registry.function, folder, "haswell", CODES)
    assert registry.calls == ["libggml-vulkan.so", "libggml-cpu-haswell.so"]


@pytest.mark.parametrize("code", ["", "zen4"])
def test_where_none_was_found_the_most_cautious_ones_are_tried_first(
    folder: Path, code: str
) -> None:
    registry = Registry(suits=("haswell",), search_finds=False)
    load_modules(registry.function, folder, code, CODES)
    assert registry.calls[-2:] == ["libggml-cpu-x64.so", "libggml-cpu-haswell.so"]
    assert has_processor(registry.function)


def test_on_windows_modules_are_opened_by_a_path_in_any_script_and_named_after_that(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def open_library(path: str) -> None:
        if "vulkan" in path:
            raise OSError("vulkan-1.dll is missing")
        opened.append(path)

    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(ctypes, "CDLL", open_library)
    registry = Registry()
    load_modules(registry.function, folder, "haswell", CODES)
    assert opened == [str(folder / "libggml-cpu-haswell.so")]
    assert registry.calls == ["libggml-cpu-haswell.so"]


def test_the_code_in_use_is_read_from_the_log() -> None:
    said = (
        "load_backend: loaded Vulkan backend from /opt/engine/libggml-vulkan.so",
        "load_backend: loaded CPU backend from /opt/ggml-cpu-x/libggml-cpu-armv8.2_1.so",
    )
    assert loaded_code(said) == "armv8.2_1"
    assert loaded_code(said[:1]) == ""
    assert loaded_code(["loaded CPU backend from C:\\Corral\\ggml-cpu-zen4.dll"]) == "zen4"
