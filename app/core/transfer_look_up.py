"""Asking a hub what a file is and where its bytes are, before they are fetched.

The hub answers a HEAD request with the file's hash, size and commit in headers, and sends on to the
storage that holds the bytes. What it says of the file stands in the answer that leaves the hub.
"""

from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from msgspec import Struct

from app.core.connection_problems import Way
from app.core.hub_http import HubAccess, headers_for

if TYPE_CHECKING:
    import httpx2

MOST_REDIRECTS = 10
_LINKED_ETAG, _LINKED_SIZE, _COMMIT = "X-Linked-ETag", "X-Linked-Size", "X-Repo-Commit"


class FileFacts(Struct, frozen=True):
    """What a hub says of a file, and where its bytes are."""

    etag: str
    size: int
    commit: str
    url: str
    access: HubAccess
    """The hub that said so."""


def file_page(access: HubAccess, repo: str, revision: str, path: str) -> str:
    """The address of a file on a hub."""
    from huggingface_hub import hf_hub_url

    return hf_hub_url(repo, path, revision=revision, endpoint=access.endpoint)


def look_up(
    client: "httpx2.Client", access: HubAccess, page: str, timeout: float, way: Way
) -> FileFacts | None:
    """What the hub says of the file at `page`; None if it leaves out the size or the hash.

    Redirects are followed as far as the answer that describes the file. The token goes to the
    hub's own origin only.

    Raises what the client and the hub's library raise, such as `HfHubHTTPError`.
    """
    import httpx2
    from huggingface_hub.utils._http import hf_raise_for_status

    url, commit = page, ""
    for _ in range(MOST_REDIRECTS):
        headers = {"Accept-Encoding": "identity"}
        if is_own(access, url):
            headers = {**headers_for(access), **headers}
        response = client.request(
            "HEAD",
            url,
            headers=headers,
            timeout=timeout,
            follow_redirects=False,
            extensions={"trace": way},
        )
        hf_raise_for_status(response)
        commit = commit or response.headers.get(_COMMIT, "")
        if not response.has_redirect_location:
            return _facts(response, url, commit, access)
        target = urljoin(url, response.headers["Location"])
        if origin(target) != origin(url) and response.headers.get(_LINKED_ETAG):
            return _facts(response, target, commit, access)
        url = target
    raise httpx2.TooManyRedirects("the hub sends on and on")


def is_own(access: HubAccess, url: str) -> bool:
    """Whether an address is of the hub's own origin: the only place that sees the token."""
    return origin(url) == origin(access.endpoint)


def origin(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port: what a token is bound to."""
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, parts.hostname, port


def _facts(
    response: "httpx2.Response", url: str, commit: str, access: HubAccess
) -> FileFacts | None:
    headers = response.headers
    etag = _plain(headers.get(_LINKED_ETAG) or headers.get("ETag") or "")
    length = "" if response.has_redirect_location else headers.get("Content-Length", "")
    size = headers.get(_LINKED_SIZE) or length
    if not etag or not size.isascii() or not size.isdigit():
        return None
    return FileFacts(etag, int(size), commit, url, access)


def _plain(etag: str) -> str:
    """An entity tag without its quotes, and without the mark of a weak one."""
    return etag.removeprefix("W/").strip('"')
