"""Asking the hub where a file is, and its CDN for ranges of it."""

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

from msgspec import Struct

from app.core import hub_errors
from app.core.connection_problems import Way
from app.core.errors import AccessError, AppError, DownloadError, HubError, NotFoundError
from app.core.hub_connection import TIMEOUT
from app.core.hub_http import HubAccess, headers_for
from app.core.transfer_look_up import FileFacts, file_page, is_own, look_up
from app.core.transfer_stop import StopSignal
from app.core.variants import RepoFile

if TYPE_CHECKING:
    import httpx2

CONTENT_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19})", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}")

IN_VAIN = frozenset({"proxy_login", "clock", "expired", "wrong_host", "unknown_ca", "tls"})
"""Kinds of failed connections that are the same at the next try."""


class TryAgain(Exception):
    """Something that may pass. `wait`: seconds the server asks for; `reason`: what to say.

    `network`: no server has said anything, so the network itself may be away. `in_vain`: only
    another server, or a person, can help. `host` failed, with an HTTP `status` if it gave one.
    """

    def __init__(
        self,
        reason: AppError,
        wait: float | None = None,
        *,
        network: bool = False,
        in_vain: bool = False,
        host: str = "",
        status: int = 0,
    ) -> None:
        super().__init__(str(reason))
        self.reason = reason
        self.wait = wait
        self.network = network and not in_vain
        self.in_vain = in_vain
        self.host = host
        self.status = status


class FileChanged(Exception):
    """The server has another file than the one that was begun."""


class RangesRefused(Exception):
    """The server sends whole files only."""


class Body(Struct, frozen=True):
    """An answer that is being read."""

    pieces: Iterator[bytes]
    validator: str | None
    """Strong entity tag of the server, for `If-Range`."""


