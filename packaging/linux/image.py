"""The image stage on Linux: what people install, made of the frozen folder.

    python packaging/linux/image.py [--forms deb tarball appimage flatpak] [--dry-run]

Without `--forms`, those that need no network: deb and tarball.
"""

import argparse
import subprocess
import sys

import release

FORMS = ("deb", "tarball", "appimage", "flatpak")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--target", help="the system this runs on; others are built there")
    parser.add_argument("--forms", nargs="+", choices=FORMS, default=FORMS[:2])
    parser.add_argument("--dry-run", action="store_true", help="say what would be done")
    arguments = parser.parse_args()
    if not arguments.dry_run:
        release.refuse_foreign(arguments.target)
        release.refuse_without(release.FROZEN)
    for form in arguments.forms:
        print(f"{form}:", flush=True)  # packing takes minutes
        command = [sys.executable, str(release.HERE / f"{form}.py")]
        if form in ("appimage", "flatpak") and arguments.dry_run:
            command.append("--dry-run")
        elif arguments.dry_run:
            print(" ".join(command))
            continue
        if code := subprocess.run(command, check=False).returncode:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
