"""What is published beside the packages of a release: checksums, notes, and their description.

    python packaging/release_files.py FOLDER --tag v1.2.3 --page https://example.org/releases

FOLDER holds what the three systems built. It gets SHA256SUMS, which checksums.py signs, notes-en.md
with the part of the changelog for this version, and RELEASE.json, which packaging/updates/sign.py
makes the list of versions of. Nothing is written unless the tag is this checkout's version and
every package that a release has to have is there.
"""

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import checksums
from try_installed import version

ROOT = Path(__file__).resolve().parent.parent
CHANGELOG = ROOT / "CHANGELOG.md"
NOTES, DESCRIPTION = "notes-en.md", "RELEASE.json"
OWN = {checksums.NAME, f"{checksums.NAME}.asc", NOTES, DESCRIPTION}


class Unpublishable(Exception):
    """The release is not what it should be."""


@dataclass(frozen=True)
class Kind:
    """One package of a release."""

    pattern: str
    system: str
    machine: str
    form: str
    required: bool = True


KINDS = (
    Kind("corral_*_amd64.deb", "linux", "x86_64", "deb"),
    Kind("corral_*_arm64.deb", "linux", "arm64", "deb"),
    Kind("corral-*-linux-x86_64.tar.zst", "linux", "x86_64", "tar"),
    Kind("corral-*-linux-aarch64.tar.zst", "linux", "arm64", "tar"),
    Kind("corral-*-x86_64.AppImage", "linux", "x86_64", "appimage", required=False),
    Kind("Corral-Setup.exe", "windows", "x86_64", "nsis"),
    Kind("Corral-*-arm64.dmg", "macos", "arm64", "dmg"),
    Kind("Corral-*-x86_64.dmg", "macos", "x86_64", "dmg"),
)
"""What people can install, named as in the list of versions. A Flatpak is updated by its system."""


def packages(folder: Path, address: str) -> list[dict[str, str]]:
    """The packages as RELEASE.json names them; they lie at `address`. Raises Unpublishable."""
    found, missing = [], []
    for kind in KINDS:
        files = sorted(folder.glob(kind.pattern))
        if len(files) > 1:
            raise Unpublishable(f"there is more than one {kind.pattern}")
        if not files and kind.required:
            missing.append(kind.pattern)
        for file in files:
            described = {"system": kind.system, "machine": kind.machine, "form": kind.form}
            found.append({**described, "file": file.name, "url": f"{address}/{file.name}"})
    if missing:
        raise Unpublishable(f"there is no {', no '.join(missing)}")
    return found


def notes(changelog: str, name: str) -> str:
    """The changelog's part for a version. Raises Unpublishable."""
    parts = re.split(r"^## ", changelog, flags=re.MULTILINE)
    for part in parts[1:]:
        heading, _, text = part.partition("\n")
        if heading.startswith(f"[{name}]"):
            return text.strip() + "\n"
    raise Unpublishable(f"CHANGELOG.md has no part for {name}")


def commit_day() -> str:
    """The day of the commit that is released, such as 2026-01-31."""
    command = ["git", "log", "-1", "--format=%cs"]
    asked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return asked.stdout.strip()


def write(folder: Path, tag: str, page: str) -> None:
    """Write all three. Raises Unpublishable, OSError and CalledProcessError."""
    name = version()
    if tag != f"v{name}":
        raise Unpublishable(f"the tag {tag} is not the version {name}")
    description = {
        "version": name,
        "released": commit_day(),
        "page": f"{page}/tag/{tag}",
        "notes": {"en": NOTES},
        "packages": packages(folder, f"{page}/download/{tag}"),
    }
    text = notes(CHANGELOG.read_text(encoding="utf-8"), name)
    (folder / NOTES).write_text(text, encoding="utf-8")
    built = [path for path in folder.iterdir() if path.is_file() and path.name not in OWN]
    checksums.write(folder / checksums.NAME, built)
    (folder / DESCRIPTION).write_text(json.dumps(description, indent=1) + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tag", required=True)
    parser.add_argument("--page", required=True, help="address of the project's releases")
    asked = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    try:
        write(asked.folder, asked.tag, asked.page)
    except (Unpublishable, OSError, subprocess.CalledProcessError) as error:
        print(f"release_files: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
