"""Engines in one file, as they are shipped, and ones that somebody has tampered with."""

import stat
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.core.update_manifest import key_id
from tests.engine_folders import write_engine
from tests.packaging.scripts import load_script

Change = Callable[[zipfile.ZipInfo, bytes], tuple[zipfile.ZipInfo, bytes] | None]
"""Gets a member of a pack and its content; answers what stands for it, None for nothing."""


def write_pack(folder: Path, version: str = "9.0", **changed: Any) -> Path:
    """A pack in `folder` of an engine that `write_engine` makes."""
    engine = write_engine(folder / "made", version, **changed)
    made: Path = load_script("engine/pack").pack(engine, folder)
    return made


def tampered(
    pack: Path, change: Change | None = None, added: Mapping[str, bytes] | None = None
) -> Path:
    """Another pack beside it, with its members changed and others added."""
    other = pack.with_name(f"tampered-{pack.name}")
    with zipfile.ZipFile(pack) as reading, zipfile.ZipFile(other, "w") as writing:
        for member in reading.infolist():
            found = (member, reading.read(member))
            kept = change(*found) if change is not None else found
            if kept is not None:
                writing.writestr(*kept)
        for name, data in (added or {}).items():
            writing.writestr(name, data)
    return other


def as_link(member: zipfile.ZipInfo, data: bytes) -> tuple[zipfile.ZipInfo, bytes]:
    """A `Change` that makes a link of the library."""
    if member.filename == "libllama.so":
        member.external_attr = (stat.S_IFLNK | 0o777) << 16
    return member, data


def sign(pack: Path, key: Ed25519PrivateKey) -> None:
    """Sign a pack as a release does."""
    load_script("updates/sign").sign_engine(pack, [key])


def trusted(*keys: Ed25519PrivateKey) -> dict[str, bytes]:
    """Their public halves as a build has them, by id."""
    public = [key.public_key().public_bytes_raw() for key in keys]
    return {key_id(each): each for each in public}
