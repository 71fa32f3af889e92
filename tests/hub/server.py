"""A model hub of our own on loopback, speaking the protocol of Hugging Face.

Two origins: the hub (lists, details, small files) and a CDN with signed URLs that expire, so
that leaking tokens and expired URLs are seen. Faults come on demand, every request is logged.

    with LocalHub() as hub:
        hub.add("owner/name", {"model.gguf": Path(...), "README.md": b"# A model"})
        hub.fault("model.gguf", origin="cdn", drop_after=1_000_000, times=3)
        ... HF_ENDPOINT=hub.url ...
"""

import base64
import hashlib
import hmac
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from tests.hub.http_server import OriginHandler, TwoOrigins
from tests.hub.repository import HubFile, HubRepository, Pretended

SORTS = {"downloads", "likes", "trendingScore", "lastModified", "createdAt"}
REPO = r"(?P<repo>[^/]+/[^/]+)"


class LocalHub(TwoOrigins):
    """The hub, its CDN, and what they hold; `url` is the value for `HF_ENDPOINT`."""

    def __init__(self, port: int = 0, *, tls: bool | str = False) -> None:
        super().__init__(
            HubHandler, CdnHandler, tls="localhost" if tls is True else tls or "", port=port
        )
        self.repositories: dict[str, HubRepository] = {}
        self.tokens: dict[str, set[str]] = {}
        """Valid tokens, each with the gated repositories it may read."""
        self.requests: dict[str, str] = {}
        """What has become of requests for access, by repository: "awaiting" or "rejected"."""
        self.url_life = 3600.0
        """Seconds a signed URL of the CDN is good for."""
        self.xet = False
        """Offer the Xet protocol in headers, as the real hub does; nothing answers it."""
        self._secret = 0

    def add(
        self,
        repo: str,
        files: Mapping[str, bytes | Path | Pretended],
        *,
        gated: bool | str = False,
        **info: Any,
    ) -> HubRepository:
        """A repository with these files; `info` holds fields of the API such as `tags`."""
        repository = self.repositories.setdefault(repo, HubRepository(repo))
        repository.gated = gated
        repository.info.update(info)
        for path, source in files.items():
            repository.add(path, source)
        return repository

    def expire_urls(self) -> None:
        """From now on no URL signed before is good."""
        self._secret += 1

    def signed_url(self, repository: HubRepository, file: HubFile) -> str:
        path = f"/repos/{repository.id}/{file.sha256}/{file.path}"
        expires = f"{time.time() + self.url_life:.3f}"
        query = urlencode({"Expires": expires, "Signature": self._signature(path, expires)})
        return f"{self.cdn_url}{quote(path)}?{query}"

    def signature_good(self, path: str, query: Mapping[str, list[str]]) -> bool:
        expires = query.get("Expires", ["0"])[0]
        given = query.get("Signature", [""])[0]
        return time.time() < float(expires) and given == self._signature(path, expires)

    def _signature(self, path: str, expires: str) -> str:
        text = f"{path}\n{expires}".encode()
        return hmac.new(b"%d" % self._secret, text, hashlib.sha256).hexdigest()


