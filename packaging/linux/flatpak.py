"""The Flatpak: dist/corral-VERSION-MACHINE.flatpak, of the same tree as the other forms.

    python packaging/linux/flatpak.py                  builds it; needs flatpak-builder and Flathub
    python packaging/linux/flatpak.py --tree FOLDER    of the archive's folder, unpacked
    python packaging/linux/flatpak.py --dry-run        says what it would do

It needs the runtime that org.corral.Corral.flatpak.json names, which flatpak-builder (1.4 or newer:
earlier ones want a tool that the runtime has no more) gets from the remote “flathub”.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import release
import tree

MANIFEST = release.HERE / f"{release.APP_ID}.flatpak.json"


def commands(work: Path, bundle: Path) -> list[list[str]]:
    """What makes a bundle of the folder `work`, which holds the manifest and the tree."""
    manifest = work / f"{release.APP_ID}.json"
    repository, built = work / "repository", work / "built"
    build = ["flatpak-builder", "--user", "--install-deps-from=flathub", "--force-clean"]
    build += [f"--state-dir={work / 'state'}", f"--repo={repository}", str(built), str(manifest)]
    pack = ["flatpak", "build-bundle", str(repository), str(bundle), release.APP_ID]
    return [build, pack]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--frozen", type=Path, default=release.FROZEN)
    parser.add_argument("--tree", type=Path, help="what the archive for other systems holds")
    parser.add_argument("--out", type=Path, default=release.DIST)
    arguments = parser.parse_args()
    bundle = arguments.out / f"corral-{release.version()}-{release.machine()}.flatpak"
    if arguments.dry_run:
        print(f"lay out {arguments.tree or arguments.frozen} beside {MANIFEST.name}")
        for command in commands(Path("WORK"), bundle):
            print(" ".join(command))
        return 0
    if arguments.tree is None:
        release.refuse_without(arguments.frozen)
    with release.whole(bundle) as part, tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        if arguments.tree is None:
            tree.lay_out(arguments.frozen, work / "tree")
        else:
            shutil.copytree(arguments.tree, work / "tree", symlinks=True)
        shutil.copyfile(MANIFEST, work / f"{release.APP_ID}.json")
        for command in commands(work, part):
            subprocess.run(command, check=True)
    print(f"{bundle.name}, {bundle.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
