"""Reaching the hub over HTTP: which address, with which token, within which limits."""

import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from msgspec import Struct

import app
from app.core import hub_errors
from app.core.errors import SettingsError
from app.core.settings import Network

if TYPE_CHECKING:
    import httpx2

DEFAULT_ENDPOINT = "https://huggingface.co"
ENDPOINT_VARIABLE = "HF_ENDPOINT"
"""Names the hub where the settings do not."""
LOOPBACK = ("127.0.0.1", "::1", "localhost")
TIMEOUT = 10.0
"""Seconds for connecting and for each read."""
DEADLINE = 30.0
"""Seconds for a whole answer of the API."""


class HubAccess(Struct, frozen=True):
    """Where the hub is, and who is asking."""

    endpoint: str
    """Without a slash at the end."""
    token: str | None = None


def hub_access(network: Network, env: Mapping[str, str], endpoint: str | None = None) -> HubAccess:
    """The hub that `endpoint`, the settings or `HF_ENDPOINT` name, in this order.

    `HF_TOKEN` goes along only to the default hub, or where the person has allowed it.

    Raises:
        OfflineError: the offline switch is on.
        SettingsError: the address is no good.
    """
    if network.offline:
        raise hub_errors.offline()
    address = endpoint or network.endpoint or env.get(ENDPOINT_VARIABLE) or DEFAULT_ENDPOINT
    address = address.strip().rstrip("/")
    _check_endpoint(address)
    trusted = address == DEFAULT_ENDPOINT or network.send_token
    return HubAccess(address, (env.get("HF_TOKEN") or None) if trusted else None)


def _check_endpoint(address: str) -> None:
    try:
        parts = urlsplit(address)
        host = parts.hostname
        valid = parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK)
    except ValueError:
        host, valid = None, False
    if not host or not valid or parts.username or parts.query:
        raise SettingsError(
            "The hub's address cannot be used",
            f"“{address}” is no https address.",
            "Correct the endpoint in Settings, or leave it empty for the default hub.",
        )


def new_client(timeout: float = TIMEOUT) -> "httpx2.Client":
    """An HTTP client with the library's hook (offline mode, request ids) and time-outs.

    The library's own client waits for ever. Proxies, `SSL_CERT_FILE` and the system's
    certificates are honoured by httpx2 itself. Raises `HubError` naming the variable of the
    environment that cannot be honoured.
    """
    # Read when the library is imported: it would report its use once a day.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    import httpx2
    from huggingface_hub.utils._http import hf_request_event_hook

    def hook(request: httpx2.Request) -> None:
        hf_request_event_hook(request)

    try:
        return httpx2.Client(
            event_hooks={"request": [hook]}, follow_redirects=True, timeout=httpx2.Timeout(timeout)
        )
    except OSError as error:
        raise hub_errors.bad_certificates(error, os.environ) from error
    except (ImportError, ValueError, httpx2.InvalidURL) as error:
        raise hub_errors.bad_proxy(error, os.environ) from error


def headers_for(access: HubAccess) -> dict[str, str]:
    """User agent and, if there is one, the token; never a token of the library's own finding."""
    from huggingface_hub.utils._headers import build_hf_headers

    return build_hf_headers(
        token=access.token or False, library_name="corral", library_version=app.__version__
    )


class Answer(Struct, frozen=True):
    """A body, and the cursor of the next page if the hub named one."""

    body: bytes
    cursor: str | None


class HubHttp:
    """GET with limits on time and size. Any thread may call it."""

    def __init__(self, timeout: float = TIMEOUT, deadline: float = DEADLINE) -> None:
        self._timeout = timeout
        self._deadline = deadline
        self._lock = threading.Lock()
        self._client: httpx2.Client | None = None

    def get(
        self,
        access: HubAccess,
        path: str,
        *,
        limit: int,
        repo: str = "",
        params: Mapping[str, Any] | None = None,
    ) -> Answer:
        """The whole answer. Raises `HubError`; more than `limit` bytes are an error too."""
        url = access.endpoint + path
        with self._stream(access, url, repo, params) as response:
            body = self._read(response, limit + 1)
            if len(body) > limit:
                raise hub_errors.too_large(urlsplit(url).netloc, limit)
            return Answer(body, _next_cursor(response))

    def get_start(self, access: HubAccess, path: str, *, size: int, repo: str = "") -> bytes:
        """The first `size` bytes of a file, whether or not the server knows ranges."""
        headers = {"Range": f"bytes=0-{size - 1}", "Accept-Encoding": "identity"}
        with self._stream(access, access.endpoint + path, repo, None, headers) as response:
            return self._read(response, size)

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    @contextmanager
    def _stream(
        self,
        access: HubAccess,
        url: str,
        repo: str,
        params: Mapping[str, Any] | None,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator["httpx2.Response"]:
        client = self._ensure_client()
        import httpx2
        from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

        every = {**headers_for(access), **(headers or {})}
        try:
            with client.stream("GET", url, params=params, headers=every) as response:
                if response.status_code >= 400:
                    self._raise(response)
                yield response
        except (httpx2.HTTPError, httpx2.InvalidURL, HfHubHTTPError, OfflineModeIsEnabled) as error:
            raise hub_errors.explain(error, url, repo, self._timeout) from error

    def _ensure_client(self) -> "httpx2.Client":
        with self._lock:
            if self._client is None:
                self._client = new_client(self._timeout)
            return self._client

    def _raise(self, response: "httpx2.Response") -> None:
        """Let the library name the error, of a copy: it would read a body of any size."""
        import httpx2
        from huggingface_hub.utils._http import hf_raise_for_status

        # As bytes: text from a server may be in any encoding.
        kept = [
            (name, value)
            for name, value in response.headers.raw
            if name.lower() not in (b"content-encoding", b"content-length", b"transfer-encoding")
        ]
        body = self._read(response, 65536)
        hf_raise_for_status(
            httpx2.Response(
                response.status_code, headers=kept, content=body, request=response.request
            )
        )

    def _read(self, response: "httpx2.Response", limit: int) -> bytes:
        """At most `limit` bytes, within the deadline: a trickle must not hold a thread."""
        started = time.monotonic()
        body = bytearray()
        for piece in response.iter_bytes(65536):
            body += piece
            if len(body) >= limit:
                break
            if time.monotonic() - started > self._deadline:
                raise hub_errors.too_slow(response.url.host, self._deadline)
        return bytes(body[:limit])


def _next_cursor(response: "httpx2.Response") -> str | None:
    """The cursor in the `Link` header (RFC 8288).

    Only the cursor is taken: the address may name another host, which must not get the token.
    """
    import httpx2

    following = response.links.get("next", {}).get("url")
    if not following:
        return None
    try:
        cursor = httpx2.URL(following).params.get("cursor")
    except httpx2.InvalidURL:
        return None
    return str(cursor) if cursor else None
