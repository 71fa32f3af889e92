"""Check a finished engine folder: what lies in it, and what its libraries want of a system.

    python packaging/engine/check.py FOLDER

Prints every fault and exits with 1 if there are any. Needs the binutils of the target's system; for
macOS none.
"""

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from engine_targets import LIBGOMP

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "macos" / "steps"))

import mach_o

Versions = dict[str, tuple[int, ...]]

MANIFEST = "engine.json"

NEWEST: dict[str, Versions] = {
    "x86_64": {"GLIBC": (2, 34), "GLIBCXX": (3, 4, 29), "CXXABI": (1, 3, 13), "GOMP": (4, 5)},
    "aarch64": {"GLIBC": (2, 39), "GLIBCXX": (3, 4, 33), "CXXABI": (1, 3, 15), "GOMP": (4, 5)},
}
"""Symbol versions that Debian 12 and Ubuntu 22.04 have; on 64-bit ARM, where the program's Qt asks
for more anyway, Debian 13 and Ubuntu 24.04."""
NEWEST_OF_RUNTIME: dict[str, Versions] = {
    "x86_64": {"GLIBC": (2, 36)},
    "aarch64": NEWEST["aarch64"],
}
"""The compiler's own library may ask for what the system has that it comes from."""

LINUX_NEEDS = {
    *("libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1"),
    *("libstdc++.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"),
}
"""On every Linux with a desktop."""
WINDOWS_NEEDS = {"kernel32.dll", "advapi32.dll", "msvcrt.dll"}
"""Part of Windows itself."""
MSVC_NEEDS = re.compile(r"api-ms-win-.*\.dll|ucrtbase\.dll", re.IGNORECASE)
MAC_FOLDERS = ("/usr/lib/", "/System/Library/")
"""What lies in these is part of macOS itself."""
CARDS = {
    "vulkan": {"libvulkan.so.1", "vulkan-1.dll"},
    "cuda": {"libcuda.so.1", "nvcuda.dll"},
}
"""What the driver of a graphics card brings along."""
CUDA_RUNTIME = re.compile(r"(lib)?(cudart|cublas|cublasLt)[-_.\w]*\.(so\.\d+|dll)")

ALIGNED_MOVE = re.compile(r"\bvmov(aps|apd|dqa|dqa32|dqa64)\b.*[yz]mm", re.IGNORECASE)
"""A move of 32 or 64 bytes; it faults where its memory is not aligned so."""


def faults(folder: Path) -> Iterator[str]:
    """Everything that is wrong with an engine's folder, in words."""
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    yield from file_faults(folder, manifest)
    libraries = [folder / name for name in manifest["files"] if is_library(name)]
    libraries = [path for path in libraries if path.is_file()]
    match manifest["system"]:
        case "linux":
            yield from linux_faults(libraries, manifest)
        case "windows":
            yield from windows_faults(libraries, manifest)
        case "macos":
            yield from mac_faults(libraries, manifest)


def is_library(name: str) -> bool:
    """Whether a file of an engine is a native library."""
    return re.search(r"\.(so(\.\d+)*|dylib|dll)$", name) is not None


def file_faults(folder: Path, manifest: dict[str, Any]) -> Iterator[str]:
    """What is there and not listed, listed and not there, other than listed, or there twice."""
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    listed = set(manifest["files"])
    for name in sorted(found - listed - {MANIFEST}):
        yield f"{name} is not on the list"
    for name in sorted(listed - found):
        yield f"{name} is missing"
    seen: dict[str, str] = {}
    for name in sorted(found & listed):
        path = folder / name
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if path.is_symlink():
            yield f"{name} is a link"
        if digest != manifest["files"][name] or path.stat().st_size != manifest["sizes"][name]:
            yield f"{name} is not what the list says"
        if is_library(name) and digest in seen:
            yield f"{name} is the same as {seen[digest]}"
        seen[digest] = name
    for variant in manifest["variants"]:
        if not any(re.fullmatch(rf"(lib)?ggml-cpu-{variant}\.\w+", name) for name in listed):
            yield f"there is no code for {variant}"


def output(*command: str) -> str:
    """What a tool prints."""
    done = subprocess.run(command, check=True, capture_output=True, text=True, errors="replace")
    return done.stdout


def too_new(symbols: str, newest: Versions) -> set[str]:
    """The symbol versions in readelf's words that are newer than a system must have."""
    found = set(re.findall(r"\b(GLIBC|GLIBCXX|CXXABI|GOMP|OMP)_(\d+(?:\.\d+)*)", symbols))
    return {
        f"{kind}_{number}"
        for kind, number in found
        if kind in newest and tuple(map(int, number.split("."))) > newest[kind]
    }


