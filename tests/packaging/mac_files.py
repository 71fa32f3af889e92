"""Made-up Mach-O files, and stand-ins for Apple's tools that change them as those do.

Nothing but a Mac has the tools. Each stand-in is a small program on the PATH that runs this file.
"""

import hashlib
import json
import os
import struct
import sys
from pathlib import Path

from tests.packaging.scripts import ROOT

TOOLS = ("codesign", "ditto", "install_name_tool", "strip", "xcrun")
LOG = "MAC_TOOLS_LOG"
"""Names a file that gets each call as a line of JSON."""
ARM64, X86_64 = 0x0100000C, 0x01000007
_SEAL = Path("_CodeSignature") / "CodeResources"


def mach_o(
    *loads: str,
    name: str = "",
    rpath: str = "",
    machine: int = ARM64,
    oldest: tuple[int, int] = (11, 0),
    signature: bytes = b"",
) -> bytes:
    """The beginning of a Mach-O file, as Apple's mach-o/loader.h describes it."""

    def with_text(kind: int, text: str, head: int) -> bytes:
        content = text.encode() + b"\0"
        content += bytes(-(head + len(content)) % 8)
        rest = struct.pack("<3I", 0, 0, 0)[: head - 12]
        return struct.pack("<3I", kind, head + len(content), head) + rest + content

    commands = [with_text(0xD, name, 24)] if name else []
    commands += [with_text(0xC, load, 24) for load in loads]
    commands += [with_text(0x8000001C, rpath, 12)] if rpath else []
    commands.append(struct.pack("<6I", 0x32, 24, 1, oldest[0] << 16 | oldest[1] << 8, 0, 0))
    if signature:
        commands.append(struct.pack("<4I", 0x1D, 16, 0, len(signature)))
    body = b"".join(commands)
    head = struct.pack("<8I", 0xFEEDFACF, machine, 0, 6, len(commands), len(body), 0, 0)
    return head + body + signature


def put_on_path(folder: Path) -> str:
    """Write the stand-ins into `folder`; the PATH that finds them first."""
    folder.mkdir()
    for tool in TOOLS:
        script = folder / tool
        script.write_text(
            f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" "{__file__}" {tool} "$@"\n'
        )
        script.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


# What the tools do


def rewritten(path: Path, **changed: object) -> bytes:
    """A made-up file with something of it changed."""
    sys.path.insert(0, str(ROOT / "packaging" / "macos" / "steps"))
    import mach_o as reader

    [part] = reader.read(path)
    values: dict[str, object] = {
        "name": part.name,
        "rpath": "".join(part.search_paths),
        "machine": {"arm64": ARM64, "x86_64": X86_64}[part.machine],
        "oldest": part.oldest_system,
    }
    loads = changed.pop("loads", part.loads)
    return mach_o(*loads, **{**values, **changed})  # type: ignore[arg-type, misc]  # as one is made


def install_name_tool(words: list[str]) -> None:
    """`-id NEW` names a library, and is ignored for what has no name; `-change OLD NEW`."""
    sys.path.insert(0, str(ROOT / "packaging" / "macos" / "steps"))
    import mach_o as reader

    *options, file = words
    path = Path(file)
    [part] = reader.read(path)
    name, loads = part.name, list(part.loads)
    while options:
        if options[0] == "-id":
            name, options = (options[1] if name else ""), options[2:]
        else:
            assert options[0] == "-change"
            loads = [options[2] if load == options[1] else load for load in loads]
            options = options[3:]
    path.write_bytes(rewritten(path, name=name, loads=loads))  # the signature is broken


def codesign(words: list[str]) -> None:
    """Signs a file, which grows; or seals a bundle, in which all code has to be signed."""
    target = Path(words[-1])
    if "--verify" in words:
        verify(target)
        return
    who = words[words.index("--sign") + 1]
    hardened = " hardened" if "--options" in words else ""
    entitled = Path(words[words.index("--entitlements") + 1]) if "--entitlements" in words else None
    signature = f"{who}{hardened}{entitled.read_text() if entitled else ''}".encode()
    if target.is_file():
        target.write_bytes(rewritten(target, signature=signature + bytes(64)))
        return
    if target.suffix == ".app":
        main = target / "Contents" / "MacOS" / "corral"
        main.write_bytes(rewritten(main, signature=signature + bytes(64)))
        target /= "Contents"
    seal(target)


def sealed(folder: Path) -> dict[str, str]:
    """The checksum of everything below a bundle but of its own seal."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink() and path != folder / _SEAL
    }


def seal(folder: Path) -> None:
    for path in folder.rglob("*"):
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        if content.startswith(struct.pack("<I", 0xFEEDFACF)) and not signed(path):
            sys.exit(f"{path}: code object is not signed at all")
    (folder / _SEAL).parent.mkdir(exist_ok=True)
    (folder / _SEAL).write_text(json.dumps(sealed(folder)))


def signed(path: Path) -> bool:
    sys.path.insert(0, str(ROOT / "packaging" / "macos" / "steps"))
    import mach_o as reader

    return all(part.signed for part in reader.read(path))


def verify(bundle: Path) -> None:
    contents = bundle / "Contents"
    if json.loads((contents / _SEAL).read_text()) != sealed(contents):
        sys.exit(f"{bundle}: a sealed resource is missing or invalid")


def main(tool: str, words: list[str]) -> None:
    if log := os.environ.get(LOG):
        with Path(log).open("a", encoding="utf-8") as file:
            file.write(json.dumps([tool, *words]) + "\n")
    if tool == "install_name_tool":
        install_name_tool(words)
    elif tool == "codesign":
        codesign(words)
    elif tool == "ditto":
        Path(words[-1]).write_bytes(b"archive")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
