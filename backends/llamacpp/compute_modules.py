"""Loads the modules that compute: one of those for the processor, and all for graphics cards.

Builds with one module for each kind of processor register nothing by themselves. llama.cpp would
then search the current directory, where anybody may have put a library; so the modules are loaded
before anything else, from the engine's own folder and nowhere else.
"""

import ctypes
import logging
import os
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

log = logging.getLogger(__name__)

_CPU_DEVICE = 0
"""GGML_BACKEND_DEVICE_TYPE_CPU of ggml-backend.h."""
_MODULE = re.compile(r"(?:lib)?ggml-(?!base\.)(?P<kind>.+)\.(?:so|dll|dylib)")
_LOADED = re.compile(r"loaded \S+ backend from .*ggml-cpu-(?P<code>[\w.]+)\.(?:so|dll|dylib)\s*$")


class Functions(Protocol):
    """Finds a function of ggml by its name, and gives it its C types."""

    def __call__(self, name: str, result: Any, /, *arguments: Any) -> Any:
        """The function."""
        ...


def has_processor(function: Functions) -> bool:
    """Whether something is registered that computes on the processor."""
    device = function("ggml_backend_dev_by_type", ctypes.c_void_p, ctypes.c_int)
    return bool(device(_CPU_DEVICE))


def load_modules(function: Functions, folder: Path, code: str, codes: Sequence[str]) -> None:
    """Register what computes. `code` is that for the processor; "" lets llama.cpp find the best.

    `codes` are all there are, the most cautious first. Where llama.cpp finds none that it likes
    they are tried in turn.
    """
    if code:
        names = sorted(path.name for path in folder.iterdir())
        wanted = [name for name in names if not _kind(name).startswith("cpu")]
        _load(function, folder, [*wanted, *_named(folder, code)])
    else:
        load_all = function("ggml_backend_load_all_from_path", None, ctypes.c_char_p)
        load_all(os.fsencode(folder))
    for each in codes:
        if has_processor(function):
            return
        _load(function, folder, _named(folder, each))


def loaded_code(said: Iterable[str]) -> str:
    """Which code for the processor is in use, from the engine's log; "" where it has only one."""
    found = [match["code"] for line in said if (match := _LOADED.search(line))]
    return found[-1] if found else ""


def _kind(name: str) -> str:
    """What a library of ggml computes on; "cpu" of those that are no modules."""
    match = _MODULE.fullmatch(name)
    return match["kind"] if match else "cpu"


def _named(folder: Path, code: str) -> list[str]:
    return [path.name for path in folder.iterdir() if _kind(path.name) == f"cpu-{code}"]


def _load(function: Functions, folder: Path, names: Iterable[str]) -> None:
    load = function("ggml_backend_load", ctypes.c_void_p, ctypes.c_char_p)
    for name in names:
        path = folder / name
        if sys.platform == "win32":
            # llama.cpp takes this path, unlike that of a folder, for one in the old code page. A
            # library that is open already is found by its name alone.
            try:
                ctypes.CDLL(str(path))
            except OSError as error:
                log.info("%s does not open: %s", path, error)
                continue
            path = Path(name)
        load(os.fsencode(path))
