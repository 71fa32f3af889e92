"""The sign stage on Linux: checksums of what was built, and a signature of them where a key is.

    python packaging/linux/sign.py [--out FOLDER] [--dry-run]

Writes SHA256SUMS and, if there is a key, SHA256SUMS.asc; packaging/checksums.py tells how one is
given.
"""

import argparse
import sys
from pathlib import Path

import release

sys.path.insert(0, str(release.HERE.parent))

import checksums

ENDINGS = (".deb", ".tar.zst", ".AppImage", ".flatpak")


def images(folder: Path) -> list[Path]:
    """What people install, as it lies in a folder."""
    return sorted(path for path in folder.glob("*") if path.name.endswith(ENDINGS))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--target", help="the system this runs on")
    parser.add_argument("--out", type=Path, default=release.DIST)
    parser.add_argument("--dry-run", action="store_true")
    arguments = parser.parse_args()
    sums = arguments.out / checksums.NAME
    if arguments.dry_run:
        print(f"write {sums}")
        print(" ".join(checksums.sign_command(f"${checksums.KEY}", sums)))
        return 0
    try:
        checksums.write(sums, images(arguments.out))
        checksums.say(checksums.sign(sums), sums)
    except (checksums.NotSigned, OSError) as error:
        print(f"sign: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
