"""Systems on which nothing is installed, each in a folder, made by debootstrap."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import release

sys.path.insert(0, str(release.ROOT))
from tests.packaging.debian import PERSON, SETTINGS, Machine, mirror

UBUNTU = "http://archive.ubuntu.com/ubuntu"
UBUNTU_KEYS = (
    f"{UBUNTU}/pool/main/u/ubuntu-keyring/ubuntu-keyring_2023.11.28.1_all.deb",
    "36de43b15853ccae0028e9a767613770c704833f82586f28eb262f0311adb8a8",
)
"""Where Debian has no package of Ubuntu's keys, and what that file has to be."""


@dataclass(frozen=True)
class System:
    """A release of a distribution."""

    suite: str
    mirror: str
    components: str = "main"
    script: str = ""
    """How debootstrap makes it, where it does not know the name itself."""
    architecture: str = ""
    """Debian's name of the processor's family; "" for this computer's. Others are emulated."""


SYSTEMS = {
    "debian": System("bookworm", ""),
    "trixie": System("trixie", ""),
    "debian-arm64": System("bookworm", "", architecture="arm64"),
    "trixie-arm64": System("trixie", "", architecture="arm64"),
    "jammy": System("jammy", UBUNTU, "main,universe"),
    "noble": System("noble", UBUNTU, "main,universe", "gutsy"),
}


@contextmanager
def clean_system(name: str, folder: Path) -> Iterator[Machine]:
    """A fresh copy of a system with one person on it; the original stays in `folder`."""
    root = Path(tempfile.mkdtemp(prefix=f"corral-{name}-"))
    root.rmdir()
    machine = original(name, folder).copy(root)
    try:
        lend_settings(machine)
        added = machine.run("useradd", "--create-home", "--shell", "/bin/sh", PERSON)
        added.check_returncode()
        yield machine
    finally:
        machine.remove()


def original(name: str, folder: Path) -> Machine:
    """A system as it is kept in `folder`, made if it is not there. It is not to be changed."""
    root = folder / f"clean-{name}"
    if not root.exists():
        _make(SYSTEMS[name], root)
    return Machine(root)


def lend_settings(machine: Machine) -> None:
    """Let a system reach packages the way this computer does."""
    for file in SETTINGS:
        if file.exists():
            machine.at(file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, machine.at(file))


def _make(system: System, root: Path) -> None:
    if os.geteuid():
        raise SystemExit("A system in a folder needs root.")
    with tempfile.TemporaryDirectory() as folder:
        command = ["debootstrap", "--variant=minbase", f"--components={system.components}"]
        if system.architecture:
            command.append(f"--arch={system.architecture}")
        if system.mirror == UBUNTU:
            command.append(f"--keyring={_ubuntu_keys(Path(folder))}")
        half = root.with_name(f"{root.name}.part")
        shutil.rmtree(half, ignore_errors=True)
        root.parent.mkdir(parents=True, exist_ok=True)
        command += [system.suite, str(half), system.mirror or mirror()]
        if system.script:
            command.append(f"/usr/share/debootstrap/scripts/{system.script}")
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=3600)
        half.rename(root)


def _ubuntu_keys(folder: Path) -> Path:
    """Ubuntu's public keys, whose file is known by its checksum."""
    address, checksum = UBUNTU_KEYS
    package = folder / "keys.deb"
    with urllib.request.urlopen(address, timeout=60) as answer:
        package.write_bytes(answer.read())
    if hashlib.sha256(package.read_bytes()).hexdigest() != checksum:
        raise SystemExit(f"{address} is not the file that it should be.")
    subprocess.run(["dpkg-deb", "-x", package, folder], check=True)
    return folder / "usr" / "share" / "keyrings" / "ubuntu-archive-keyring.gpg"
