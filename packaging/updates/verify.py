"""Look at a signed list of versions as Corral does, and at the packages that it names.

    python packaging/updates/verify.py MANIFEST [--source resources/updates.json] [PACKAGE …]

Each PACKAGE must be one that the list names, by its checksum. Exit status 0 only if all is well.
"""

import argparse
import hashlib
import sys
from datetime import UTC, datetime
from pathlib import Path

from app.core.errors import UpdateError
from app.core.update_manifest import Release, read_manifest
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


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("manifest", type=Path)
    parser.add_argument("packages", nargs="*", type=Path)
    parser.add_argument("--source", type=Path)
    wishes = parser.parse_args(arguments)
    keys = load_source(wishes.source).by_id()
    try:
        manifest = read_manifest(wishes.manifest.read_bytes(), keys, datetime.now(UTC))
    except UpdateError as error:
        print(f"verify: {error}", file=sys.stderr)
        return 1
    print(f"number {manifest.serial}, good until {manifest.expires:%Y-%m-%d}")
    releases = [each for each in (manifest.current, manifest.previous) if each is not None]
    print("\n".join(map(described, releases)))
    named = {each.sha256: each for release in releases for each in release.packages}
    bad = [each.url for each in named.values() if not is_safe_address(each.url)]
    bad += [str(path) for path in wishes.packages if checksum(path) not in named]
    for name in bad:
        print(f"verify: not right: {name}", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