class HubHandler(OriginHandler):
    """The hub's own origin."""

    def answer(self) -> None:
        for pattern, method in ROUTES:
            if match := re.fullmatch(pattern, self.where):
                getattr(self, method)(**match.groupdict())
                return
        self.send_json({"error": "Not Found"}, 404)

    @property
    def hub(self) -> LocalHub:
        hub: LocalHub = self.server.hub
        return hub

    def _token(self) -> str | None:
        value = self.headers.get("Authorization")
        return value.removeprefix("Bearer ") if value else None

    def _repository(self, repo: str) -> HubRepository | None:
        """The repository, or None after the refusal was sent."""
        token = self._token()
        if token is not None and token not in self.hub.tokens:
            self._refuse(401, "", "Invalid credentials in Authorization header")
            return None
        repository = self.hub.repositories.get(repo)
        if repository is None:
            self._refuse(404 if token else 401, "RepoNotFound", "Repository not found")
        return repository

    def _refuse(self, status: int, code: str, message: str, **headers: str) -> None:
        named = {"X-Error-Code": code} if code else {}
        extra = {**named, "X-Error-Message": message, **headers}
        self.send_json({"error": message}, status, extra)

    def _revision(self, repository: HubRepository, revision: str) -> bool:
        if revision in ("main", repository.sha):
            return True
        self._refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return False

    def _page(self, rows: list[Any], limit: int) -> None:
        """One page of a list, with the address of the next one (RFC 8288)."""
        cursor = self.query.get("cursor", [""])[0]
        start = int(base64.urlsafe_b64decode(cursor)) if cursor else 0
        headers = {}
        if start + limit < len(rows):
            following = base64.urlsafe_b64encode(str(start + limit).encode()).decode()
            query = parse_qsl(self.path.partition("?")[2], keep_blank_values=True)
            query = [(key, value) for key, value in query if key != "cursor"]
            address = (
                f"{self.hub.url}{quote(self.where)}?{urlencode([*query, ('cursor', following)])}"
            )
            headers["Link"] = f'<{address}>; rel="next"'
        self.send_json(rows[start : start + limit], 200, headers)

    def models(self) -> None:
        sort = self.query.get("sort", ["trendingScore"])[0]
        if sort not in SORTS:
            self._refuse(400, "", f"Invalid sort: {sort}")
            return
        found = [each for each in self.hub.repositories.values() if each.matches(self.query)]
        found.sort(key=lambda each: str(each.row().get(sort, "")).zfill(30), reverse=True)
        expand = self.query.get("expand")
        limit = min(int(self.query.get("limit", ["1000"])[0]), 1000)
        self._page([each.row(expand) for each in found], limit)

    def model(self, repo: str, revision: str = "main") -> None:
        repository = self._repository(repo)
        if repository and self._revision(repository, revision):
            row = repository.row(self.query.get("expand"), blobs="blobs" in self.query)
            if "securityStatus" in self.query:
                row["securityRepoStatus"] = repository.scan
            self.send_json(row)

    def tree(self, repo: str, revision: str, folder: str | None = None) -> None:
        repository = self._repository(repo)
        if not repository or not self._revision(repository, revision):
            return
        start = f"{folder.strip('/')}/" if folder else ""
        recursive = self.query.get("recursive", ["false"])[0].lower() in ("true", "1")
        rows: dict[str, Any] = {}
        for file in repository.files.values():
            if not file.path.startswith(start):
                continue
            inner, slash, _ = file.path[len(start) :].partition("/")
            if slash and (name := start + inner) not in rows:
                rows[name] = {"type": "directory", "path": name, "size": 0, "oid": "0" * 40}
            if not slash or recursive:
                rows[file.path] = file.row()
        if start and not rows:
            self._refuse(404, "EntryNotFound", f"{folder} does not exist")
            return
        self._page(list(rows.values()), 1000)

    def paths_info(self, repo: str, revision: str) -> None:
        repository = self._repository(repo)
        if repository and self._revision(repository, revision):
            wanted = [value for _, value in parse_qsl(self.body.decode())]
            self.send_json([repository.files[p].row() for p in wanted if p in repository.files])

    def refs(self, repo: str) -> None:
        if repository := self._repository(repo):
            main = {"name": "main", "ref": "refs/heads/main", "targetCommit": repository.sha}
            self.send_json({"branches": [main], "tags": [], "converts": []})

    def whoami(self) -> None:
        token = self._token()
        if token in self.hub.tokens:
            self.send_json({"type": "user", "name": "tester"})
        else:
            self._refuse(401, "", "Invalid credentials in Authorization header")

    def harnesses(self) -> None:
        self.send_json({})

    def _may_read(self, repository: HubRepository) -> bool:
        """Whether files are open to who asks; False after the refusal was sent."""
        token, repo = self._token(), repository.id
        if not repository.gated or repo in self.hub.tokens.get(token or "", set()):
            return True
        message = f"Access to model {repo} is restricted."
        if token:
            what = {
                "awaiting": f"Your request to access model {repo} is awaiting a review from the "
                "repo authors.",
                "rejected": f"Your request to access model {repo} has been rejected by the repo's "
                "authors.",
            }
            message = what.get(self.hub.requests.get(repo, ""), message)
        commit = {"X-Repo-Commit": repository.sha}
        self._refuse(403 if token else 401, "GatedRepo", message, **commit)
        return False

    def auth_check(self, repo: str) -> None:
        repository = self._repository(repo)
        if repository and self._may_read(repository):
            self.send_json({})

    def resolve(self, repo: str, revision: str, path: str) -> None:
        repository = self._repository(repo)
        if not repository or not self._revision(repository, revision):
            return
        commit = {"X-Repo-Commit": repository.sha}
        if not self._may_read(repository):
            return
        file = repository.files.get(path)
        if file is None:
            self._refuse(404, "EntryNotFound", "Entry not found", **commit)
        elif file.lfs:
            headers = {
                **commit,
                "X-Linked-Size": str(file.size),
                "X-Linked-ETag": f'"{file.etag}"',
                "ETag": f'"{file.etag}"',
                "Accept-Ranges": "bytes",
                "Location": self.hub.signed_url(repository, file),
            }
            if self.hub.xet:
                route = f"{self.hub.url}/api/models/{repo}/xet-read-token/{repository.sha}"
                headers |= {"X-Xet-Hash": file.sha256, "X-Xet-Refresh-Route": route}
            self.send_body(302, [], 0, headers)
        else:
            place = f"/api/resolve-cache/models/{repo}/{repository.sha}/{quote(path)}"
            self.send_body(307, [], 0, {**commit, "Location": place})

    def resolve_cache(self, repo: str, revision: str, path: str) -> None:
        repository = self._repository(repo)
        file = repository.files.get(path) if repository else None
        if repository and file:
            headers = {"X-Repo-Commit": repository.sha, "ETag": f'"{file.etag}"'}
            self.send_file(file, headers)
        elif repository:
            self._refuse(404, "EntryNotFound", "Entry not found")


