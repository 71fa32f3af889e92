"""Reaching the hub over HTTP, within limits of time and size."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from msgspec import Struct

import app
from app.core import hub_errors
from app.core.connection_problems import Way
from app.core.errors import HubError
from app.core.http_deadline import answer_within
from app.core.hub_connection import TIMEOUT, new_client
from backends.contacts import PURPOSE, WHY, Tell
from backends.route import Route

if TYPE_CHECKING:
    import httpx2

DEADLINE = 30.0
"""Seconds for a whole answer of the API."""


Purpose = Literal[
    "search", "model page", "log-in", "test", "download", "remote model", "program update"
]
"""What a connection is for, as the list of connections says it."""


class HubAccess(Struct, frozen=True):
    """Where the hub is, who is asking, and by which way."""

    endpoint: str
    """Without a slash at the end."""
    token: str | None = None
    route: Route = Route()

    def __repr__(self) -> str:
        return f"HubAccess({self.endpoint!r})"


def headers_for(access: HubAccess) -> dict[str, str]:
    """User agent and, if there is one, the token; never a token of the library's own finding."""
    from huggingface_hub.utils._headers import build_hf_headers

    return build_hf_headers(
        token=access.token or False, library_name="corral", library_version=app.__version__
    )


class Answer(Struct, frozen=True):
    """A body, and what its headers say."""

    body: bytes
    cursor: str | None = None
    """Of the next page, if the hub named one."""
    content_type: str = ""
    date: str = ""
    """When it was sent, by the server's clock, as HTTP writes it."""


class HubHttp:
    """GET with limits on time and size. Any thread may call it."""

    def __init__(
        self,
        timeout: float = TIMEOUT,
        deadline: float = DEADLINE,
        tell: Tell | None = None,
    ) -> None:
        """`tell` hears of every connection."""
        self.timeout = timeout
        """Seconds for connecting and for each read."""
        self._deadline = deadline
        self._told = tell
        self._lock = threading.Lock()
        self._clients: dict[Route, httpx2.Client] = {}
        """One for each way that was taken; settings change rarely."""

    def get(
        self,
        access: HubAccess,
        path: str,
        *,
        limit: int,
        repo: str = "",
        params: Mapping[str, Any] | None = None,
        purpose: Purpose = "search",
    ) -> Answer:
        """The whole answer. Raises `HubError`; more than `limit` bytes are an error too."""
        url = access.endpoint + path
        with self._stream(access, url, repo, purpose, params) as response:
            body = self._read(response, limit + 1)
            if len(body) > limit:
                raise hub_errors.too_large(urlsplit(url).netloc, limit)
            headers = response.headers
            kind, date = headers.get("Content-Type", ""), headers.get("Date", "")
            return Answer(body, _next_cursor(response), kind, date)

    def get_start(self, access: HubAccess, path: str, *, size: int, repo: str = "") -> bytes:
        """The first `size` bytes of a file, whether or not the server knows ranges."""
        headers = {"Range": f"bytes=0-{size - 1}", "Accept-Encoding": "identity"}
        url = access.endpoint + path
        with self._stream(access, url, repo, "model page", headers=headers) as response:
            return self._read(response, size)

    def client(self, route: Route) -> "httpx2.Client":
        """The client for this way, kept until `close`. Raises like `new_client`."""
        with self._lock:
            if route not in self._clients:
                self._clients[route] = new_client(self.timeout, route, self._told)
            return self._clients[route]

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        with self._lock:
            clients, self._clients = self._clients, {}
        for client in clients.values():
            client.close()

    @contextmanager
    def _stream(
        self,
        access: HubAccess,
        url: str,
        repo: str,
        purpose: Purpose,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator["httpx2.Response"]:
        client = self.client(access.route)
        import httpx2
        from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

        every = {**headers_for(access), **(headers or {})}
        way = Way()
        about = {PURPOSE: purpose, WHY: repo or (params or {}).get("search", ""), "trace": way}
        try:
            request = client.build_request(
                "GET", url, params=params, headers=every, extensions=about
            )
            with answer_within(self._deadline, self._too_slow(url), client, request) as response:
                if response.status_code >= 400:
                    self._raise(response)
                yield response
        except (httpx2.HTTPError, httpx2.InvalidURL, HfHubHTTPError, OfflineModeIsEnabled) as error:
            raise hub_errors.explain(error, url, repo, self.timeout, way) from error

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
        """At most `limit` bytes, decoded."""
        body = bytearray()
        for piece in response.iter_bytes(65536):
            body += piece
            if len(body) >= limit:
                break
        return bytes(body[:limit])

    def _too_slow(self, url: str) -> Callable[[], HubError]:
        return lambda: hub_errors.too_slow(urlsplit(url).hostname or "", self._deadline)


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
