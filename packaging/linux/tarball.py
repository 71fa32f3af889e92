"""The archive for other distributions: dist/corral-VERSION-linux-MACHINE.tar.zst.

    python packaging/linux/tarball.py [--frozen FOLDER] [--out FOLDER]

It unpacks to a folder with `install.sh` in it. Needs GNU tar and zstd.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import release
import system_libraries
import tree


def build(frozen: Path, out: Path, level: int = 19) -> Path:
    """Make the archive in the folder `out`; answers its path."""
    name = f"corral-{release.version()}-linux-{release.machine()}"
    archive = out / f"{name}.tar.zst"
    with release.whole(archive) as part, tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / name
        tree.lay_out(frozen, root)
        add_script(frozen, root)
        release.clamp(root)
        command = ["tar", "--create", "--file", str(part), "--directory", folder]
        command += ["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--format=gnu"]
        command += [f"--use-compress-program=zstd -{level} -T1 --quiet", name]
        subprocess.run(command, check=True, env={"PATH": os.defpath, "LC_ALL": "C"})
    return archive


def add_script(frozen: Path, root: Path) -> None:
    """Put the installing script into the tree, with what this build needs written in."""
    major, minor = system_libraries.glibc_floor(system_libraries.elf_files(frozen))
    text = (release.HERE / "install.sh").read_text(encoding="utf-8")
    for name, value in (
        ("@GLIBC@", f"{major}.{minor}"),
        ("@MACHINE@", release.machine()),
        ("@APP_ID@", release.APP_ID),
    ):
        text = text.replace(name, value)
    script = root / "install.sh"
    script.write_text(text, encoding="utf-8")
    script.chmod(0o755)
    shutil.copyfile(release.ROOT / "LICENSE", root / "LICENSE")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frozen", type=Path, default=release.FROZEN)
    parser.add_argument("--out", type=Path, default=release.DIST)
    parser.add_argument("--level", type=int, default=19, help="of zstd; 3 is quick")
    arguments = parser.parse_args()
    release.refuse_without(arguments.frozen)
    archive = build(arguments.frozen, arguments.out, arguments.level)
    print(f"{archive.name}, {archive.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
