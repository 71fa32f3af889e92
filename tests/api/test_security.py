"""What the server refuses: foreign names and pages, those without a token, what is no data."""

import asyncio
import hmac
import json
import socket
import ssl
import stat
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.api import guard
from app.core.access_tokens import AccessTokens, sha256_of
from app.core.logs import redact
from app.core.settings import Server
from tests.api.raw_http import exchange, status_of
from tests.api.serving import STARTER, Serving, free_port, serving

MODELS = "GET /v1/models HTTP/1.1"
ASKED = {"model": STARTER, "messages": [{"role": "user", "content": "x"}], "max_tokens": 1}


def status(serving: Serving, path: str = "/v1/models", **headers: str) -> int:
    with serving.client() as client:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return client.get(path, headers=named).status_code


# Names


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost.",
        "LOCALHOST:1",
        "127.0.0.1",
        "[::1]:11500",
        "corral.localhost",
        "printer.local",
        "192.168.1.5:80",
        socket.gethostname(),
    ],
)
def test_names_of_this_computer_are_answered(shared: Serving, host: str) -> None:
    assert status_of(shared, MODELS, f"Host: {host}") == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "evil-localhost",
        "127.0.0.1.evil.example",
        "127.0.0.1.nip.io:11500",
        "localhost:80@evil.example",
        "evil.example@localhost",
        "localhost/evil.example",
        "localhost#evil.example",
        "localhost?evil.example",
        "localhost:evil.example",
        "localhost:1:2",
        "localhost, evil.example",
        "[::1].evil.example",
        "224.0.0.1",
        "",
    ],
)
def test_foreign_names_are_refused(shared: Serving, host: str) -> None:
    assert status_of(shared, MODELS, f"Host: {host}") in (400, 421)


def test_a_request_must_name_exactly_one_host(shared: Serving) -> None:
    assert status_of(shared, MODELS) == 400
    assert status_of(shared, "GET /v1/models HTTP/1.0") == 421
    assert status_of(shared, MODELS, "Host: localhost", "Host: evil.example") == 400


def test_an_absolute_address_leads_nowhere(shared: Serving) -> None:
    line = "GET http://evil.example/v1/models HTTP/1.1"
    assert status_of(shared, line, "Host: localhost") == 404
    assert status_of(shared, line, "Host: evil.example") == 421


def test_a_listed_name_is_answered_but_needs_a_token(alone: Serving) -> None:
    assert status_of(alone, MODELS, "Host: models.example") == 421
    alone.change(hosts=("Models.example",))
    assert status_of(alone, MODELS, "Host: models.example") == 401
    _, secret = alone.parts.tokens.issue("proxy", ["chat"])
    assert status_of(alone, MODELS, "Host: models.example", f"X-Api-Key: {secret}") == 200


# Pages


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "",
        "http://localhost",
        "http://localhost:1",
        "http://127.0.0.1.evil.example",
        "https://listed.example.evil.example",
        "https://evil-listed.example",
        "http://listed.example",
        "https://listed.example:444",
    ],
)
def test_foreign_pages_are_refused_and_get_no_leave(alone: Serving, origin: str) -> None:
    alone.change(origins=("https://listed.example",))
    with alone.client(origin=origin) as client:
        for answer in (
            client.get("/v1/models"),
            client.post("/v1/chat/completions", json=ASKED),
            client.options(
                "/v1/chat/completions", headers={"access-control-request-method": "POST"}
            ),
        ):
            assert answer.status_code == 403
            assert not [name for name in answer.headers if name.startswith("access-control")]


def test_listed_pages_and_the_own_one_are_answered(alone: Serving) -> None:
    alone.change(origins=("https://Listed.example/",))
    with alone.client(origin="https://listed.example") as client:
        answer = client.get("/v1/models")
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "https://listed.example"
        assert answer.headers["vary"] == "Origin"
        asks = {
            "access-control-request-method": "POST",
            "access-control-request-headers": "content-type,x-api-key",
            "access-control-request-private-network": "true",
        }
        preflight = client.options("/v1/chat/completions", headers=asks)
        assert preflight.status_code == 204
        assert preflight.headers["access-control-allow-headers"] == "content-type,x-api-key"
        assert preflight.headers["access-control-allow-private-network"] == "true"
        assert "access-control-allow-credentials" not in preflight.headers
    own = status(alone, origin=alone.url)
    assert own == 200


