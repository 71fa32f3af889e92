"""A small registry of our own: what a real one cannot be made to do, such as faults on demand.

Like Ollama's, it sends those who ask for a blob to a CDN with signed addresses, and may want an
anonymous bearer token.
"""

import hashlib
import re
import time

from tests.hub.http_server import OriginHandler, TwoOrigins
from tests.hub.repository import HubFile
from tests.ollama.images import MANIFEST, Image


class LocalRegistry(TwoOrigins):
    """The registry, its CDN, and what they hold."""

    def __init__(
        self, *, redirect: bool = True, anonymous_token: str = "", tls: bool = False
    ) -> None:
        super().__init__(_RegistryHandler, _CdnHandler, tls="localhost" if tls else "")
        self.redirect = redirect
        """Send blobs from the CDN instead of from here."""
        self.anonymous_token = anonymous_token
        """Refuse whoever does not bring it; everyone is given it who asks."""
        self.private = False
        """Give the token to nobody."""
        self.realm = ""
        """Where to ask for the token; empty is here."""
        self.manifests: dict[str, bytes] = {}
        self.blobs: dict[str, HubFile] = {}

    def add(self, model: str, tag: str, image: Image) -> None:
        """Hold an image under a name such as "library/tiny"."""
        for body in (image.config_blob(), *(body for _, body in image.layers())):
            digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
            self.blobs[digest] = HubFile(digest, body)
        self.manifests[f"{model}:{tag}"] = image.manifest()


class _RegistryHandler(OriginHandler):
    """`/v2/{model}/manifests/{tag}`, `/v2/{model}/blobs/{digest}`, `/token`."""

    def answer(self) -> None:
        registry: LocalRegistry = self.server.hub
        if self.where == "/token":
            if registry.private:
                self._error(401, "UNAUTHORIZED")
            else:
                self.send_json({"token": registry.anonymous_token})
            return
        match = re.fullmatch(r"/v2/(.+)/(manifests|blobs)/([^/]+)", self.where)
        wanted = registry.anonymous_token
        if wanted and self.headers.get("Authorization") != f"Bearer {wanted}":
            realm = registry.realm or f"{registry.url}/token"
            scope = f"repository:{match[1]}:pull" if match else ""
            challenge = f'Bearer realm="{realm}",service="local",scope="{scope}"'
            self._error(401, "UNAUTHORIZED", {"WWW-Authenticate": challenge})
        elif match is None:
            self._error(404, "NAME_UNKNOWN")
        elif match[2] == "manifests":
            self._manifest(registry, f"{match[1]}:{match[3]}")
        else:
            self._blob(registry, match[3])

    def _error(self, status: int, code: str, headers: dict[str, str] | None = None) -> None:
        self.send_json({"errors": [{"code": code}]}, status, headers)

    def _manifest(self, registry: LocalRegistry, name: str) -> None:
        body = registry.manifests.get(name)
        if body is None:
            self._error(404, "MANIFEST_UNKNOWN")
        elif self.headers.get("Accept") != MANIFEST:
            self._error(400, "MANIFEST_INVALID")  # as Debian's does
        else:
            digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
            headers = {"Content-Type": MANIFEST, "Docker-Content-Digest": digest}
            self.send_body(200, [body], len(body), headers)

    def _blob(self, registry: LocalRegistry, digest: str) -> None:
        file = registry.blobs.get(digest)
        if file is None:
            self._error(404, "BLOB_UNKNOWN")
        elif registry.redirect:
            where = f"{registry.cdn_url}/files/{digest}?expires={time.time() + 600:.0f}"
            self.send_body(307, [], 0, {"Location": where})
        else:
            self.send_file(file, {"ETag": f'"{digest}"', "Docker-Content-Digest": digest})


class _CdnHandler(OriginHandler):
    """`/files/{digest}`, with an entity tag of its own."""

    def answer(self) -> None:
        registry: LocalRegistry = self.server.hub
        file = registry.blobs.get(self.where.removeprefix("/files/"))
        if file is None or "expires" not in self.query:
            self.send_body(403, [], 0, {})
        else:
            self.send_file(file, {"ETag": f'"cdn-{file.sha256[:16]}"'})
