"""The packages for arm64, made on another kind of computer: frozen in a Debian that is emulated.

    python packaging/linux/foreign_machine.py [--engine FOLDER] [--out FOLDER] [--forms deb tarball]

The committed state is set up by `bootstrap.py`, frozen, packed and looked at there as on a machine
of that kind, which takes ten times as long. For trials: that Debian's Python is a newer one than
the locked libraries are for, so tested versions are frozen, not checked ones. The engine is built
before, by a cross compiler (packaging/engine/build.py); the wheel of the binding beside it stands
in for the engine that pip would build. OUT gets the packages, and in `newer` a second revision to
upgrade to. The workshop stays in build/ and is used again. Needs root, debootstrap, git and
qemu-user-static.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

import image
import release
from clean_system import lend_settings, original

sys.path.insert(0, str(release.ROOT))
from tests.packaging.debian import Machine

SYSTEM = "trixie-arm64"
"""The oldest Debian that runs Qt's libraries in PySide6's wheels for arm64."""
TARGET = "linux-aarch64"
CHECKOUT = "/srv/corral"
BINDING = "/srv/binding"
PYTHON = f"{CHECKOUT}/.venv/bin/python"
TOOLS = ("desktop-file-utils", "groff", "python3", "shellcheck", "zstd")
"""What packing needs and, but for AppStream and lintian, what looks at packages."""
HOURS = 3600.0


class Workshop:
    """A machine of the foreign kind with the checkout on it."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.variables = {
            "SOURCE_DATE_EPOCH": str(release.epoch()),
            # The binding's wheel is found, so nothing is compiled and no compiler is needed.
            "PIP_FIND_LINKS": BINDING,
            "CXX": "true",
            # What is frozen is compiled anyway.
            "PIP_NO_COMPILE": "no",
        }

    def do(self, *command: str) -> None:
        """Run something there, seen here. Raises SystemExit where it fails."""
        words = self.machine.enter(*command, folder=CHECKOUT, variables=self.variables)
        print(f"there: {' '.join(command)}", flush=True)
        done = subprocess.run(words, stdin=subprocess.DEVNULL, timeout=3 * HOURS, check=False)
        if done.returncode:
            raise SystemExit(f"foreign_machine: {' '.join(command)} failed there.")

    def bring(self, engine: Path) -> None:
        """Put the committed state, the engine and the binding's wheel there."""
        checkout = self.machine.at(CHECKOUT)
        checkout.mkdir(parents=True, exist_ok=True)
        for path in checkout.iterdir():
            if path.name != ".venv":
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        archive = ["git", "-C", str(release.ROOT), "archive", "HEAD"]
        with subprocess.Popen(archive, stdout=subprocess.PIPE) as packed:
            command = ["tar", "--extract", "--directory", str(checkout)]
            subprocess.run(command, stdin=packed.stdout, check=True)
        shutil.copytree(engine, checkout / "build" / "engines" / TARGET)
        wheels = self.machine.at(BINDING)
        wheels.mkdir(parents=True, exist_ok=True)
        for wheel in engine.parent.glob("llama_cpp_python-*-none-any.whl"):
            shutil.copyfile(wheel, wheels / wheel.name)

    def set_up(self) -> None:
        """What freezing and packing need."""
        self.do("apt-get", "update", "-qq")
        self.do("apt-get", "install", "-y", "-qq", "--no-install-recommends", *TOOLS)
        self.do("python3", "packaging/bootstrap.py", "setup", "installer")

    def build(self, forms: list[str]) -> None:
        """Freeze, pack, look at what was made, and pack once more for an upgrade."""
        self.do(PYTHON, "packaging/freeze.py", "--unlocked", "--target", TARGET)
        self.do(PYTHON, "packaging/linux/image.py", "--target", TARGET, "--forms", *forms)
        self.do(PYTHON, "packaging/linux/verify.py", "--target", TARGET)
        newer = ("--revision", "2", "--compression", "zstd", "--out", "dist/newer")
        self.do(PYTHON, "packaging/linux/deb.py", *newer)

    def fetch(self, out: Path) -> None:
        """Take the packages out."""
        dist = self.machine.at(CHECKOUT) / "dist"
        for path in sorted([*dist.glob("*"), *dist.glob("newer/*")]):
            if path.is_file():
                to = out / path.relative_to(dist)
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, to)
                print(f"{to}, {path.stat().st_size / 1e6:.1f} MB")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    build = release.ROOT / "build"
    parser.add_argument("--engine", type=Path, default=build / "engines" / TARGET)
    parser.add_argument("--out", type=Path, default=release.DIST / "arm64")
    parser.add_argument("--base", type=Path, default=build, help="where systems are kept")
    parser.add_argument("--forms", nargs="+", choices=image.FORMS[:2], default=image.FORMS[:2])
    arguments = parser.parse_args()
    if not (arguments.engine / "engine.json").exists():
        parser.error(f"there is no engine in {arguments.engine}: packaging/engine/build.py first")
    root: Path = arguments.base / f"workshop-{SYSTEM}"
    machine = Machine(root) if root.exists() else original(SYSTEM, arguments.base).copy(root)
    lend_settings(machine)
    workshop = Workshop(machine)
    workshop.bring(arguments.engine.resolve())
    workshop.set_up()
    workshop.build(list(arguments.forms))
    workshop.fetch(arguments.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
