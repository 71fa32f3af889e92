"""What the Linux builds take from the system, and which Debian package brings each.

Left to the system are the libraries that every desktop has in a compatible form and that belong to
it: what its graphics drivers load as well, what looks for its settings (fonts, certificates,
D-Bus), what gets its security fixes. Everything else is frozen into the program, because not every
distribution installs it.

    python packaging/linux/system_libraries.py dist/corral    what that folder needs
"""

import functools
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

PACKAGES: Mapping[str, tuple[str, ...]] = {
    "libc6": (
        *("libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libutil.so.1"),
        *("ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1", "libresolv.so.2"),
    ),
    # Graphics drivers are written in C++, too: one library for both.
    "libstdc++6": ("libstdc++.so.6",),
    "libgcc-s1": ("libgcc_s.so.1",),
    "zlib1g": ("libz.so.1",),
    "libzstd1": ("libzstd.so.1",),
    "libffi8": ("libffi.so.8",),
    # Knows where the system keeps its certificates.
    "libssl3": ("libssl.so.3", "libcrypto.so.3"),
    # Under the GPL; where it is missing, the terminal forgets what was typed.
    "libreadline8": ("libreadline.so.8",),
    "libglib2.0-0": ("libglib-2.0.so.0", "libgthread-2.0.so.0"),
    "libdbus-1-3": ("libdbus-1.so.3",),
    "libfontconfig1": ("libfontconfig.so.1",),
    "libfreetype6": ("libfreetype.so.6",),
    "libx11-6": ("libX11.so.6",),
    "libx11-xcb1": ("libX11-xcb.so.1",),
    "libxcb1": ("libxcb.so.1",),
    "libgl1": ("libGL.so.1",),
    "libegl1": ("libEGL.so.1",),
    "libwayland-client0": ("libwayland-client.so.0",),
    "libwayland-cursor0": ("libwayland-cursor.so.0",),
    "libwayland-egl1": ("libwayland-egl.so.1",),
}
"""By Debian package, the libraries that are taken from it. Newer releases provide these names."""

DATA_PACKAGES: Mapping[str, str] = {
    "ca-certificates": "the authorities that connections to the hub are checked against",
}
"""Packages without a library that something fails without, and what."""

SONAMES = frozenset(name for names in PACKAGES.values() for name in names)
"""Every library that is taken from the system."""

_NEEDED = re.compile(r"^\s+NEEDED\s+(\S+)", re.MULTILINE)
_SONAME = re.compile(r"^\s+SONAME\s+(\S+)", re.MULTILINE)
_GLIBC = re.compile(r"\bGLIBC_(\d+)\.(\d+)\b")


def is_elf(path: Path) -> bool:
    """Whether a file is a program or library of Linux; False for a link."""
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def elf_files(folder: Path) -> list[Path]:
    """Every program and library below `folder`, sorted."""
    return sorted(path for path in folder.rglob("*") if is_elf(path))


@functools.cache
def _dump(path: Path) -> str:
    done = subprocess.run(
        ["objdump", "-p", path],
        check=True,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "LC_ALL": "C"},
    )
    return done.stdout


def needed_by(path: Path) -> set[str]:
    """Names of the libraries that a file itself asks for."""
    return set(_NEEDED.findall(_dump(path)))


def needed_outside(folder: Path) -> set[str]:
    """Names of the libraries that files in `folder` ask for and that do not lie in it.

    A library has the name of its file and the one written in it, by which those that are loaded
    after it find it.
    """
    files = elf_files(folder)
    wanted = {name for path in files for name in needed_by(path)}
    written = {name for path in files for name in _SONAME.findall(_dump(path))}
    return wanted - written - {path.name for path in folder.rglob("*.so*")}


def glibc_floor(paths: Iterable[Path]) -> tuple[int, int]:
    """The oldest glibc that has all that these files ask of it."""
    versions = {
        (int(major), int(minor)) for path in paths for major, minor in _GLIBC.findall(_dump(path))
    }
    return max(versions)


def unexpected(folder: Path) -> set[str]:
    """Libraries that the folder needs and that no declared package is known to bring."""
    return needed_outside(folder) - SONAMES


def dependencies(folder: Path) -> list[str]:
    """The `Depends` of a Debian package of this folder: what its files ask for, and no more.

    Raises:
        ValueError: something is needed that `PACKAGES` does not know.
    """
    if strange := unexpected(folder):
        raise ValueError(f"no package is known to bring {', '.join(sorted(strange))}")
    needed = needed_outside(folder)
    packages = [name for name, libraries in PACKAGES.items() if needed & set(libraries)]
    major, minor = glibc_floor(elf_files(folder))
    floor = {"libc6": f"libc6 (>= {major}.{minor})"}
    return sorted([*(floor.get(name, name) for name in packages), *DATA_PACKAGES])


def main(arguments: list[str]) -> int:
    folder = Path(arguments[0])
    for name in sorted(needed_outside(folder)):
        package = next((p for p, libraries in PACKAGES.items() if name in libraries), "UNKNOWN")
        print(f"{name:24} {package}")
    print("Depends: " + ", ".join(dependencies(folder)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
