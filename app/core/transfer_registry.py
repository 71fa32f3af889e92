"""One file of a model in Ollama's registry, for the range engine: found and named by its digest."""

from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from app.core import hub_errors, ollama_errors
from app.core.connection_problems import Way
from app.core.errors import AppError, DownloadError
from app.core.hub_http import HubAccess
from app.core.ollama_gate import is_safe
from app.core.ollama_http import anonymous_token, blob_path, refusal, registry_headers
from app.core.ollama_name import OllamaName, ollama_name_of
from app.core.transfer_http import CONTENT_RANGE, RemoteFile, TryAgain
from app.core.transfer_look_up import FileFacts, is_own

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx2


class RegistryFile(RemoteFile):
    """Wherever the registry currently sends those who ask for the file."""

    _token: str | None = None
    """An anonymous one, where the registry wants it."""

    @property
    def _name(self) -> OllamaName:
        name = ollama_name_of(self._repo)
        assert name is not None
        return name

    @property
    def _host(self) -> str:
        return urlsplit(self._hubs[0].endpoint).netloc

    def _page(self, access: HubAccess) -> str:
        """The lasting address, which knows where the bytes currently are."""
        if self._file.sha256 is None:
            raise DownloadError(
                "This download cannot be continued",
                f"Nothing tells which file of “{self._name.short}” “{self._file.path}” is.",
                "Remove it, open the model's page again and start from there.",
            )
        return access.endpoint + blob_path(self._name, self._file.sha256)

    def _headers(self, access: HubAccess, url: str) -> dict[str, str]:
        return registry_headers(self._token if is_own(access, url) else None)

    def _look_up_at(self, access: HubAccess) -> FileFacts:
        import httpx2

        page, way = self._page(access), Way()
        try:
            return self._stop.await_answer(lambda: self._ask(access, page, way), lambda _late: None)
        except ConnectionError as error:  # the offline switch of the hub's library
            raise self._explain(error, page, way) from error
        except httpx2.InvalidURL as error:
            raise self._odd_answer(f"a bad address: {error}") from error
        except httpx2.HTTPError as error:
            host = urlsplit(page).hostname or ""
            raise TryAgain(self._explain(error, page, way), host=host) from error

    def _ask(self, access: HubAccess, page: str, way: Way) -> FileFacts:
        """Ask for one byte: a signed address may be good for GET only. Redirects are only noted."""
        self._token, about = None, {"trace": way}
        for _ in range(2):
            every = {**self._headers(access, page), "Range": "bytes=0-0"}
            request = self._client.build_request("GET", page, headers=every, extensions=about)
            with closing(
                self._client.send(request, stream=True, follow_redirects=False)
            ) as response:
                challenge = response.headers.get("WWW-Authenticate", "")
                if response.status_code != 401 or self._token:
                    return self._facts_in(response, access, page)
            self._token = anonymous_token(self._client, challenge, access, self._name, about)
        raise ollama_errors.private(self._name, self._host)

    def _facts_in(self, response: "httpx2.Response", access: HubAccess, page: str) -> FileFacts:
        assert self._file.sha256 is not None
        status, url = response.status_code, page
        if response.has_redirect_location:
            url = urljoin(url, response.headers["Location"])
            parts = urlsplit(url)
            if not is_safe(parts.scheme, parts.hostname):
                raise self._odd_answer("a redirect to an address that is no https")
        elif status in hub_errors.RETRY_STATUSES:
            wait = hub_errors.retry_after(response.headers)
            reason = self._reason(self._host, status, response.headers)
            host = urlsplit(page).hostname or ""
            raise TryAgain(reason, wait, host=host, status=status)
        elif status not in (200, 206):
            raise refusal(response, access, self._name, manifest=False)
        else:
            self._compare_size(response)
        return FileFacts(self._file.sha256, self._file.size, self._revision, url, access)

    def _compare_size(self, response: "httpx2.Response") -> None:
        """The file must be as long as the manifest says."""
        told = CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        text = told[3] if told else response.headers.get("Content-Length", "")
        if text.isdigit() and int(text) != self._file.size:
            raise ollama_errors.other_size(self._name, self._host, self._file.size, int(text))

    def _is_stale(self, status: int) -> bool:
        return status == 401  # an anonymous token lives for minutes

    def _reason(self, host: str, status: int, headers: "Mapping[str, str]") -> AppError:
        return ollama_errors.refused_status(host, status, headers)

    def _explain(self, error: Exception, url: str, way: Way) -> AppError:
        return ollama_errors.explain(error, url, self._timeout, way)

    def _odd_answer(self, what: str) -> AppError:
        return ollama_errors.unreadable(self._host, f"{self._file.path}: {what}")
