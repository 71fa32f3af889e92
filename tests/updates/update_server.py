"""A local server that announces versions of Corral: a signed list, and packages behind a redirect.

It signs with the same code as a release does (`packaging/updates/sign.py`).
"""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.core.conversation_schema import VERSION as SCHEMA
from app.core.program_form import Program
from app.core.update_manifest import Envelope, Manifest, Package, Release
from app.core.update_source import UpdateSource
from tests.hub.http_server import OriginHandler, TwoOrigins
from tests.hub.repository import HubFile
from tests.packaging.scripts import load_script

LIST = "/corral-updates.json"
sign = load_script("updates/sign")
PROGRAM = Program("deb", "linux", "x86_64", "corral")


def public_of(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


class UpdateServer(TwoOrigins):
    """Two keys, the list, and the packages by path. Use as a context manager."""

    def __init__(self, keys: Sequence[Ed25519PrivateKey] = ()) -> None:
        """`keys`: the one in use and the next one, where they are to be certain ones."""
        super().__init__(_Announcer, _Storage, tls="")
        self.key, self.next_key = keys or [Ed25519PrivateKey.generate() for _ in range(2)]
        self.list = b""
        self.packages: dict[str, bytes] = {}

    @property
    def source(self) -> UpdateSource:
        """What a build for this server knows."""
        return UpdateSource(self.url + LIST, (public_of(self.key), public_of(self.next_key)))

    def release(
        self,
        version: str,
        data: bytes = b"",
        *,
        form: str = "deb",
        schema: int = SCHEMA,
        minimum: str = "0.0",
    ) -> Release:
        """A version with a package that this server has."""
        data = data or version.encode() * 50_000
        path = f"/corral-{version}.{form}"
        self.packages[path] = data
        package = {
            "system": "linux",
            "machine": "x86_64",
            "form": form,
            "url": f"{self.url}{path}",
            "size": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
        }
        return Release(
            version,
            "2026-11-28",
            schema,
            (msgspec.convert(package, Package),),
            {"en": f"# Corral {version}\n\n- Better", "fr": f"# Corral {version}\n\n- Mieux"},
            minimum,
        )

    def announce(
        self,
        release: Release,
        *,
        serial: int = 1,
        previous: Release | None = None,
        days: float = 90,
        keys: Sequence[Ed25519PrivateKey] = (),
    ) -> Manifest:
        """Sign a list and serve it from now on."""
        manifest = Manifest(
            serial, datetime.now(UTC) + timedelta(days=days), release, previous, "https://x.example"
        )
        self.list = sign.signed(manifest, keys or [self.key])
        return manifest

    def tamper(self, old: str, new: str) -> None:
        """Change the text of the list and leave the signatures."""
        envelope = msgspec.json.decode(self.list, type=Envelope)
        assert old in envelope.manifest
        changed = msgspec.structs.replace(envelope, manifest=envelope.manifest.replace(old, new))
        self.list = msgspec.json.encode(changed)


class _Announcer(OriginHandler):
    def answer(self) -> None:
        server: UpdateServer = self.server.hub
        if self.where == LIST:
            self.send_body(200, [server.list], len(server.list), {"Content-Type": "text/plain"})
        elif self.where in server.packages:
            self.send_body(302, [], 0, {"Location": f"{server.cdn_url}{self.where}"})
        else:
            self.send_body(404, [], 0, {})


class _Storage(OriginHandler):
    def answer(self) -> None:
        data = self.server.hub.packages.get(self.where)
        if data is None:
            self.send_body(404, [], 0, {})
        else:
            self.send_file(HubFile(self.where, data), {"ETag": f'"{len(data)}"'})
