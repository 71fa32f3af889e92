"""The folders of an installed Corral: the frozen program, and what makes it part of a desktop.

Every form on Linux is made of this tree; below its root lie `bin`, `lib` and `share`.
"""

import gzip
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import icons
import man_page
import release

PROGRAM = Path("lib/corral")
"""The frozen program, below the root."""
NOTICES = release.ROOT / "packaging" / "notices.py"
"""Writes the licences of everything inside, and its parts list, into a folder."""
COMPLETIONS = {
    "bash": "share/bash-completion/completions/corral",
    "zsh": "share/zsh/site-functions/_corral",
    "fish": "share/fish/vendor_completions.d/corral.fish",
}
"""Where each shell looks for completions of programs that were installed."""


def lay_out(frozen: Path, root: Path) -> None:
    """Make the tree of the frozen folder `frozen` in `root`, which is new."""
    shutil.copytree(frozen, root / PROGRAM, symlinks=True)
    (root / "bin").mkdir()
    (root / "bin" / "corral").symlink_to(Path("..") / PROGRAM / "corral")
    add_desktop_files(root / "share")
    add_words(root)
    release.clamp(root)


def add_desktop_files(share: Path) -> None:
    """The menu entry, the icons, the kind of file and the description for software centres."""
    name = release.APP_ID
    for source, target in (
        (f"{name}.desktop", f"applications/{name}.desktop"),
        (f"{name}.mime.xml", f"mime/packages/{name}.xml"),
    ):
        (share / target).parent.mkdir(parents=True)
        shutil.copyfile(release.HERE / source, share / target)
    day = time.strftime("%Y-%m-%d", time.gmtime(release.epoch()))
    text = (release.HERE / f"{name}.metainfo.xml").read_text(encoding="utf-8")
    text = text.replace("@VERSION@", release.version()).replace("@DATE@", day)
    (share / "metainfo").mkdir()
    (share / "metainfo" / f"{name}.metainfo.xml").write_text(text, encoding="utf-8")
    brand = release.ROOT / "resources" / "brand"
    theme = share / "icons" / "hicolor"
    icons.draw(brand / "app-icon.svg", brand / "mark.svg", theme, name)


def add_words(root: Path) -> None:
    """The man page, completions for shells, and what a person may want to read."""
    pages = root / "share" / "man" / "man1"
    pages.mkdir(parents=True)
    write_gzip(pages / "corral.1.gz", man_page.man_page(release.epoch()))
    for shell, place in COMPLETIONS.items():
        command = [sys.executable, "-P", "-m", "app", "completion", shell]
        environment = {**os.environ, "PYTHONPATH": str(release.ROOT)}
        words = subprocess.run(command, capture_output=True, check=True, env=environment)
        (root / place).parent.mkdir(parents=True)
        (root / place).write_bytes(words.stdout)
    documents = root / "share" / "doc" / "corral"
    documents.mkdir(parents=True)
    write_gzip(
        documents / "changelog.gz", (release.ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    )
    shutil.copyfile(release.HERE / "copyright", documents / "copyright")
    if NOTICES.exists():
        command = [sys.executable, str(NOTICES), str(root / PROGRAM), str(documents)]
        subprocess.run(command, check=True)


def write_gzip(path: Path, text: str) -> None:
    """A compressed file that has no name and no time inside."""
    path.write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))
