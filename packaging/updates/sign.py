"""Make and sign the list of versions that Corral looks for, or sign an engine.

    python packaging/updates/sign.py new RELEASE.json --old OLD --key update-key-1.pem --out NEW
    python packaging/updates/sign.py renew --old OLD --key update-key-1.pem --out NEW
    python packaging/updates/sign.py engine ID.corral-engine --key update-key-1.pem

RELEASE.json describes a release: {"version", "released", "page", "minimum", "notes": {"en": FILE,
"fr": FILE}, "packages": [{"system", "machine", "form", "file", "url"}]}; files are looked for
beside it. Sizes and checksums are computed here, the format of the database is that of this
checkout. The release of the old list becomes the one that people can go back to. Without --old it
is the first list of all. The old list goes into the new one, so it has to be signed by a key that
signs now or that this checkout trusts (--source resources/updates.json); it may be over. `renew`
signs the same again, with a later end: to be done before the old one is over (--days). `engine`
puts signatures into a file of packaging/engine/pack.py that has none yet.

The password of the keys is that of CORRAL_UPDATE_KEY_PASSWORD, or asked for.
"""

import argparse
import base64
import getpass
import hashlib
import json
import os
import stat
import sys
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from app.core.conversation_schema import VERSION as SCHEMA
from app.core.engine_packs import read_pack
from app.core.engine_signature import CONTEXT as ENGINE_CONTEXT
from app.core.engine_signature import Signatures
from app.core.errors import UpdateError
from app.core.update_manifest import (
    CONTEXT,
    Envelope,
    Manifest,
    Package,
    Release,
    key_id,
    read_manifest,
)
from app.core.update_source import load_source
from backends.engine_folder import SIGNATURE

PASSWORD_VARIABLE = "CORRAL_UPDATE_KEY_PASSWORD"
DAYS = 90
"""How long a list is good for."""


def load_key(path: Path) -> Ed25519PrivateKey:
    """A private key of `make_keys.py`."""
    secret = os.environ.get(PASSWORD_VARIABLE)
    if secret is None:
        secret = getpass.getpass(f"Password of {path.name}: ")
    key = load_pem_private_key(path.read_bytes(), secret.encode())
    if not isinstance(key, Ed25519PrivateKey):
        raise SystemExit(f"sign: {path.name} is no Ed25519 key")
    return key


def release_from(description: Path) -> tuple[Release, str]:
    """The release that a file describes, and the page about it."""
    told: dict[str, Any] = json.loads(description.read_text(encoding="utf-8"))
    folder = description.parent
    packages = []
    for each in told["packages"]:
        data = (folder / each.pop("file")).read_bytes()
        each |= {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        packages.append(msgspec.convert(each, Package))
    notes = {
        language: (folder / name).read_text(encoding="utf-8")
        for language, name in told["notes"].items()
    }
    release: dict[str, Any] = {
        **{name: told[name] for name in ("version", "released", "minimum") if name in told},
        "schema": SCHEMA,
        "notes": notes,
        "packages": [msgspec.to_builtins(each) for each in packages],
    }
    return msgspec.convert(release, Release), told.get("page", "")


def read_old(path: Path, keys: Sequence[Ed25519PrivateKey], source: Path | None) -> Manifest:
    """The list in an older envelope, which may be over.

    It mostly comes from where lists are published: unchecked, whoever can write there could have a
    version of theirs signed as the one to go back to.
    """
    own = [key.public_key().public_bytes_raw() for key in keys]
    trusted = {**load_source(source).by_id(), **{key_id(public): public for public in own}}
    try:
        return read_manifest(path.read_bytes(), trusted, datetime.min.replace(tzinfo=UTC))
    except UpdateError as error:
        raise SystemExit(f"sign: {path}: {error}") from error


def following(old: Manifest | None, release: Release | None, page: str, days: int) -> Manifest:
    """The list after `old`: with a new release, or with the same one for longer."""
    if release is None and old is None:
        raise SystemExit("sign: there is nothing to renew")
    current = release or (old.current if old else None)
    assert current is not None
    previous = old.previous if old else None
    if old is not None and old.current.version != current.version:
        previous = old.current
    expires = datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)
    return Manifest(
        serial=old.serial + 1 if old else 1,
        expires=expires,
        current=current,
        previous=previous,
        page=page or (old.page if old else ""),
    )


def signatures_of(data: bytes, keys: Sequence[Ed25519PrivateKey]) -> dict[str, str]:
    """Base64, by the id of the key."""
    return {
        key_id(key.public_key().public_bytes_raw()): base64.b64encode(key.sign(data)).decode()
        for key in keys
    }


def sign_engine(path: Path, keys: Sequence[Ed25519PrivateKey]) -> None:
    """Put the signatures into an engine's file, which Corral must take as it is."""
    pack = read_pack(path, {}, here=False)
    if pack.signature:
        raise SystemExit(f"sign: {path.name} is signed already")
    found = Signatures(signatures_of(ENGINE_CONTEXT + pack.raw, keys))
    entry = zipfile.ZipInfo(SIGNATURE)  # of 1980, as all others
    entry.external_attr = (stat.S_IFREG | 0o644) << 16
    entry.create_system = 3
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(entry, msgspec.json.format(msgspec.json.encode(found)) + b"\n")


def signed(manifest: Manifest, keys: Sequence[Ed25519PrivateKey]) -> bytes:
    """The envelope, signed with each key."""
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    # Decoding checks the patterns: nothing is signed that programs would refuse.
    msgspec.json.decode(text, type=Manifest)
    signatures = signatures_of(CONTEXT + text, keys)
    return msgspec.json.format(msgspec.json.encode(Envelope(text.decode(), signatures))) + b"\n"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["new", "renew", "engine"])
    parser.add_argument("file", nargs="?", type=Path, help="RELEASE.json, or the engine")
    parser.add_argument("--old", type=Path)
    parser.add_argument("--key", type=Path, action="append", required=True)
    parser.add_argument("--source", type=Path, help="another resources/updates.json")
    parser.add_argument("--out", type=Path, help="where the list goes")
    parser.add_argument("--days", type=int, default=DAYS)
    wishes = parser.parse_args(arguments)
    if (wishes.what == "renew") == (wishes.file is not None):
        parser.error("“new” wants a RELEASE.json, “engine” an engine, “renew” none")
    if (wishes.what == "engine") == (wishes.out is not None):
        parser.error("a list wants --out; an engine is signed where it lies")
    keys = [load_key(path) for path in wishes.key]
    if wishes.what == "engine":
        sign_engine(wishes.file, keys)
        print(f"{wishes.file}: signed; its checksum has changed")
        return 0
    old = read_old(wishes.old, keys, wishes.source) if wishes.old else None
    release, page = release_from(wishes.file) if wishes.file else (None, "")
    manifest = following(old, release, page, wishes.days)
    data = signed(manifest, keys)
    wishes.out.write_bytes(data)
    print(f"{wishes.out}: number {manifest.serial}, Corral {manifest.current.version}, "
          f"good until {manifest.expires:%Y-%m-%d}")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
