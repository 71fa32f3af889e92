"""Who vouches for an engine: signatures (Ed25519, RFC 8032) over exactly its `engine.json`.

That file lists all others with their SHA-256, so nobody can change one of them either. The keys are
those of new versions of Corral (docs/decisions/0014-updates.md); a line of its own before the
signed bytes keeps a signature under one kind of file from being one under another.
"""

import base64
from collections.abc import Mapping

import msgspec
from msgspec import Struct

from app.core.update_manifest import verifies

CONTEXT = b"Corral engine, format 1\n"


class Signatures(Struct, frozen=True):
    """What `engine.sig` says."""

    signatures: dict[str, str]
    """Base64, by the id of the key."""


def is_signed(manifest: bytes, signature: bytes, keys: Mapping[str, bytes]) -> bool:
    """Whether one of `keys` (raw, by id) has signed the bytes of an `engine.json`.

    A signature that cannot be read is none.
    """
    if not signature:
        return False
    try:
        found = msgspec.json.decode(signature, type=Signatures).signatures
        pairs = [
            (keys[name], base64.b64decode(text, validate=True))
            for name, text in found.items()
            if name in keys
        ]
    except (ValueError, RecursionError):  # no JSON, or no Base64
        return False
    return any(verifies(public, raw, CONTEXT + manifest) for public, raw in pairs)