def linux_faults(libraries: list[Path], manifest: dict[str, Any]) -> Iterator[str]:
    """Symbol versions, needed libraries, search path, what is left of symbols and paths."""
    own = {path.name for path in libraries} | {"libllama.so.0"}  # libllama.so says so of itself
    allowed = own | LINUX_NEEDS | CARDS.get(manifest["accelerator"], set())
    for path in libraries:
        is_runtime = path.name == LIBGOMP
        newest = (NEWEST_OF_RUNTIME if is_runtime else NEWEST)[manifest["machine"]]
        for version in sorted(too_new(output("readelf", "--version-info", str(path)), newest)):
            yield f"{path.name} needs {version}"
        dynamic = output("readelf", "--dynamic", str(path))
        needed = set(re.findall(r"\(NEEDED\).*\[(.+?)\]", dynamic))
        yield from foreign(path, needed, allowed, manifest)
        if not is_runtime and re.findall(r"\((?:RUNPATH|RPATH)\).*\[(.*?)\]", dynamic) != [
            "$ORIGIN"
        ]:
            yield f"{path.name} does not look for the others beside itself"
        sections = output("readelf", "--sections", "--wide", str(path))
        if re.search(r"\s\.(symtab|debug_info)\s", sections):
            yield f"{path.name} is not stripped"
        yield from paths_of_builder(path)


def foreign(
    path: Path, needed: Iterable[str], allowed: set[str], manifest: dict[str, Any]
) -> Iterator[str]:
    """Libraries that a library needs and that may not be there."""
    for name in sorted(needed):
        if manifest["accelerator"] == "cuda" and CUDA_RUNTIME.fullmatch(name):
            continue
        if name not in allowed:
            yield f"{path.name} needs {name}"


def paths_of_builder(path: Path) -> Iterator[str]:
    """Places on the computer where it was built."""
    here = str(Path(__file__).resolve().parents[2]).encode()
    home = str(Path.home()).encode() + b"/"
    for place in (here, home):
        if place in path.read_bytes():
            yield f"{path.name} holds the path {place.decode()}"


def windows_faults(libraries: list[Path], manifest: dict[str, Any]) -> Iterator[str]:
    """Imports, time stamps, and moves that rely on an alignment that the stack does not have."""
    tool = "x86_64-w64-mingw32-objdump"
    own = {path.name.lower() for path in libraries}
    allowed = own | WINDOWS_NEEDS | CARDS.get(manifest["accelerator"], set())
    for path in libraries:
        header = output(tool, "--private-headers", str(path))
        needed = {each.lower() for each in re.findall(r"DLL Name: (\S+)", header)}
        needed = {each for each in needed if not MSVC_NEEDS.fullmatch(each)}
        yield from foreign(path, needed, allowed, manifest)
        yield from paths_of_builder(path)
        if manifest["compiler"] != "mingw":  # the others align the stack and make no time stamps
            continue
        stamp = re.search(r"Time/Date\s+(.+)", header)
        if stamp is None or "1970" not in stamp[1]:
            yield f"{path.name} holds the time at which it was made"
        if count := aligned_moves(output(tool, "--disassemble", "--no-show-raw-insn", str(path))):
            yield f"{path.name} has {count} moves that need an aligned stack"


def aligned_moves(disassembly: str) -> int:
    """Moves between memory and a register of 32 or 64 bytes that need an alignment."""
    return sum("(" in line and bool(ALIGNED_MOVE.search(line)) for line in disassembly.splitlines())


def mac_faults(libraries: list[Path], manifest: dict[str, Any]) -> Iterator[str]:
    """Kind of processor, names, needed libraries, search path, signature, what is left of paths."""
    own = {f"@rpath/{path.name}" for path in libraries}
    for path in libraries:
        parts = mach_o.read(path)
        machines = [part.machine for part in parts]
        if machines != [manifest["machine"]]:
            yield f"{path.name} is for {' and '.join(machines) or 'no Mac'}"
            continue
        [part] = parts
        if path.suffix == ".dylib" and part.name != f"@rpath/{path.name}":
            yield f"{path.name} calls itself {part.name}"
        needed = [load for load in part.loads if not load.startswith(MAC_FOLDERS)]
        for load in sorted(set(needed) - own):
            yield f"{path.name} needs {load}"
        if needed and part.search_paths != ("@loader_path",):
            yield f"{path.name} does not look for the others beside itself"
        if not part.signed:
            yield f"{path.name} is not signed, so arm64 would not load it"
        yield from paths_of_builder(path)


def main(arguments: list[str]) -> int:
    folder = Path(arguments[0])
    found = list(faults(folder))
    for fault in found:
        print(f"check: {fault}", file=sys.stderr)
    if not found:
        names = [path for path in folder.rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in names)
        print(f"{folder.name}: {len(names)} files, {size / 1e6:.1f} MB, nothing wrong")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
