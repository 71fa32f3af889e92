"""Pack an engine's folder into one file that people can add to Corral: ID.corral-engine.

    python packaging/engine/pack.py FOLDER --out DIR

FOLDER is what build.py made. The file is a zip: engine.json first, the others by name, all of the
same time and mode, so that the same folder gives the same file. Its SHA-256 is printed as
`sha256sum` does. `packaging/updates/sign.py engine` puts a signature into it. Needs Python alone.
"""

import argparse
import hashlib
import json
import stat
import sys
import zipfile
from pathlib import Path

MANIFEST = "engine.json"
SIGNATURE = "engine.sig"
SUFFIX = ".corral-engine"


class Unpackable(Exception):
    """The folder is not what its list says."""


def files_of(folder: Path) -> tuple[str, list[str]]:
    """The engine's id, and its files by name. Raises Unpackable for a folder that was changed."""
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    listed: dict[str, str] = manifest["files"]
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    found -= {MANIFEST, SIGNATURE}
    if odd := sorted(found ^ listed.keys()):
        raise Unpackable(f"{odd[0]} is not on the list, or not there")
    for name, digest in listed.items():
        with (folder / name).open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                raise Unpackable(f"{name} was changed")
    return manifest["id"], sorted(listed)


def pack(folder: Path, out: Path) -> Path:
    """Make the file in `out`; it appears when it is complete. Raises Unpackable and OSError."""
    engine_id, names = files_of(folder)
    out.mkdir(parents=True, exist_ok=True)
    target = out / f"{engine_id}{SUFFIX}"
    part = target.with_name(f"{target.name}.part")
    first = [MANIFEST, *([SIGNATURE] if (folder / SIGNATURE).exists() else [])]
    with zipfile.ZipFile(part, "w") as archive:
        for name in (*first, *names):
            add(archive, folder / name, name)
    part.replace(target)
    return target


def add(archive: zipfile.ZipFile, file: Path, name: str) -> None:
    """One file, of 1980 and readable for all, whoever packs it."""
    entry = zipfile.ZipInfo(name)
    entry.create_system = 3  # the kind whose modes mean something
    entry.external_attr = (stat.S_IFREG | 0o644) << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.file_size = file.stat().st_size
    with file.open("rb") as reading, archive.open(entry, "w") as writing:
        while piece := reading.read(1024**2):
            writing.write(piece)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="of build.py")
    parser.add_argument("--out", required=True, type=Path, help="folder that the file goes to")
    words = parser.parse_args(arguments)
    try:
        made = pack(words.folder, words.out)
    except (Unpackable, OSError, KeyError, ValueError) as error:
        print(f"pack: {words.folder}: {error}", file=sys.stderr)
        return 1
    with made.open("rb") as file:
        print(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {made}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
