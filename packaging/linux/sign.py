"""The sign stage on Linux: checksums of what was built, and a signature of them where a key is.

    python packaging/linux/sign.py [--out FOLDER] [--dry-run]

Writes SHA256SUMS and, if CORRAL_GPG_KEY names a secret key that gpg has, SHA256SUMS.asc.
"""

import argparse
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import release

KEY = "CORRAL_GPG_KEY"
ENDINGS = (".deb", ".tar.zst", ".AppImage", ".flatpak")
SUMS = "SHA256SUMS"


def images(folder: Path) -> list[Path]:
    """What people install, as it lies in a folder."""
    return sorted(path for path in folder.iterdir() if path.name.endswith(ENDINGS))


def checksums(folder: Path) -> str:
    """Lines as `sha256sum --check` reads them."""
    lines = []
    for path in images(folder):
        with path.open("rb") as file:
            lines.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {path.name}\n")
    return "".join(lines)


def sign_command(key: str, sums: Path) -> list[str]:
    """Makes the detached signature `SHA256SUMS.asc`."""
    return ["gpg", "--batch", "--yes", "--armor", "--local-user", key, "--detach-sign", str(sums)]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--target", help="the system this runs on")
    parser.add_argument("--out", type=Path, default=release.DIST)
    parser.add_argument("--dry-run", action="store_true")
    arguments = parser.parse_args()
    sums = arguments.out / SUMS
    key = os.environ.get(KEY)
    if arguments.dry_run:
        print(f"write {sums}")
        print(" ".join(sign_command(key or f"${KEY}", sums)))
        return 0
    sums.write_text(checksums(arguments.out), encoding="utf-8")
    if key is None:
        print(f"{SUMS} was written; it is not signed, because {KEY} names no key.")
        return 0
    subprocess.run(sign_command(key, sums), check=True)
    subprocess.run(["gpg", "--verify", f"{sums}.asc", str(sums)], check=True)
    print(f"{SUMS} was written and signed.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
