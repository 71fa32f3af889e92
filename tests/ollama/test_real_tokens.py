"""A real registry that lets nobody in without a token, and a service that gives it to everyone."""

import base64
import datetime
import http.server
import json
import secrets
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest

from app.core.paths import AppPaths
from app.core.settings import SettingsStore
from tests.ollama.docker_registry import docker_registry, installed
from tests.ollama.images import Image, push
from tests.ollama.test_download import REPO, WEIGHTS, desk_at
from tests.timing import PATIENCE

pytest.importorskip("cryptography")

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID


class Issuer:
    """Signs tokens as the registry's documentation says (JWT, RS256, certificate in `x5c`)."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "corral tests")])
        now = datetime.datetime.now(datetime.UTC)
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(1)
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .sign(self._key, hashes.SHA256())
        )

    def token(self, model: str, *actions: str) -> str:
        """What lets its bearer do these to a model for a minute."""
        der = self.certificate.public_bytes(serialization.Encoding.DER)
        head = {"typ": "JWT", "alg": "RS256", "x5c": [base64.b64encode(der).decode()]}
        now = int(time.time())
        claims = {
            "iss": "corral-tests",
            "sub": "",
            "aud": "local",
            "iat": now,
            "nbf": now - 5,
            "exp": now + 60,
            "jti": secrets.token_hex(8),
            "access": [{"type": "repository", "name": model, "actions": list(actions)}],
        }
        text = f"{_encoded(head)}.{_encoded(claims)}"
        signature = self._key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{text}.{_base64(signature)}"


def _encoded(value: dict[str, Any]) -> str:
    return _base64(json.dumps(value).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Guarded(NamedTuple):
    """A registry behind tokens."""

    url: str
    issuer: Issuer
    asked: list[dict[str, list[str]]]
    """The questions that the token service had."""


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Guarded]:
    if not installed():
        pytest.skip("docker-registry is not here (packaging/docker_registry.py fetches it)")
    issuer = Issuer()
    asked: list[dict[str, list[str]]] = []

    class Service(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            asked.append(query)
            _, model, _ = query["scope"][0].split(":")
            body = json.dumps({"token": issuer.token(model, "pull")}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Nobody reads it."""

    service = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
    thread = threading.Thread(target=service.serve_forever, args=(0.01,))
    thread.start()
    bundle = tmp_path / "issuer.pem"
    bundle.write_bytes(issuer.certificate.public_bytes(serialization.Encoding.PEM))
    auth = (
        "auth: {token: {"
        f"realm: 'http://127.0.0.1:{service.server_address[1]}/token', service: local, "
        f"issuer: corral-tests, rootcertbundle: '{bundle}'}}}}\n"
    )
    try:
        with docker_registry(tmp_path / "registry", auth) as url:
            yield Guarded(url, issuer, asked)
    finally:
        service.shutdown()
        service.server_close()
        thread.join(PATIENCE)


def test_a_real_registry_lets_us_in_with_the_token_that_everyone_gets(
    guarded: Guarded, paths: AppPaths, settings: SettingsStore
) -> None:
    writer = {"Authorization": f"Bearer {guarded.issuer.token('library/tiny', 'pull', 'push')}"}
    push(guarded.url, "library/tiny", "1b", Image(WEIGHTS, system="Rhyme."), writer)
    with desk_at(guarded.url, paths, settings) as desk:
        item = desk.ended(desk.add(REPO))
        assert item.error is None
        assert desk.model().path.read_bytes() == WEIGHTS
    assert len(guarded.asked) == 2  # once by the window, once by the child that downloads
    assert guarded.asked[0] == {"service": ["local"], "scope": ["repository:library/tiny:pull"]}
