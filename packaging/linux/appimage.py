"""The AppImage: dist/corral-VERSION-MACHINE.AppImage, one file that is the program.

    python packaging/linux/appimage.py --runtime FILE    FILE is the type-2 runtime
    python packaging/linux/appimage.py --dry-run         says what it would do
    python packaging/linux/appimage.py --folder FOLDER   makes the folder that goes into it, no more

An AppImage is a small program, the runtime, with a squashfs file system behind it. The runtime is
that of the AppImage project (type2-runtime); where a release takes it from, and its checksum, is
stated in the release workflow. Needs mksquashfs.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import release
import tree

APP_RUN = """\
#!/bin/sh
here=$(dirname -- "$(readlink -f -- "$0")")
exec "$here/usr/bin/corral" "$@"
"""


def lay_out(frozen: Path, root: Path) -> None:
    """Make the folder that an AppImage mounts, by the AppDir specification."""
    tree.lay_out(frozen, root / "usr")
    name = release.APP_ID
    (root / f"{name}.desktop").symlink_to(f"usr/share/applications/{name}.desktop")
    picture = f"usr/share/icons/hicolor/256x256/apps/{name}.png"
    (root / f"{name}.png").symlink_to(picture)
    (root / ".DirIcon").symlink_to(picture)
    # Software centres look for this older name.
    metainfo = root / "usr" / "share" / "metainfo"
    (metainfo / f"{name}.appdata.xml").symlink_to(f"{name}.metainfo.xml")
    start = root / "AppRun"
    start.write_text(APP_RUN, encoding="utf-8")
    start.chmod(0o755)
    release.clamp(root)


def squash_command(root: Path, image: Path) -> list[str]:
    """Packs the folder such that the same files give the same image."""
    seconds = str(release.epoch())
    command = ["mksquashfs", str(root), str(image), "-root-owned", "-noappend", "-quiet"]
    command += ["-comp", "zstd", "-Xcompression-level", "19", "-no-progress"]
    return [*command, "-mkfs-time", seconds, "-all-time", seconds, "-processors", "1"]


def build(frozen: Path, out: Path, runtime: Path) -> Path:
    """Make the AppImage in the folder `out`; answers its path."""
    target = out / f"corral-{release.version()}-{release.machine()}.AppImage"
    with release.whole(target) as whole, tempfile.TemporaryDirectory() as folder:
        root, image = Path(folder) / "root", Path(folder) / "image"
        lay_out(frozen, root)
        environment = {name: v for name, v in os.environ.items() if name != "SOURCE_DATE_EPOCH"}
        subprocess.run(squash_command(root, image), check=True, env=environment)
        with whole.open("wb") as file:
            for part in (runtime, image):
                with part.open("rb") as source:
                    shutil.copyfileobj(source, file)
        whole.chmod(0o755)
    return target


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runtime", type=Path)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--frozen", type=Path, default=release.FROZEN)
    parser.add_argument("--out", type=Path, default=release.DIST)
    arguments = parser.parse_args()
    if arguments.folder is not None:
        lay_out(arguments.frozen, arguments.folder)
        return 0
    if arguments.dry_run:
        print(f"lay out {arguments.frozen} as an AppDir")
        print(" ".join(squash_command(Path("AppDir"), Path("image"))))
        print(f"write runtime and image one after the other into {arguments.out}")
        return 0
    if arguments.runtime is None:
        parser.error("--runtime is needed: the file runtime-x86_64 or runtime-aarch64")
    release.refuse_without(arguments.frozen)
    image = build(arguments.frozen, arguments.out, arguments.runtime)
    print(f"{image.name}, {image.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
