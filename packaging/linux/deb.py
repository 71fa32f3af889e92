"""The Debian package: dist/corral_VERSION_MACHINE.deb, from the frozen folder dist/corral.

    python packaging/linux/deb.py [--revision N] [--frozen FOLDER] [--out FOLDER]

The processor is the one this runs on: amd64 and arm64 are built by the same script, each on its own
kind of machine, as PyInstaller does not build for another one.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from email.utils import formatdate
from pathlib import Path

import release
import system_libraries
import tree

MAINTAINER = os.environ.get("CORRAL_MAINTAINER") or "The Corral developers <corral@localhost>"
"""Name and address of who answers for the package; the address is for a release to set."""
RECOMMENDED = ("xdg-utils", "hicolor-icon-theme", "shared-mime-info", "desktop-file-utils")
"""Opens links and folders from the window; makes desktops know links, model files and the icon."""
LINTIAN = (
    # Libraries come as their makers built them, and were edited by tools that `strip` would undo.
    "unstripped-binary-or-object",
    # PyInstaller's starter.
    "hardening-no-pie",
    # Formulas are drawn with exactly the font that they were measured with.
    "duplicate-font-file",
    # What these link in is as their makers built it: CPython (expat), Qt (libjpeg), PyYAML.
    "embedded-library",
    # CPython's modules ask for nothing by themselves; data libraries have no code.
    "library-not-linked-against-libc",
    "shared-library-lacks-prerequisites",
    # This is no upload to Debian.
    "initial-upload-closes-no-bugs",
)
"""What Debian's checker says of every frozen program, and why it is left so."""
DESCRIPTION = """\
 Corral finds a language model that fits the computer, downloads it and lets
 you chat with it. What you write stays on this computer unless you add a
 server yourself.
 .
 It is one program with a window, commands for the terminal and a local server
 for other programs. The models themselves are not part of this package.
 .
 Chats, settings, models, cache and logs of each person stay when the package
 is removed; README.Debian says where they lie.
"""


README = """\
Corral for Debian

What a person does with Corral lies in their own folders, which removing or purging the package does
not touch:

    ~/.local/share/Corral    chats, settings and models
    ~/.cache/Corral          what can be made anew
    ~/.local/state/Corral    logs

(or where XDG_DATA_HOME, XDG_CACHE_HOME and XDG_STATE_HOME say). Delete these folders if nothing of
it is wanted any more.
"""


def control(frozen: Path, architecture: str, version: str, kilobytes: int) -> str:
    """The package's description for dpkg."""
    depends = ", ".join(system_libraries.dependencies(frozen))
    return (
        f"Package: corral\nVersion: {version}\nArchitecture: {architecture}\n"
        f"Maintainer: {MAINTAINER}\nInstalled-Size: {kilobytes}\nSection: utils\n"
        f"Priority: optional\nDepends: {depends}\nRecommends: {', '.join(RECOMMENDED)}\n"
        f"Description: run language models on your own computer\n{DESCRIPTION}"
    )


def changelog(version: str) -> str:
    """Debian's own record of packages; what is new in Corral stands in its own changelog."""
    date = formatdate(release.epoch())
    return (
        f"corral ({version}) unstable; urgency=medium\n\n"
        f"  * Corral {release.version()}; its changelog says what is new.\n\n"
        f" -- {MAINTAINER}  {date}\n"
    )


def add_debian_files(root: Path, version: str) -> None:
    """What only a Debian package has, in the tree `root`."""
    share = root / "usr" / "share"
    # Debian's zsh looks for completions of packages in a folder of its own.
    vendor = share / "zsh" / "vendor-completions"
    (share / "zsh" / "site-functions").rename(vendor)
    tree.write_gzip(share / "doc" / "corral" / "changelog.Debian.gz", changelog(version))
    (share / "doc" / "corral" / "README.Debian").write_text(README, encoding="utf-8")
    overrides = share / "lintian" / "overrides"
    overrides.mkdir(parents=True)
    lines = "".join(f"corral: {tag}\n" for tag in LINTIAN)
    (overrides / "corral").write_text(lines, encoding="utf-8")


def build(frozen: Path, out: Path, revision: str, compression: str = "xz") -> Path:
    """Make the package in the folder `out`; answers its path."""
    version = f"{release.version()}-{revision}"
    architecture = release.DEBIAN_MACHINES[release.machine()]
    package = out / f"corral_{version}_{architecture}.deb"
    with release.whole(package) as part, tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        tree.lay_out(frozen, root / "usr")
        add_debian_files(root, version)
        kilobytes = -(-release.size(root) // 1024)
        (root / "DEBIAN").mkdir()
        text = control(frozen, architecture, version, kilobytes)
        (root / "DEBIAN" / "control").write_text(text, encoding="utf-8")
        (root / "DEBIAN" / "md5sums").write_text(md5sums(root), encoding="utf-8")
        release.clamp(root)
        command = ["dpkg-deb", "--root-owner-group", "--build", str(root), str(part)]
        command[1:1] = [f"-Z{compression}"]
        environment = {"PATH": os.defpath, "SOURCE_DATE_EPOCH": str(release.epoch())}
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    return package


def md5sums(root: Path) -> str:
    """What dpkg checks installed files by (`dpkg --verify`)."""
    files = sorted(
        path.relative_to(root)
        for path in root.rglob("*")
        if path.is_file() and not path.is_symlink() and "DEBIAN" not in path.parts
    )
    done = subprocess.run(["md5sum", *files], cwd=root, capture_output=True, text=True, check=True)
    return done.stdout


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--revision", default="1", help="counts packages of one version")
    parser.add_argument("--compression", default="xz", help="zstd is sooner done, and larger")
    parser.add_argument("--frozen", type=Path, default=release.FROZEN)
    parser.add_argument("--out", type=Path, default=release.DIST)
    arguments = parser.parse_args()
    release.refuse_without(arguments.frozen)
    start = time.monotonic()
    package = build(arguments.frozen, arguments.out, arguments.revision, arguments.compression)
    megabytes = package.stat().st_size / 1e6
    print(f"{package.name}, {megabytes:.1f} MB, {time.monotonic() - start:.0f} seconds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