class RemoteFile:
    """One file of a repository, wherever its signed address currently is."""

    def __init__(
        self,
        client: "httpx2.Client",
        hubs: list[HubAccess],
        repo: str,
        revision: str,
        file: RepoFile,
        read_timeout: float,
        stop: StopSignal,
        main: str = "",
    ) -> None:
        """`hubs` is shared by the files of a run: the one that answers is put first.

        `main` is the address of the one whose refusal counts; without it that of the first.
        """
        self._main = main or hubs[0].endpoint
        self._hubs = hubs
        self._repo = repo
        self._revision = revision
        self._file = file
        self._client = client
        self._timeout = read_timeout
        self._stop = stop
        self._lock = threading.Lock()
        self._facts: FileFacts | None = None

    def facts(self) -> FileFacts:
        """What the hub said last; asked for at the first call.

        Raises `TryAgain`, `TransferStopped`, or the `AppError` that is the hub's answer.
        """
        with self._lock:
            if self._facts is None:
                self._facts = self._look_up()
            return self._facts

    def damaged(self) -> DownloadError:
        """What to say once the checksum was wrong twice, and what was fetched is deleted."""
        return DownloadError(
            "The download was damaged twice",
            f"“{self._file.path}” did not match the checksum that the hub lists, also when it "
            "was fetched again. What was fetched has been deleted.",
            "Something on the way changes the data, such as a proxy, or the disk is failing.",
        )

    def forget(self) -> None:
        """Ask the hub again at the next call of `facts`."""
        with self._lock:
            self._facts = None

    def renew(self, old: FileFacts) -> None:
        """Ask for a new address, unless another thread has done it since `old`.

        Raises like `facts`, and `FileChanged`.
        """
        with self._lock:
            if self._facts is not old:
                return
            self._facts = None
            self._facts = self._look_up()
            if (self._facts.etag, self._facts.size) != (old.etag, old.size):
                raise FileChanged

    @contextmanager
    def open(self, facts: FileFacts, start: int, end: int, validator: str | None) -> Iterator[Body]:
        """Bytes from `start` up to `end`.

        Raises `TryAgain`, `FileChanged`, `RangesRefused`, an `AppError`, `TransferStopped`.
        """
        headers = {"Range": f"bytes={start}-{end - 1}"}
        if validator:
            headers["If-Range"] = validator
        with self._request(facts, headers) as response:
            if response.status_code == 200:
                raise RangesRefused
            self._check_range(response, facts, start, end)
            tag = response.headers.get("ETag")
            if validator and tag and tag != validator:
                raise FileChanged
            strong = tag if tag and not tag.startswith("W/") else None
            yield Body(response.iter_raw(), strong)

    @contextmanager
    def open_whole(self, facts: FileFacts) -> Iterator[Body]:
        """All bytes in one answer, for servers without ranges. Raises like `open`."""
        with self._request(facts, {}) as response:
            if response.status_code != 200:
                raise TryAgain(self._odd_answer(f"status {response.status_code}"))
            yield Body(response.iter_raw(), None)

    @contextmanager
    def _request(self, facts: FileFacts, headers: dict[str, str]) -> Iterator["httpx2.Response"]:
        import httpx2

        every = {**self._headers(facts.access, facts.url), **headers}
        way = Way()
        try:
            request = self._client.build_request(
                "GET", facts.url, headers=every, extensions={"trace": way}
            )
            with (
                closing(self._send(request)) as response,
                self._stop.cutting(response),
            ):
                if response.status_code not in (200, 206):
                    self._refused(response, facts)
                if response.headers.get("Content-Encoding", "identity") != "identity":
                    raise TryAgain(self._odd_answer("a compressed answer"))
                yield response
        except httpx2.InvalidURL as error:
            raise self._odd_answer(f"a bad address: {error}") from error
        except httpx2.HTTPError as error:
            self._stop.check()  # a connection cut by ourselves
            self._no_answer(error, facts.url, way)

    def _headers(self, access: HubAccess, url: str) -> dict[str, str]:
        """What goes along with a request; the token to the hub's own origin only."""
        every = {"Accept-Encoding": "identity", "X-HF-Download-Counter": "1"}
        return {**headers_for(access), **every} if is_own(access, url) else every

    def _send(self, request: "httpx2.Request") -> "httpx2.Response":
        """The answer as far as its headers."""
        return self._stop.await_answer(
            lambda: self._client.send(request, stream=True), lambda late: late.close()
        )

    def _check_range(
        self, response: "httpx2.Response", facts: FileFacts, start: int, end: int
    ) -> None:
        match = CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if match is None or int(match[1]) != start or int(match[2]) >= end:
            raise TryAgain(self._odd_answer("another range than the one asked for"))
        if int(match[3]) != facts.size:
            raise FileChanged

    def _refused(self, response: "httpx2.Response", facts: FileFacts) -> NoReturn:
        """Turn a status into the right exception; a stale signed address is renewed."""
        host, status = urlsplit(facts.url).netloc, response.status_code
        wait = hub_errors.retry_after(response.headers)
        reason = self._reason(host, status, response.headers)
        own = is_own(facts.access, facts.url)
        if status in hub_errors.RETRY_STATUSES:
            name = urlsplit(facts.url).hostname or ""
            raise TryAgain(reason, wait, host=name, status=status)
        if status == 416 or (status in (401, 403, 404, 410) and not own) or self._is_stale(status):
            self.renew(facts)
            raise TryAgain(reason, 0.0)
        raise reason

    def _reason(self, host: str, status: int, headers: Mapping[str, str]) -> AppError:
        """A status in words."""
        return hub_errors.refused_status(host, status, hub_errors.retry_after(headers))

    def _is_stale(self, status: int) -> bool:
        """Whether a status of the source's own origin only says that it must be asked anew."""
        return False

    def _look_up(self) -> FileFacts:
        """What the first hub that answers says. Raises the failure of the main one.

        A mirror may lack what the hub has, or not give it away: the next one is asked then.
        """
        failures: dict[str, AppError | TryAgain] = {}
        for access in tuple(self._hubs):
            try:
                facts = self._look_up_at(access)
            except TryAgain as reason:
                failures[access.endpoint] = reason
            except (AccessError, NotFoundError) as refusal:
                if access.endpoint == self._main:
                    raise
                failures[access.endpoint] = refusal
            else:
                if self._hubs[0] is not access:
                    self._hubs.remove(access)
                    self._hubs.insert(0, access)
                return facts
        raise failures.get(self._main) or next(iter(failures.values()))

    def _look_up_at(self, access: HubAccess) -> FileFacts:
        """What this hub says. Raises like `facts`."""
        import httpx2
        from huggingface_hub import errors

        way, timeout = Way(), min(TIMEOUT, self._timeout)
        page = file_page(access, self._repo, self._revision, self._file.path)
        try:
            facts = self._stop.await_answer(
                lambda: look_up(self._client, access, page, timeout, way), lambda _late: None
            )
        except httpx2.InvalidURL as error:
            raise self._odd_answer(f"a bad address: {error}") from error
        except (httpx2.HTTPError, errors.OfflineModeIsEnabled, errors.HfHubHTTPError) as error:
            self._look_up_failed(error, page, way)
        if facts is None:
            raise self._odd_answer("no size or no entity tag")
        self._compare_with_list(facts.etag, facts.size)
        return facts

    def _look_up_failed(self, error: Exception, page: str, way: Way) -> NoReturn:
        from huggingface_hub import errors

        if not isinstance(error, errors.HfHubHTTPError | errors.OfflineModeIsEnabled):
            self._no_answer(error, page, way)
        reason = self._explain(error, page, way)
        if isinstance(error, errors.OfflineModeIsEnabled) or isinstance(
            reason, AccessError | NotFoundError
        ):
            raise reason from error
        status = error.response.status_code
        if status not in hub_errors.RETRY_STATUSES:
            raise reason from error
        wait = hub_errors.retry_after(error.response.headers)
        host = urlsplit(page).hostname or ""
        raise TryAgain(reason, wait, host=host, status=status) from error

    def _no_answer(self, error: Exception, url: str, way: Way) -> NoReturn:
        """No answer, or none to its end."""
        reason = self._explain(error, url, way)
        kind = reason.kind if isinstance(reason, HubError) else ""
        host = urlsplit(url).hostname or ""
        raise TryAgain(reason, network=True, in_vain=kind in IN_VAIN, host=host) from error

    def _compare_with_list(self, etag: str, size: int) -> None:
        """The file must be the one that was chosen from the list."""
        listed = self._file.sha256
        other_hash = listed and _SHA256.fullmatch(etag) and etag != listed
        if size != self._file.size or other_hash:
            raise DownloadError(
                "The file has changed on the hub",
                f"“{self._file.path}” was listed with {self._file.size:,} bytes; the hub now has "
                f"another version with {size:,} bytes. What was fetched is kept.",
                "Remove this download, open the model's page again and start from there.",
            )

    def _explain(self, error: Exception, url: str, way: Way) -> AppError:
        return hub_errors.explain(error, url, self._repo, self._timeout, way)

    def _odd_answer(self, what: str) -> AppError:
        host = urlsplit(self._hubs[0].endpoint).netloc
        return hub_errors.unreadable(host, f"{self._file.path}: {what}")
