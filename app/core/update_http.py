"""Asking the update server for the manifest. Nothing about the person or the computer is sent."""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import app
from app.core import update_errors
from app.core.connection_problems import Way
from app.core.http_deadline import answer_within
from app.core.hub_http import HubHttp, Purpose
from app.core.update_manifest import MANIFEST_LIMIT
from backends.contacts import PURPOSE, WHY
from backends.route import Route

if TYPE_CHECKING:
    import httpx2

DEADLINE = 30.0
"""Seconds for the whole answer."""
PURPOSE_OF_UPDATES: Purpose = "program update"


def fetch_manifest(http: HubHttp, route: Route, address: str) -> bytes:
    """The envelope at an address, not looked at yet. Raises `HubError` or `UpdateError`."""
    client, way = http.client(route), Way()
    import httpx2

    about = {PURPOSE: PURPOSE_OF_UPDATES, WHY: "", "trace": way}
    headers = {"User-Agent": f"corral/{app.__version__}", "Accept": "application/json"}
    host = urlsplit(address).netloc
    try:
        request = client.build_request("GET", address, headers=headers, extensions=about)
        with answer_within(
            DEADLINE, lambda: update_errors.too_slow(host, DEADLINE), client, request
        ) as response:
            if response.status_code != 200:
                raise update_errors.refused_status(host, response.status_code, response.headers)
            return _read(response, host)
    except (httpx2.HTTPError, httpx2.InvalidURL, ConnectionError) as error:
        raise update_errors.explain(error, address, http.timeout, way) from error


def _read(response: "httpx2.Response", host: str) -> bytes:
    body = bytearray()
    for piece in response.iter_bytes(65536):
        body += piece
        if len(body) > MANIFEST_LIMIT:
            raise update_errors.odd_answer(host, f"more than {MANIFEST_LIMIT} bytes")
    return bytes(body)
