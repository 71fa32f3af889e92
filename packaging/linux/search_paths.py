"""Takes folders of the build machine out of the libraries that were built there.

A compiler can write into a library where it was installed (DT_RPATH, DT_RUNPATH); the system would
search that folder on every computer, and whoever can write to it there decides what is loaded. What
is relative to the library itself ($ORIGIN) stays. The format is that of the System V ABI for
64-bit, little-endian systems: x86-64 and arm64.

    python packaging/linux/search_paths.py FOLDER    lists what is searched by files in it
"""

import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import system_libraries

_PT_LOAD, _PT_DYNAMIC = 1, 2
_DT_NULL, _DT_STRTAB, _DT_RPATH, _DT_RUNPATH = 0, 5, 15, 29
_ENTRY = struct.Struct("<QQ")
_SEGMENT = struct.Struct("<IIQQQQQQ")


class _Dynamic:
    """The entries of a library's dynamic section, and where in the file they lie."""

    def __init__(self, content: bytearray) -> None:
        if content[4:6] != b"\x02\x01":
            raise ValueError("not a 64-bit, little-endian file")
        first, size, number = (
            struct.unpack_from("<Q", content, 0x20)[0],
            *struct.unpack_from("<HH", content, 0x36),
        )
        segments = [_SEGMENT.unpack_from(content, first + size * i) for i in range(number)]
        self._content = content
        self._loaded = [segment for segment in segments if segment[0] == _PT_LOAD]
        self.places: list[int] = []
        for kind, _, offset, _, _, length, _, _ in segments:
            if kind == _PT_DYNAMIC:
                self.places = list(range(offset, offset + length, _ENTRY.size))

    def entry(self, place: int) -> tuple[int, int]:
        tag, value = _ENTRY.unpack_from(self._content, place)
        return tag, value

    def string(self, offset: int) -> tuple[int, str]:
        """Where in the file a string of the string table lies, and what it is."""
        table = next(v for t, v in map(self.entry, self.places) if t == _DT_STRTAB)
        for _, _, in_file, address, _, length, _, _ in self._loaded:
            if address <= table < address + length:
                start = table - address + in_file + offset
                return start, self._content[start : self._content.index(0, start)].decode()
        raise ValueError("the string table is not loaded")

    def searched(self) -> Iterator[tuple[int, int, str]]:
        """Entries that name folders: their place, where the string lies, the string."""
        for place in self.places:
            tag, value = self.entry(place)
            if tag in (_DT_RPATH, _DT_RUNPATH):
                yield place, *self.string(value)


def searched_by(path: Path) -> list[str]:
    """The folders that a library has the system search."""
    dynamic = _Dynamic(bytearray(path.read_bytes()))
    return [folder for _, _, text in dynamic.searched() for folder in text.split(":")]


def forget_build_machine(path: Path) -> bool:
    """Take absolute folders out of a library's search; says whether the file was changed."""
    content = bytearray(path.read_bytes())
    dynamic = _Dynamic(content)
    changed = False
    for place, start, text in list(dynamic.searched()):
        kept = ":".join(folder for folder in text.split(":") if folder.startswith("$ORIGIN"))
        if kept == text:
            continue
        changed = True
        content[start : start + len(text)] = kept.encode().ljust(len(text), b"\0")
        if not kept:
            _remove_entry(content, dynamic.places, place)
            break  # what follows has moved
    if changed:
        path.write_bytes(content)
    return changed


def _remove_entry(content: bytearray, places: list[int], place: int) -> None:
    """Close the gap: the entries after it move up, and the last becomes an end."""
    content[place : places[-1]] = content[place + _ENTRY.size : places[-1] + _ENTRY.size]
    content[places[-1] : places[-1] + _ENTRY.size] = _ENTRY.pack(_DT_NULL, 0)


def main(arguments: list[str]) -> int:
    for path in system_libraries.elf_files(Path(arguments[0])):
        for folder in searched_by(path):
            print(f"{folder:40} {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