ROUTES = (
    (r"/api/models", "models"),
    (rf"/api/models/{REPO}", "model"),
    (rf"/api/models/{REPO}/revision/(?P<revision>[^/]+)", "model"),
    (rf"/api/models/{REPO}/tree/(?P<revision>[^/]+)(?:(?P<folder>/.+)|/)?", "tree"),
    (rf"/api/models/{REPO}/paths-info/(?P<revision>[^/]+)", "paths_info"),
    (rf"/api/models/{REPO}/refs", "refs"),
    (rf"/api/models/{REPO}/auth-check", "auth_check"),
    (r"/api/whoami-v2", "whoami"),
    (r"/api/agent-harnesses", "harnesses"),
    (rf"/api/resolve-cache/models/{REPO}/(?P<revision>[^/]+)/(?P<path>.+)", "resolve_cache"),
    (rf"/{REPO}/(?:resolve|raw)/(?P<revision>[^/]+)/(?P<path>.+)", "resolve"),
)


class CdnHandler(OriginHandler):
    """The CDN's origin: `/repos/{owner}/{name}/{sha256}/{path}`, signed."""

    def answer(self) -> None:
        hub: LocalHub = self.server.hub
        match = re.fullmatch(rf"/repos/{REPO}/(?P<sha256>[0-9a-f]+)/(?P<path>.+)", self.where)
        repository = hub.repositories.get(match["repo"]) if match else None
        file = repository.files.get(match["path"]) if repository and match else None
        if match is None or not hub.signature_good(self.where, self.query):
            body = b"<Error><Code>AccessDenied</Code></Error>"
            self.send_body(403, [body], len(body), {"Content-Type": "application/xml"})
        elif file is None or file.sha256 != match["sha256"]:
            self.send_body(404, [], 0, {})
        else:
            # Storage has entity tags of its own, unlike the hub's.
            self.send_file(file, {"ETag": f'"cdn-{file.sha256[:16]}"'})