def test_a_listed_page_can_read_why_it_is_refused(alone: Serving) -> None:
    alone.change(origins=("https://listed.example",), require_token=True)
    with alone.client(origin="https://listed.example") as client:
        answer = client.get("/v1/models")
    assert answer.status_code == 401
    assert answer.headers["access-control-allow-origin"] == "https://listed.example"


def test_a_request_of_several_origins_is_refused(alone: Serving) -> None:
    alone.change(origins=("https://listed.example",))
    for good in ("https://listed.example", alone.url):
        host = f"Host: {alone.url.removeprefix('http://')}"
        assert status_of(alone, MODELS, host, f"Origin: {good}") == 200
        assert status_of(alone, MODELS, host, f"Origin: {good}", "Origin: https://evil") == 403


def test_who_names_no_origin_gets_no_leave(shared: Serving) -> None:
    with shared.client(**{"access-control-request-method": "POST"}) as client:
        answer = client.options("/v1/chat/completions")
    assert answer.status_code == 405
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_the_origin_null_cannot_be_listed(alone: Serving) -> None:
    alone.change(origins=("null",))
    assert status(alone, origin="null") == 403


def test_what_a_browser_says_of_other_sites_counts(shared: Serving) -> None:
    for site in ("cross-site", "same-site"):
        assert status(shared, sec_fetch_site=site) == 403
        assert status(shared, sec_fetch_site=site, sec_fetch_mode="navigate") == 200
        with shared.client(**{"sec-fetch-site": site, "sec-fetch-mode": "navigate"}) as client:
            assert client.post("/v1/chat/completions", json=ASKED).status_code == 403
    assert status(shared, sec_fetch_site="same-origin") == 200
    assert status(shared, sec_fetch_site="none") == 200


def test_answers_are_of_no_use_to_pages_that_embed_them(shared: Serving) -> None:
    with shared.client() as client:
        answer = client.get("/v1/models")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize(
    ("kind", "others", "expected"),
    [
        ("text/plain", {}, 415),
        ("multipart/form-data; boundary=x", {}, 415),
        ("application/x-www-form-urlencoded", {"referer": "https://evil.example/"}, 415),
        ("application/x-www-form-urlencoded", {"cookie": "a=b"}, 415),
        ("application/x-www-form-urlencoded", {"sec-fetch-mode": "no-cors"}, 415),
        ("application/x-www-form-urlencoded", {}, 200),  # what curl says by itself
        ("application/json; charset=utf-8", {}, 200),
    ],
)
def test_a_body_must_be_declared_as_json(
    shared: Serving, kind: str, others: dict[str, str], expected: int
) -> None:
    with shared.client() as client:
        answer = client.post(
            "/v1/chat/completions",
            content=json.dumps(ASKED),
            headers={"content-type": kind, **others},
        )
    assert answer.status_code == expected


def test_a_web_socket_is_not_spoken(shared: Serving) -> None:
    asked = ("Host: localhost", "Connection: Upgrade", "Upgrade: websocket")
    keys = ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13")
    assert status_of(shared, "GET /v1/x HTTP/1.1", *asked, *keys) == 404
    foreign = status_of(shared, MODELS, *asked, *keys, "Origin: https://evil.example")
    assert foreign == 403


