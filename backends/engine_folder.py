"""Folders with an engine's libraries: what lies in them, and whether it is still what was built.

`packaging/engine/build.py` makes them. Each is whole: the native libraries, the Python binding that
belongs to them, and `engine.json`, which lists every file. Nothing here loads any of it.
"""

import hashlib
import platform
import sys
import sysconfig
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from backends.errors import EngineFailure

MANIFEST = "engine.json"
SIGNATURE = "engine.sig"
"""Who vouches for `engine.json`, and so for every file; not every engine has one."""
BINDING = "binding"
"""Folder of the Python modules in an engine's folder."""
INTERFACE = 1
"""What `backends.llamacpp` and an engine agree on: the functions of llama.h and how they are used.

Raised when an engine that was built before could no longer be used; such ones are passed over.
"""
FOLDER_VARIABLE = "CORRAL_ENGINE"
"""Tells a child the engine's folder; without it the libraries of the Python package are used."""
CODE_VARIABLE = "CORRAL_CPU_CODE"
"""Tells a child which code for the processor to use, one of `EngineManifest.variants`."""


class EngineManifest(Struct, frozen=True):
    """What `engine.json` says."""

    id: str
    engine: Literal["llama.cpp"]
    version: str
    """Of the Python binding, which belongs to one state of llama.cpp."""
    commit: str
    """That state."""
    interface: int
    system: str
    machine: str
    variants: tuple[str, ...]
    """Code for kinds of processors, the most cautious first."""
    files: dict[str, str]
    """SHA-256 by path in the folder."""
    sizes: dict[str, int]
    """Bytes by path in the folder."""
    accelerator: str = ""
    """How it reaches graphics cards, if it does: "vulkan", "cuda", "metal"."""


def this_system() -> tuple[str, str]:
    """What engines for this computer say of `system` and `machine`."""
    if sys.platform == "win32":
        # What Python is built for. `platform` would ask the system's management service, for long.
        return "windows", {"win-amd64": "x86_64"}.get(sysconfig.get_platform(), "other")
    system = {"darwin": "macos"}.get(sys.platform, sys.platform)
    return system, platform.machine().lower()


def read_manifest(folder: Path) -> EngineManifest:
    """What an engine's folder says of itself. Raises `EngineFailure` where Corral cannot use it."""
    try:
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=EngineManifest)
    except OSError as error:
        raise EngineFailure(f"There is no engine in {folder}.", str(error)) from error
    except msgspec.DecodeError as error:
        raise EngineFailure(f"{folder / MANIFEST} is damaged.", str(error)) from error
    if manifest.interface != INTERFACE:
        raise EngineFailure(f"The engine {manifest.id} is made for another version of Corral.")
    if (manifest.system, manifest.machine) != this_system():
        raise EngineFailure(f"The engine {manifest.id} is made for another computer.")
    return manifest


def check_files(folder: Path, manifest: EngineManifest, *, contents: bool = False) -> None:
    """Raise `EngineFailure` unless exactly the listed files are there, each as long as it says.

    That takes about a millisecond. With `contents` they are also read, some 25 MB.
    """
    found = {
        path.relative_to(folder).as_posix(): path
        for path in folder.rglob("*")
        if not path.is_dir() or path.is_symlink()
    }
    for own in (MANIFEST, SIGNATURE):
        found.pop(own, None)
    strange = found.keys() - manifest.files.keys()
    if strange:  # a library among them would be loaded with the others
        raise _damaged(manifest, f"{min(strange)} does not belong to it")
    for name, digest in manifest.files.items():
        path = found.get(name)
        if path is None:
            raise _damaged(manifest, f"{name} is missing")
        if path.is_symlink() or path.stat().st_size != manifest.sizes.get(name):
            raise _damaged(manifest, f"{name} is not the file that was installed")
        if contents and hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            raise _damaged(manifest, f"{name} was changed")


def _damaged(manifest: EngineManifest, what: str) -> EngineFailure:
    return EngineFailure(f"The engine {manifest.id} is damaged: {what}.")
