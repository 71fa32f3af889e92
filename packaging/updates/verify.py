"""Look at a signed list of versions as Corral does, and at the packages that it names.

    python packaging/updates/verify.py MANIFEST [--source resources/updates.json] [PACKAGE …]
    python packaging/updates/verify.py MANIFEST --folder FOLDER

The list must be one that this checkout's programs look for and believe: their address and keys are
in resources/updates.json. Each PACKAGE must be one that the list names, by its checksum. With
--folder, each package of the newest version must lie in FOLDER under the name that its address ends
with. Exit status 0 only if all is well.
"""

import argparse
import hashlib
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from app.core.errors import UpdateError
from app.core.update_manifest import Package, Release, read_manifest
from app.core.update_source import is_safe_address, load_source


def described(release: Release) -> str:
    lines = [f"Corral {release.version} of {release.released}, chats of format {release.schema}"]
    lines += [
        f"  {each.system} {each.machine} {each.form}: {each.size:,} bytes, {each.url}"
        for each in release.packages
    ]
    return "\n".join(lines)


def checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def faults(packages: Iterable[Package], folder: Path) -> Iterator[str]:
    """What is not in `folder` as the list says."""
    for package in packages:
        path = folder / PurePosixPath(urlsplit(package.url).path).name
        if not path.is_file():
            yield f"{path.name} is not in {folder}"
        elif (path.stat().st_size, checksum(path)) != (package.size, package.sha256):
            yield f"{path.name} is not the package that the list names"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("manifest", type=Path)
    parser.add_argument("packages", nargs="*", type=Path)
    parser.add_argument("--folder", type=Path, help="what is published")
    parser.add_argument("--source", type=Path)
    wishes = parser.parse_args(arguments)
    source = load_source(wishes.source)
    if not source.is_set_up:
        print(
            "verify: resources/updates.json has no address or no keys, so no program of this "
            "checkout looks for a list or believes one; docs/decisions/0014-updates.md says how "
            "it gets them",
            file=sys.stderr,
        )
        return 1
    try:
        manifest = read_manifest(wishes.manifest.read_bytes(), source.by_id(), datetime.now(UTC))
    except UpdateError as error:
        print(f"verify: {error}", file=sys.stderr)
        return 1
    print(f"number {manifest.serial}, good until {manifest.expires:%Y-%m-%d}")
    releases = [each for each in (manifest.current, manifest.previous) if each is not None]
    print("\n".join(map(described, releases)))
    named = {each.sha256: each for release in releases for each in release.packages}
    bad = [each.url for each in named.values() if not is_safe_address(each.url)]
    bad += [str(path) for path in wishes.packages if checksum(path) not in named]
    bad += faults(manifest.current.packages, wishes.folder) if wishes.folder else []
    for name in bad:
        print(f"verify: not right: {name}", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
