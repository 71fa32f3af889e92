"""Where new versions of Corral are announced, and whose word for them is taken.

Both are built into the program, in `resources/updates.json`: who can change them could change the
program as well.
"""

import base64
import binascii
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from app.core.ollama_gate import is_safe
from app.core.paths import resource
from app.core.update_manifest import key_id


class UpdateSource(Struct, frozen=True):
    """An address, and the public keys that are trusted."""

    address: str = ""
    """Of the manifest; "" where this build has none."""
    keys: tuple[bytes, ...] = ()
    """Raw, 32 bytes each: the one in use, and the next one."""

    @property
    def is_set_up(self) -> bool:
        """Whether anything can be asked and believed."""
        return bool(self.address and self.keys)

    def by_id(self) -> dict[str, bytes]:
        """The keys by their names."""
        return {key_id(key): key for key in self.keys}


class _Stored(Struct, frozen=True, forbid_unknown_fields=True):
    address: str
    keys: tuple[str, ...]


def load_source(path: Path | None = None) -> UpdateSource:
    """What this build knows. Raises `ValueError` for a file that a build should not have."""
    path = path or resource("updates.json")
    try:
        stored = msgspec.json.decode(path.read_bytes(), type=_Stored)
        keys = tuple(base64.b64decode(key, validate=True) for key in stored.keys)
    except (msgspec.DecodeError, binascii.Error) as error:
        raise ValueError(f"{path.name}: {error}") from error
    if any(len(key) != 32 for key in keys):
        raise ValueError(f"{path.name}: an Ed25519 public key has 32 bytes")
    if stored.address and not is_safe_address(stored.address):
        raise ValueError(f"{path.name}: the address is no https address")
    return UpdateSource(stored.address, keys)


def is_safe_address(address: str) -> bool:
    """Whether it is https, or on this very computer."""
    try:
        parts = urlsplit(address)
        return is_safe(parts.scheme, parts.hostname)
    except ValueError:
        return False
