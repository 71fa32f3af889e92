"""What is wrong with a Corral.app: everything about it that can be seen without a Mac."""

import os
import plistlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import app_info
import mach_o
import msgspec
import pictures
from mac_build import ROOT

sys.path.insert(0, str(ROOT))

from backends.engine_folder import EngineManifest, check_files
from backends.errors import EngineFailure

ENGINES = Path("Contents/Resources/engines")
ENGINES_LINK = Path("Contents/Frameworks/engines")
"""Where the program looks for engines: beside its libraries (`app.core.installed_engines`)."""
SYSTEM_FOLDERS = ("/usr/lib/", "/System/Library/")
"""Libraries in these are on every Mac."""
CALLBACKS = "_ctypes."
"""Begins the name of the file that makes functions of Python's for others to call."""
CALLBACK_LIBRARY = "/usr/lib/libffi.dylib"
"""macOS's own makes them without memory that can be both written and executed, which the hardened
runtime refuses (entitlements.plist)."""
MARKED_TOO_NEW = re.compile(
    r"(Qt\w+|Shiboken)\.abi3\.so|lib(pyside6(qml)?|shiboken6)\.abi3\.[\d.]+\.dylib"
)
MARK = (15, 0)
"""Since 6.10 PySide's own files, though not Qt's, are marked with the system that they were built
on. Their wheel is for macOS 13, and what they take of the system's libraries was there before; the
system looks at the mark of the program alone."""
NOT_ON = {"x86_64": ("mlx",)}
"""Python packages that do not belong on a kind of processor: MLX needs Apple's own."""


def files(bundle: Path) -> Iterator[Path]:
    """Everything in the bundle that is a file of its own, in order."""
    for folder, folders, names in os.walk(bundle):
        folders.sort()
        for name in sorted(names):
            path = Path(folder) / name
            if not path.is_symlink():
                yield path


def faults(bundle: Path, machine: str, version: str) -> Iterator[str]:
    """A sentence for each thing that is wrong. `machine` is arm64 or x86_64."""
    yield from information_faults(bundle, machine, version)
    yield from link_faults(bundle)
    yield from library_faults(bundle, machine)
    yield from engine_faults(bundle, machine)
    if not (bundle / ENGINES_LINK).is_symlink():
        yield f"{ENGINES_LINK} is no link; codesign takes a folder with dots there for a bundle"
    for package in NOT_ON.get(machine, ()):
        if list(bundle.glob(f"Contents/*/{package}")):
            yield f"{package} is in it, which does not run on {machine}"


def information_faults(bundle: Path, machine: str, version: str) -> Iterator[str]:
    """Info.plist, and what it names."""
    contents = bundle / "Contents"
    try:
        said = plistlib.loads((contents / "Info.plist").read_bytes())
    except (OSError, plistlib.InvalidFileException) as error:
        yield f"Info.plist cannot be read: {error}"
        return
    for key, value in app_info.info(version, machine).items():
        if said.get(key) != value:
            yield f"Info.plist says {said.get(key)!r} as {key}, not {value!r}"
    program = contents / "MacOS" / app_info.EXECUTABLE
    if not os.access(program, os.X_OK):
        yield f"{program.name} in Contents/MacOS is no program"
    try:
        found = pictures.entries((contents / "Resources" / app_info.ICON).read_bytes())
    except (OSError, ValueError) as error:
        yield f"the icon cannot be read: {error}"
        return
    if missing := pictures.ICONS.keys() - found.keys():
        yield f"the icon lacks {', '.join(sorted(missing))}"


def engine_faults(bundle: Path, machine: str) -> Iterator[str]:
    """The engine: for this processor, and each file as its list says; else the program refuses it.

    Signing changes libraries, so the list has to be written anew with it (`code_signing`).
    """
    manifests = sorted((bundle / ENGINES).glob("*/engine.json"))
    if not manifests:
        yield f"there is no engine in {ENGINES}"
    for path in manifests:
        try:
            manifest = msgspec.json.decode(path.read_bytes(), type=EngineManifest)
            check_files(path.parent, manifest, contents=True)
        except (EngineFailure, msgspec.DecodeError, OSError) as error:
            yield f"{path.parent.relative_to(bundle)}: {error}"
            continue
        if (manifest.system, manifest.machine) != ("macos", machine):
            yield f"the engine {manifest.id} is for {manifest.system} and {manifest.machine}"


def link_faults(bundle: Path) -> Iterator[str]:
    """Links have to stay in the bundle, wherever it is moved, and lead to something."""
    inside = bundle.resolve()
    for path in sorted(bundle.rglob("*")):
        if path.is_symlink():
            name, target = path.relative_to(bundle), path.readlink()
            if target.is_absolute():
                yield f"{name} is a link to the absolute path {target}"
            elif not path.exists():
                yield f"{name} is a link to {target}, which is not there"
            elif not path.resolve().is_relative_to(inside):
                yield f"{name} is a link out of the bundle"


def library_faults(bundle: Path, machine: str) -> Iterator[str]:
    """Native files: for this processor and system, and nothing of the machine that built them."""
    oldest = tuple(map(int, app_info.OLDEST_SYSTEM[machine].split(".")))
    code_alone = bundle / "Contents" / "MacOS"
    for path in files(bundle):
        name, parts = path.relative_to(bundle), mach_o.read(path)
        if path.is_relative_to(code_alone) and not parts:
            yield f"{name} is no code; signing wants data in Contents/Resources"
        if parts and machine not in {part.machine for part in parts}:
            yield f"{name} is not for {machine}"
        for part in parts:
            if part.machine != machine:
                continue
            for place in (*part.loads, *part.search_paths):
                if place.startswith("/") and not place.startswith(SYSTEM_FOLDERS):
                    yield f"{name} asks for {place}, which other computers do not have"
            if path.name.startswith(CALLBACKS) and CALLBACK_LIBRARY not in part.loads:
                yield f"{name} does not use {CALLBACK_LIBRARY}; ctypes would not work once signed"
            marked = MARKED_TOO_NEW.fullmatch(path.name) and part.oldest_system == MARK
            if part.oldest_system and part.oldest_system > oldest and not marked:
                yield f"{name} needs macOS {part.oldest_system[0]}.{part.oldest_system[1]}"