def test_a_web_socket_is_closed_even_if_it_came_in(shared: Serving) -> None:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "websocket",
        "path": "/v1/models",
        "method": "GET",
        "scheme": "ws",
        "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 1),
    }
    asyncio.run(shared.server._application(scope, receive, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]


# Tokens


def test_only_this_computer_needs_no_token() -> None:
    for address in ("127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"):
        assert guard.is_loopback(address)
    for address in (
        *("192.168.1.5", "0.0.0.0", "::ffff:192.168.1.5", "fe80::1%lo", "2001:db8::1"),
        *("::", "::127.0.0.1", "localhost", "", "127.0.0.1.evil.example"),
    ):
        assert not guard.is_loopback(address)


def test_whoever_comes_from_elsewhere_needs_a_token(
    alone: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert status(alone) == 200
    monkeypatch.setattr(guard, "is_loopback", lambda address: address != "127.0.0.1")
    assert status(alone) == 401


@pytest.mark.parametrize("header", ["forwarded", "x_forwarded_for", "x_real_ip", "via"])
def test_what_a_proxy_passes_on_needs_a_token(alone: Serving, header: str) -> None:
    assert status(alone, **{header: "203.0.113.7"}) == 401
    _, secret = alone.parts.tokens.issue("phone", ["chat"])
    assert status(alone, **{header: "203.0.113.7"}, x_api_key=secret) == 200


def test_both_forms_of_header_are_understood_and_wrong_tokens_are_not(alone: Serving) -> None:
    token, secret = alone.parts.tokens.issue("phone", ["chat"])
    alone.change(require_token=True)
    assert status(alone, authorization=f"Bearer {secret}") == 200
    assert status(alone, authorization=f"bearer  {secret}") == 200
    assert status(alone, x_api_key=secret) == 200
    for wrong in ("-", secret[:-1], secret + "x", secret.upper(), token.sha256, token.id, "*"):
        assert status(alone, authorization=f"Bearer {wrong}") == 401
        assert status(alone, x_api_key=wrong) == 401
    assert status(alone, authorization=f"Basic {secret}") == 401
    assert status(alone, f"/v1/models?key={secret}") == 401
    alone.parts.tokens.revoke(token.id)
    assert status(alone, x_api_key=secret) == 401


def test_a_token_that_was_taken_back_is_refused_where_none_is_needed(alone: Serving) -> None:
    token, secret = alone.parts.tokens.issue("phone", ["chat"])
    alone.parts.tokens.revoke(token.id)
    assert status(alone) == 200
    assert status(alone, x_api_key="ollama") == 200  # clients that must send a key send any
    assert status(alone, x_api_key=secret) == 401
    assert status(alone, authorization=f"Bearer {secret}") == 401
    assert status(alone, "/web/app.js", x_api_key=secret) == 200  # it tells nothing


@pytest.mark.parametrize(
    "path",
    [
        *("//v1/models", "/v1//models", "/v1/../v1/models", "/./v1/models", "/v1/models/"),
        *("/v1%2fmodels", "/%76%31/models", "/V1/MODELS", "/v1/models%00", "/v1/models%2e"),
        *("/openapi.json/..%2f..%2fv1%2fmodels", "/nothing", "/v1/models;x=/", "/corral/v1/status"),
    ],
)
def test_no_way_of_writing_a_path_leads_past_the_token(alone: Serving, path: str) -> None:
    alone.change(require_token=True)
    assert status_of(alone, f"GET {path} HTTP/1.1", "Host: localhost") == 401


def test_a_token_that_is_taken_back_ends_what_was_asked_with_it(alone: Serving) -> None:
    alone.change(require_token=True)
    model = alone.scripted(text="word " * 100, tokens_per_second=20)
    token, secret = alone.parts.tokens.issue("phone", ("chat",))
    body = {"model": model, "stream": True, "messages": ASKED["messages"]}
    with (
        alone.client(authorization=f"Bearer {secret}") as client,
        client.stream("POST", "/v1/chat/completions", json=body) as answer,
    ):
        pieces = answer.iter_raw()
        assert next(pieces)
        alone.parts.tokens.revoke(token.id)
        with pytest.raises(httpx2.RemoteProtocolError):
            list(pieces)
    record = alone.ended(lambda each: each.model == model)
    assert (record.status, record.error) == (499, "Its token was taken back.")
    loaded = alone.parts.runtime.get(model)
    assert loaded is not None
    assert loaded.engine.stats().running == 0


def test_a_token_that_is_taken_back_watches_nobody_any_more(alone: Serving) -> None:
    token, secret = alone.parts.tokens.issue("watcher", ("admin",))
    with (
        alone.client(authorization=f"Bearer {secret}") as client,
        client.stream("GET", "/corral/v1/requests?follow=true") as told,
    ):
        assert told.status_code == 200
        alone.parts.tokens.revoke(token.id)
        assert status(alone, "/v1/models") == 200
        with pytest.raises(httpx2.RemoteProtocolError):
            list(told.iter_raw())


def test_each_operation_wants_its_scope(alone: Serving) -> None:
    secrets = {
        scope: alone.parts.tokens.issue(scope, [scope])[1] for scope in ("chat", "models", "admin")
    }
    alone.change(require_token=True)
    orders = alone.server._application.table._usual.routes
    assert len(orders) > 40
    with alone.client() as client:
        for _, operation, _ in orders:
            if operation.scope is None:
                continue
            path = operation.path.replace("{digest}", "sha256:" + "0" * 64)
            for given, secret in (("", ""), *secrets.items()):
                if given in (operation.scope, "admin"):
                    continue
                answer = client.request(operation.method, path, headers={"x-api-key": secret})
                expected = 403 if given else 401
                assert answer.status_code == expected, (operation.method, operation.path, given)


def test_without_a_token_nothing_of_the_administration_is_allowed(alone: Serving) -> None:
    with alone.client() as client:
        assert client.post("/corral/v1/shutdown").status_code == 403


def test_the_own_secret_holds_at_the_own_port_only_and_nothing_else_there(alone: Serving) -> None:
    _, secret = alone.parts.tokens.issue("all", ["admin"])
    with alone.own_client() as client:
        assert client.get("/v1/models").status_code == 200
        for wanted in (False, True):
            alone.change(require_token=wanted)
            for other in ("", f"Bearer {secret}", "Bearer x"):
                assert client.get("/v1/models", headers={"authorization": other}).status_code == 401
    assert status(alone, authorization=f"Bearer {alone.server.own_secret}") == 401


def test_secrets_are_compared_in_constant_time(
    alone: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long for a right one as for a wrong one: each that there is is compared, bit by bit."""
    tokens, compared = alone.parts.tokens, []
    (first, secret), (second, _) = (tokens.issue(name, ["chat"]) for name in ("one", "two"))

    def watched(one: str, other: str) -> bool:
        compared.append({one, other})
        return one == other

    monkeypatch.setattr(hmac, "compare_digest", watched)
    for given in (secret, "wrong"):
        compared.clear()
        tokens.check(given)
        assert compared == [{each.sha256, sha256_of(given)} for each in (first, second)]
    compared.clear()
    with alone.own_client() as client:
        client.get("/v1/models")
        client.get("/v1/models", headers={"authorization": "Bearer wrong"})
    own = sha256_of(alone.server.own_secret)
    assert compared == [{own}, {own, sha256_of("wrong")}]


def test_a_token_that_another_program_takes_back_is_invalid_at_once(alone: Serving) -> None:
    token, secret = alone.parts.tokens.issue("phone", ["chat"])
    alone.change(require_token=True)
    assert status(alone, x_api_key=secret) == 200
    AccessTokens(alone.parts.paths.tokens_file).revoke(token.id)
    assert status(alone, x_api_key=secret) == 401


def test_a_token_is_kept_as_its_hash_for_its_person_only(
    alone: Serving, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    _, secret = alone.parts.tokens.issue("phone", ["chat"])
    status(alone, x_api_key=secret)
    path = alone.parts.paths.tokens_file
    assert secret not in path.read_text(encoding="utf-8")
    assert secret not in caplog.text
    assert all(secret not in repr(record) for record in alone.parts.log.records())
    assert secret not in redact(f"it is {secret}.")
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(alone.parts.paths.running_file.stat().st_mode) == 0o600


# Names never become paths, errors tell of no files, nothing is fetched


@pytest.mark.parametrize(
    "name",
    [
        *("../../etc/passwd", "/etc/passwd", "..\\..\\x", "a\0b", "file:///etc/passwd"),
        *("~/.ssh/id_rsa", "C:\\x", "x" * 100_000, ".", "..", "%2e%2e/x", "\ud7ff"),
    ],
)
def test_a_name_is_a_name_whatever_it_looks_like(shared: Serving, name: str) -> None:
    home = str(shared.parts.paths.models.parent)
    with shared.client() as client:
        for path, body in (
            ("/v1/chat/completions", {**ASKED, "model": name}),
            ("/v1/embeddings", {"model": name, "input": "x"}),
            ("/v1/messages", {**ASKED, "model": name}),
            ("/api/show", {"model": name}),
            ("/api/chat", {**ASKED, "model": name}),
            ("/api/copy", {"source": name, "destination": "x"}),
            ("/api/create", {"model": "x", "from": name}),
            ("/corral/v1/load", {"model": name}),
        ):
            answer = client.post(path, json=body)
            assert 400 <= answer.status_code < 500, (path, answer.text)
            assert home not in answer.text
            assert "root:" not in answer.text
            assert "Traceback" not in answer.text
        for digest in ("sha256:../../x", "..%2f..%2fx", "sha256:" + "0" * 63, "md5:" + "0" * 64):
            assert client.head(f"/api/blobs/{digest}").status_code in (400, 404)


class Listener:
    """Counts who connects."""

    def __init__(self) -> None:
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.sock.settimeout(0)
        self.url = f"http://127.0.0.1:{self.sock.getsockname()[1]}"

    def was_asked(self) -> bool:
        try:
            self.sock.accept()[0].close()
        except BlockingIOError:
            return False
        return True


def test_pictures_and_schemas_are_never_fetched(shared: Serving) -> None:
    listener = Listener()

    def picture(url: str) -> dict[str, Any]:
        part = {"type": "image_url", "image_url": {"url": url}}
        return {**ASKED, "messages": [{"role": "user", "content": [part]}]}

    schema = {"$ref": f"{listener.url}/s.json"}
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    with listener.sock, shared.client() as client:
        for url in (f"{listener.url}/x.png", "file:///etc/passwd", "data:text/html;base64,eA=="):
            answer = client.post("/v1/chat/completions", json=picture(url))
            assert answer.status_code == 400
            source = {"type": "url", "url": url}
            block = {"role": "user", "content": [{"type": "image", "source": source}]}
            answer = client.post("/v1/messages", json={**ASKED, "messages": [block]})
            assert answer.status_code == 400
        answer = client.post("/v1/chat/completions", json={**ASKED, "response_format": form})
        assert answer.status_code == 400
        answer = client.post("/api/chat", json={**ASKED, "format": schema, "stream": False})
        assert answer.status_code == 400
        assert not listener.was_asked()


def test_templates_of_a_request_are_not_run(shared: Serving) -> None:
    template = "{{ ''.__class__.__mro__[1].__subclasses__() }}"
    with shared.client() as client:
        body = {"model": STARTER, "prompt": "x", "template": template, "stream": False}
        answer = client.post("/api/generate", json={**body, "options": {"num_predict": 1}})
        chat = {**ASKED, "chat_template": template, "chat_template_kwargs": {"x": template}}
        told = client.post("/v1/chat/completions", json=chat)
    assert answer.status_code in (200, 400)
    assert "<class" not in answer.text
    assert "<class" not in told.text


def test_what_is_not_there_is_not_found(shared: Serving) -> None:
    with shared.client() as client:
        for path in ("/v1/nothing", "/v1", "/api/nothing", "/api/v1/nothing", "/nothing"):
            assert client.get(path).status_code == 404
            assert client.post(path, json={}).status_code == 404
        wrong = client.get("/v1/chat/completions")
        assert wrong.status_code == 405
        assert "POST" in wrong.json()["error"]["message"]
        assert client.request("TRACE", "/v1/models").status_code == 405


def test_an_error_tells_of_no_file_and_no_line(alone: Serving) -> None:
    def broken(*_: object) -> None:
        raise OSError(2, "No such file", "/srv/somebody/secret.txt")

    alone.server._application.work.names.find = broken  # type: ignore[assignment, method-assign]  # fails as a disk would
    with alone.client() as client:
        answer = client.post("/v1/chat/completions", json=ASKED)
    assert answer.status_code == 500
    assert "secret.txt" not in answer.text
    assert ".py" not in answer.text


def test_garbage_is_answered_once_and_the_connection_ended(shared: Serving) -> None:
    code, _ = exchange(shared, b"\x16\x03\x01\x00garbage\r\n\r\n")
    assert code == 400
    smuggled = (
        b"POST /v1/models HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /v1/models HTTP/1.1\r\n\r\n"
    )
    assert exchange(shared, smuggled)[0] in (400, 405)


# TLS


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that is its own authority, and its key."""
    x509 = pytest.importorskip("cryptography.x509")
    import ipaddress

    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    kind = serialization.PrivateFormat.PKCS8
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(made.public_bytes(pem))
    key_file.write_bytes(key.private_bytes(pem, kind, serialization.NoEncryption()))
    return cert_file, key_file


def test_ones_own_certificate_is_spoken_with(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    wanted = Server(on=True, port=free_port(), certificate=str(cert), certificate_key=str(key))
    with serving(server=wanted) as running:
        assert running.url.startswith("https://")
        trust = ssl.create_default_context(cafile=str(cert))
        with httpx2.Client(base_url=running.url, verify=trust, trust_env=False) as client:
            assert client.get("/v1/models").status_code == 200
        plain = running.url.replace("https", "http")
        with (
            httpx2.Client(base_url=plain, trust_env=False) as client,
            pytest.raises(httpx2.TransportError),
        ):
            client.get("/v1/models")


def test_a_certificate_that_is_none_is_told_and_nothing_listens(
    alone: Serving, tmp_path: Path
) -> None:
    changed = threading.Event()
    alone.server.changed.connect(changed.set)
    alone.change(certificate=str(tmp_path / "none.pem"))
    assert changed.wait(20)
    assert alone.server.problem is not None
    assert alone.server.addresses == ()
