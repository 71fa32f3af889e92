"""Which libraries a Windows program or library asks for, read from its file.

Format: Microsoft's "PE Format" (headers, section table, import and delay-load import tables).
"""

import struct
from collections.abc import Iterator
from pathlib import Path

IMPORTS = 1
DELAYED_IMPORTS = 13
"""Numbers of data directories."""
_TABLES: dict[int, tuple[int, int]] = {IMPORTS: (20, 12), DELAYED_IMPORTS: (32, 4)}
"""For each: the size of an entry, and where in it the address of the library's name is."""
_DIRECTORIES = {0x10B: 96, 0x20B: 112}
"""Where the data directories begin in the optional header, for 32 and for 64 bits."""


class NotPE(Exception):
    """The file is no Windows program or library."""


def imported_names(file: Path) -> set[str]:
    """Names of the libraries that `file` is linked to, in lower case. Raises NotPE, OSError."""
    content = file.read_bytes()
    try:
        return {name.lower() for name in _names(content)}
    except (struct.error, KeyError, ValueError) as error:
        raise NotPE(f"{file} is no Windows program or library") from error


def _names(content: bytes) -> Iterator[str]:
    (header,) = struct.unpack_from("<I", content, 0x3C)
    if content[:2] != b"MZ" or content[header : header + 4] != b"PE\0\0":
        raise ValueError("signature")
    sections, optional_size = struct.unpack_from("<H12xH", content, header + 6)
    optional = header + 24
    (magic,) = struct.unpack_from("<H", content, optional)
    directories = optional + _DIRECTORIES[magic]
    (count,) = struct.unpack_from("<I", content, directories - 4)
    table = [
        struct.unpack_from("<4I", content, optional + optional_size + 40 * number + 8)
        for number in range(sections)
    ]

    def offset(address: int) -> int:
        for virtual_size, start, raw_size, raw in table:
            if start <= address < start + max(virtual_size, raw_size):
                return int(address - start + raw)
        raise ValueError(f"address {address:#x}")

    for number, (entry_size, name_at) in _TABLES.items():
        start = 0
        if number < count:
            (start,) = struct.unpack_from("<I", content, directories + 8 * number)
        position = offset(start) if start else 0
        while start:
            (name,) = struct.unpack_from("<I", content, position + name_at)
            if not name:
                break
            begin = offset(name)
            yield content[begin : content.index(b"\0", begin)].decode("ascii")
            position += entry_size
