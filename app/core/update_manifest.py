"""The list of what there is of Corral to install, and whether it is to be believed.

The file is an envelope: the list as text, and signatures (Ed25519, RFC 8032) over exactly that
text, by the names of their keys. So nothing of it is read before it is known who wrote it. A list
has a number that only grows and a day on which it ends: an old one cannot be played again for long,
and never to somebody who has seen a newer one. See docs/decisions/0014-updates.md.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from app.core import update_errors

MANIFEST_LIMIT = 512 * 1024
"""Bytes of a manifest that are read at most."""
CONTEXT = b"Corral update manifest, format 1\n"
"""Signed before the text, so that a signature under something else is none under a manifest."""

Form = Literal["deb", "tar", "appimage", "flatpak", "nsis", "dmg"]
"""What a package is, and how a program was installed."""

Version = Annotated[str, Meta(pattern=r"^[0-9]{1,6}(\.[0-9]{1,6}){1,3}$")]


class Package(Struct, frozen=True):
    """A file to install a version from."""

    system: Literal["linux", "windows", "macos"]
    machine: Annotated[str, Meta(pattern=r"^[a-z0-9_]{2,20}$")]
    """As Python calls it, in lower case: x86_64, arm64."""
    form: Form
    url: Annotated[str, Meta(max_length=2000)]
    size: Annotated[int, Meta(ge=1, le=4_000_000_000)]
    """Bytes."""
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]


class Release(Struct, frozen=True):
    """A version of Corral."""

    version: Version
    released: Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    """The day."""
    schema: Annotated[int, Meta(ge=0)]
    """The format of its database of chats (`conversation_schema.VERSION`)."""
    packages: tuple[Package, ...] = ()
    notes: dict[str, str] = {}
    """What is new in it, as Markdown, by language."""
    minimum: Version = "0.0"
    """Older versions cannot be brought to this one by themselves."""


class Manifest(Struct, frozen=True):
    """What was signed."""

    serial: Annotated[int, Meta(ge=1)]
    """Grows with every manifest that is signed."""
    expires: Annotated[datetime, Meta(tz=True)]
    current: Release
    previous: Release | None = None
    """The version before, for going back to."""
    page: Annotated[str, Meta(max_length=2000)] = ""
    """Where people find the packages."""
    format: Literal[1] = 1


class Envelope(Struct, frozen=True):
    """The file."""

    manifest: str
    signatures: dict[str, str]
    """Base64, by the id of the key."""


def key_id(public: bytes) -> str:
    """The name of a public key: the start of its SHA-256."""
    return hashlib.sha256(public).hexdigest()[:16]


def read_manifest(data: bytes, keys: Mapping[str, bytes], now: datetime) -> Manifest:
    """The manifest in an envelope that one of `keys` (raw, by id) has signed.

    Raises `UpdateError`: it is damaged, nobody who is trusted signed it, or its time is over.
    """
    try:
        envelope = msgspec.json.decode(data, type=Envelope)
    except (msgspec.DecodeError, RecursionError) as error:
        raise update_errors.unreadable(str(error)) from error
    text = envelope.manifest.encode()
    if not any(_is_signed(text, *pair) for pair in _pairs(envelope, keys)):
        raise update_errors.not_signed(tuple(envelope.signatures))
    try:
        manifest = msgspec.json.decode(text, type=Manifest)
    except (msgspec.DecodeError, RecursionError) as error:
        raise update_errors.not_understood(str(error)) from error
    if now >= manifest.expires:
        raise update_errors.expired(manifest.expires, now)
    return manifest


def numbers(version: str) -> tuple[int, ...]:
    """A version for comparing: "0.10" is newer than "0.9"; zeros at the end do not count."""
    found = [int(part) for part in version.split(".")]
    while found and not found[-1]:
        found.pop()
    return tuple(found)


def package_for(release: Release, system: str, machine: str, form: str) -> Package | None:
    """The package of a release for a kind of computer and of installation."""
    for package in release.packages:
        if (package.system, package.machine, package.form) == (system, machine, form):
            return package
    return None


def _pairs(envelope: Envelope, keys: Mapping[str, bytes]) -> Iterator[tuple[bytes, str]]:
    """Trusted keys with what stands for their signature."""
    for name, public in keys.items():
        if name in envelope.signatures:
            yield public, envelope.signatures[name]


def _is_signed(text: bytes, public: bytes, signature: str) -> bool:
    try:
        raw = base64.b64decode(signature, validate=True)
    except (ValueError, binascii.Error):
        return False
    return verifies(public, raw, CONTEXT + text)


def verifies(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether it is the Ed25519 signature of a message under a raw public key."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
