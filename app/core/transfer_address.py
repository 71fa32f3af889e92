"""A file at an address of its own, for the range engine: known by its size and SHA-256."""

from collections.abc import Mapping
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import app
from app.core import hub_errors, update_errors
from app.core.connection_problems import Way
from app.core.errors import AppError, DownloadError
from app.core.hub_http import HubAccess
from app.core.ollama_gate import is_safe
from app.core.transfer_http import CONTENT_RANGE, RemoteFile, TryAgain
from app.core.transfer_look_up import MOST_REDIRECTS, FileFacts
from app.core.transfer_stop import StopSignal
from app.core.variants import RepoFile

if TYPE_CHECKING:
    import httpx2


class AddressedFile(RemoteFile):
    """Wherever the server of the address currently sends those who ask for the file."""

    def __init__(
        self,
        client: "httpx2.Client",
        access: HubAccess,
        address: str,
        file: RepoFile,
        read_timeout: float,
        stop: StopSignal,
    ) -> None:
        super().__init__(client, [access], "", "", file, read_timeout, stop)
        self._address = address

    def damaged(self) -> DownloadError:
        """The checksum was wrong twice."""
        return update_errors.damaged_package(self._file.path)

    def _headers(self, access: HubAccess, url: str) -> dict[str, str]:
        return {"Accept-Encoding": "identity", "User-Agent": f"corral/{app.__version__}"}

    def _look_up_at(self, access: HubAccess) -> FileFacts:
        import httpx2

        way = Way()
        try:
            return self._stop.await_answer(lambda: self._ask(access, way), lambda _late: None)
        except (httpx2.InvalidURL, ConnectionError) as error:
            raise self._explain(error, self._address, way) from error
        except httpx2.HTTPError as error:
            self._no_answer(error, self._address, way)

    def _ask(self, access: HubAccess, way: Way) -> FileFacts:
        """Ask for one byte: a signed address may be good for GET only. Redirects are only noted."""
        url, headers = self._address, {**self._headers(access, ""), "Range": "bytes=0-0"}
        for _ in range(MOST_REDIRECTS):
            parts = urlsplit(url)
            if not is_safe(parts.scheme, parts.hostname):
                raise update_errors.unsafe_address(url)
            request = self._client.build_request(
                "GET", url, headers=headers, extensions={"trace": way}
            )
            with closing(
                self._client.send(request, stream=True, follow_redirects=False)
            ) as response:
                if not response.has_redirect_location:
                    self._check(response, url)
                    return FileFacts(self._file.sha256 or "", self._file.size, "", url, access)
                url = urljoin(url, response.headers["Location"])
        raise self._odd_answer("it sends on and on")

    def _check(self, response: "httpx2.Response", url: str) -> None:
        """The answer must be about a file as long as the one that is wanted."""
        status, host = response.status_code, urlsplit(url).netloc
        reason = update_errors.refused_status(host, status, response.headers)
        if status in hub_errors.RETRY_STATUSES:
            wait = hub_errors.retry_after(response.headers)
            raise TryAgain(reason, wait, host=urlsplit(url).hostname or "", status=status)
        if status not in (200, 206):
            raise reason
        told = CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        text = told[3] if told else response.headers.get("Content-Length", "")
        if text.isdigit() and int(text) != self._file.size:
            raise update_errors.other_size(host, self._file.size, int(text))

    def _reason(self, host: str, status: int, headers: Mapping[str, str]) -> AppError:
        return update_errors.refused_status(host, status, headers)

    def _explain(self, error: Exception, url: str, way: Way) -> AppError:
        return update_errors.explain(error, url, self._timeout, way)

    def _odd_answer(self, what: str) -> AppError:
        return update_errors.odd_answer(urlsplit(self._address).netloc, what)
