"""What a Mach-O file asks the dynamic linker for, read without Apple's tools.

Format: Apple's mach-o/loader.h and mach-o/fat.h. Only 64-bit files, which are all that is built.
"""

import struct
from dataclasses import dataclass
from pathlib import Path

_MAGIC_64 = 0xFEEDFACF
_MAGIC_FAT = 0xCAFEBABE
_HEADER = struct.Struct("<8I")
_COMMAND = struct.Struct("<2I")
_LOADS = {0xC, 0x80000018, 0x8000001F}
"""LC_LOAD_DYLIB, LC_LOAD_WEAK_DYLIB, LC_REEXPORT_DYLIB."""
_ID, _RPATH, _BUILD_VERSION, _SIGNATURE = 0xD, 0x8000001C, 0x32, 0x1D
_MACHINES = {0x0100000C: "arm64", 0x01000007: "x86_64"}
_MOST_MACHINES = 16
"""Java's class files have the magic number of fat files, too; their next number is greater."""


@dataclass(frozen=True)
class MachO:
    """One machine's part of a file."""

    machine: str
    """arm64 or x86_64; else the number of the kind of processor."""
    name: str
    """What others load it by; empty for programs and modules."""
    loads: tuple[str, ...]
    search_paths: tuple[str, ...]
    oldest_system: tuple[int, int] | None
    """The oldest macOS it runs on, where it says so."""
    signed: bool


def read(path: Path) -> list[MachO]:
    """The parts of a file, one for each kind of processor; none if it is no Mach-O file."""
    with path.open("rb") as file:
        if file.read(4) not in (struct.pack("<I", _MAGIC_64), struct.pack(">I", _MAGIC_FAT)):
            return []
    content = path.read_bytes()
    if content.startswith(struct.pack("<I", _MAGIC_64)):
        return [_part(content)]
    count = int.from_bytes(content[4:8], "big")
    if count > _MOST_MACHINES:
        return []
    parts = []
    for number in range(count):
        _, _, offset, size, _ = struct.unpack_from(">5I", content, 8 + 20 * number)
        part = content[offset : offset + size]
        if part.startswith(struct.pack("<I", _MAGIC_64)):  # else an archive of object files
            parts.append(_part(part))
    return parts


def _part(content: bytes) -> MachO:
    _, machine, _, _, count, _, _, _ = _HEADER.unpack_from(content)
    name, loads, search_paths, oldest, signed = "", [], [], None, False
    place = _HEADER.size
    for _ in range(count):
        kind, size = _COMMAND.unpack_from(content, place)
        if kind in _LOADS:
            loads.append(_text(content, place, size))
        elif kind == _ID:
            name = _text(content, place, size)
        elif kind == _RPATH:
            search_paths.append(_text(content, place, size))
        elif kind == _BUILD_VERSION:
            version = int.from_bytes(content[place + 12 : place + 16], "little")
            oldest = (version >> 16, version >> 8 & 0xFF)
        elif kind == _SIGNATURE:
            signed = True
        place += size
    return MachO(
        machine=_MACHINES.get(machine, str(machine)),
        name=name,
        loads=tuple(loads),
        search_paths=tuple(search_paths),
        oldest_system=oldest,
        signed=signed,
    )


def _text(content: bytes, place: int, size: int) -> str:
    """The text of a command, which begins where its third number says."""
    begin = int.from_bytes(content[place + 8 : place + 12], "little")
    return content[place + begin : place + size].split(b"\0")[0].decode()
