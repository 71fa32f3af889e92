"""Reaching Ollama's registry: the protocol of container registries (OCI distribution).

Only what is public is read. Where a registry wants a bearer token even for that, an anonymous one
is asked for; no account, key or token of the person's is ever sent.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

import app
from app.core import ollama_errors
from app.core.connection_problems import Way, portal
from app.core.errors import AppError
from app.core.http_deadline import answer_within
from app.core.hub_http import DEADLINE, HubAccess, HubHttp, Purpose
from app.core.ollama_gate import is_safe
from app.core.ollama_name import OllamaName
from backends.contacts import PURPOSE, WHY

if TYPE_CHECKING:
    import httpx2

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
TOKEN_LIMIT = 65_536
_ANSWERS = (200, 401, 404)
_PURPOSE: Purpose = "model page"
_PARAMETER = re.compile(r'(realm|service|scope)="([^"]*)"')


def manifest_path(name: OllamaName) -> str:
    """Where the registry has the manifest of a model."""
    return f"/v2/{name.namespace}/{name.model}/manifests/{name.tag}"


def blob_path(name: OllamaName, sha256: str) -> str:
    """Where the registry has a file of a model."""
    return f"/v2/{name.namespace}/{name.model}/blobs/sha256:{sha256}"


def registry_headers(token: str | None) -> dict[str, str]:
    """User agent and, if there is one, the anonymous token."""
    headers = {"User-Agent": f"corral/{app.__version__}", "Accept-Encoding": "identity"}
    return {**headers, "Authorization": f"Bearer {token}"} if token else headers


def anonymous_token(
    client: "httpx2.Client",
    challenge: str,
    access: HubAccess,
    name: OllamaName,
    about: Mapping[str, Any],
) -> str:
    """The token that a registry gives to everyone, asked for as it says in `WWW-Authenticate`.

    Only the registry's own host is asked, as Ollama does it. `about` are the extensions of the
    request that was refused. Raises `AccessError`, and the exceptions of the client.
    """
    import httpx2

    host = urlsplit(access.endpoint).netloc
    kind, _, rest = challenge.partition(" ")
    given = dict(_PARAMETER.findall(rest))
    try:
        realm = httpx2.URL(given.pop("realm", ""))
    except httpx2.InvalidURL as error:
        raise ollama_errors.bad_challenge(host, challenge[:200]) from error
    own = realm.host == urlsplit(access.endpoint).hostname and is_safe(realm.scheme, realm.host)
    if kind.lower() != "bearer" or not own:
        raise ollama_errors.bad_challenge(host, challenge[:200])
    wanted = realm.copy_merge_params(given)
    request = client.build_request(
        "GET", wanted, headers=registry_headers(None), extensions=dict(about)
    )
    with _answer(client, request, follow_redirects=False) as response:
        if response.status_code != 200:
            raise ollama_errors.private(name, host)
        body = read_at_most(response, TOKEN_LIMIT)
    try:
        answer = msgspec.json.decode(body, type=dict[str, object])
    except msgspec.DecodeError as error:
        raise ollama_errors.unreadable(host, str(error)) from error
    token = answer.get("token") or answer.get("access_token")
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise ollama_errors.private(name, host)
    return token


def read_at_most(response: "httpx2.Response", limit: int) -> bytes:
    """The body; `HubError` for more than `limit` bytes."""
    body = read_start(response, limit + 1)
    if len(body) > limit:
        raise ollama_errors.too_large(response.url.host, limit)
    return body


def read_start(response: "httpx2.Response", size: int) -> bytes:
    """The first `size` bytes of the body, or all of a shorter one."""
    body = bytearray()
    for piece in response.iter_bytes(65_536):
        body += piece
        if len(body) >= size:
            break
    return bytes(body[:size])


def _answer(
    client: "httpx2.Client", request: "httpx2.Request", *, follow_redirects: bool = True
) -> "AbstractContextManager[httpx2.Response]":
    """The answer to a request; `HubError` for a trickle beyond the deadline."""

    def too_slow() -> AppError:
        return ollama_errors.too_slow(request.url.host, DEADLINE)

    return answer_within(DEADLINE, too_slow, client, request, follow_redirects=follow_redirects)


class RegistryAnswer(Struct, frozen=True):
    """A body, and the digest that the registry says it has."""

    body: bytes
    digest: str


class RegistryHttp:
    """GET with limits on time and size. Any thread may call it."""

    def __init__(self, http: HubHttp) -> None:
        """`http` holds the connections, and closes them."""
        self._http = http
        self._tokens: dict[tuple[str, str], str] = {}
        """Anonymous tokens by registry and model."""

    def ping(self, access: HubAccess) -> str:
        """The time by the registry's clock, as HTTP writes it. Raises `HubError` if none answers.

        The protocol has a place for the question. Some registries want a log-in there, and some
        have only the other places, which is an answer as well.
        """
        client = self._http.client(access.route)
        import httpx2

        url, way = f"{access.endpoint}/v2/", Way()
        purpose: Purpose = "test"
        about = {PURPOSE: purpose, WHY: "", "trace": way}
        host = urlsplit(access.endpoint).netloc
        try:
            headers = registry_headers(None)
            request = client.build_request("GET", url, headers=headers, extensions=about)
            with _answer(client, request) as response:
                if response.status_code not in _ANSWERS:
                    raise ollama_errors.refused_status(host, response.status_code, response.headers)
                if "html" in response.headers.get("Content-Type", ""):
                    raise portal(host, "registry")
                return str(response.headers.get("Date", ""))
        except (httpx2.HTTPError, httpx2.InvalidURL, ConnectionError) as error:
            raise ollama_errors.explain(error, url, self._http.timeout, way) from error

    def manifest(self, access: HubAccess, name: OllamaName, limit: int) -> RegistryAnswer:
        """The manifest of a model. Raises `HubError`."""
        accept = {"Accept": MANIFEST}
        with self._stream(access, name, manifest_path(name), accept) as response:
            digest = response.headers.get("Docker-Content-Digest", "")
            return RegistryAnswer(read_at_most(response, limit), digest)

    def blob(self, access: HubAccess, name: OllamaName, sha256: str, limit: int) -> bytes:
        """A small file. Raises `HubError`."""
        with self._stream(access, name, blob_path(name, sha256), {}) as response:
            return read_at_most(response, limit)

    def blob_start(self, access: HubAccess, name: OllamaName, sha256: str, size: int) -> bytes:
        """The first `size` bytes of a file. Raises `HubError`."""
        wanted = {"Range": f"bytes=0-{size - 1}"}
        with self._stream(access, name, blob_path(name, sha256), wanted) as response:
            return read_start(response, size)

    @contextmanager
    def _stream(
        self, access: HubAccess, name: OllamaName, path: str, headers: Mapping[str, str]
    ) -> Iterator["httpx2.Response"]:
        client = self._http.client(access.route)
        import httpx2

        url, way = access.endpoint + path, Way()
        about = {PURPOSE: _PURPOSE, WHY: name.repo, "trace": way}
        key = (access.endpoint, f"{name.namespace}/{name.model}")
        try:
            for last in (False, True):
                every = {**registry_headers(self._tokens.get(key)), **headers}
                request = client.build_request("GET", url, headers=every, extensions=about)
                with _answer(client, request) as response:
                    challenge = response.headers.get("WWW-Authenticate", "")
                    if response.status_code == 401 and not last:
                        token = anonymous_token(client, challenge, access, name, about)
                        self._tokens[key] = token
                        continue
                    if response.status_code not in (200, 206):
                        raise refusal(response, access, name, manifest="/manifests/" in path)
                    yield response
                    return
        except (httpx2.HTTPError, httpx2.InvalidURL, ConnectionError) as error:
            raise ollama_errors.explain(error, url, self._http.timeout, way) from error


def refusal(
    response: "httpx2.Response", access: HubAccess, name: OllamaName, *, manifest: bool
) -> Exception:
    """What a status means that is no success."""
    host, status = urlsplit(access.endpoint).netloc, response.status_code
    if status == 404:
        return (
            ollama_errors.no_model(name, host) if manifest else ollama_errors.blob_gone(name, host)
        )
    if status in (401, 403) and response.url.host == urlsplit(access.endpoint).hostname:
        return ollama_errors.private(name, host)
    return ollama_errors.refused_status(response.url.host, status, response.headers)
