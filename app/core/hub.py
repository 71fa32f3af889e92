"""The model hub: searching, model details and cards, through the protocol of Hugging Face.

Every call blocks and may take seconds. Failures are `HubError`s with plain sentences.
"""

import hashlib
import logging
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import quote, urlsplit

import msgspec
from msgspec import Meta, Struct, field

from app.core import gguf, hub_errors
from app.core.errors import NotFoundError, StorageError
from app.core.files import write_atomically
from app.core.gguf_types import GgufHeader
from app.core.hub_facts import NO_FACTS, RepoFacts, read_facts
from app.core.hub_gate import HubGate
from app.core.hub_http import Answer, HubAccess, HubHttp
from app.core.hub_reference import Reference
from app.core.keys import KeyStore
from app.core.mlx_header import header_of_config
from app.core.ollama_gate import RegistryGate
from app.core.ollama_http import RegistryHttp
from app.core.ollama_name import ollama_name_of
from app.core.ollama_recipe import Recipe
from app.core.paths import AppPaths
from app.core.settings import SettingsStore
from app.core.variants import RepoFile, Variant, group_variants

log = logging.getLogger(__name__)

Format = Literal["gguf", "mlx", "any"]
Sort = Literal["trending", "downloads", "likes", "recent"]


class HubQuery(Struct, frozen=True):
    """What to search for."""

    text: str = ""
    """Part of a repository's name; empty lists everything."""
    format: Format = "gguf"
    sort: Sort = "trending"
    base: str = ""
    """The maker's repository whose model the ones found hold in other types."""


class HubModel(Struct, frozen=True, kw_only=True):
    """A repository as it stands in a list."""

    repo: str
    author: str
    downloads: int = 0
    """Of the last 30 days."""
    likes: int = 0
    created: str = ""
    """ISO 8601; empty if the hub does not say."""
    modified: str = ""
    tags: tuple[str, ...] = ()
    pipeline: str | None = None
    gated: Literal[False, "auto", "manual"] = False
    sha: str = ""
    """Newest commit."""
    licence: str | None = None


class HubPage(Struct, frozen=True):
    """Some models of a list."""

    models: tuple[HubModel, ...]
    next: str | None
    """Cursor of the next page, for `HubClient.search`; None at the end."""


class HubDetail(Struct, frozen=True):
    """A repository with its files."""

    model: HubModel
    files: tuple[RepoFile, ...]
    variants: tuple[Variant, ...]
    recipe: Recipe | None = None
    """How it is meant to be run, where it comes from Ollama's registry."""
    shape: GgufHeader | None = None
    """What an MLX repository's config.json tells of the model, in the terms of a GGUF header."""


PAGE_SIZE = 30
LIST_LIMIT = 16_000_000
"""Bytes of JSON read for one page of a list."""
CARD_LIMIT = 2_000_000
CONFIG_LIMIT = 2_000_000
TREE_PAGES = 20
"""At most so many pages of 1,000 files are read; no model has more."""

_SORTS: Mapping[Sort, str] = {
    "trending": "trendingScore",
    "downloads": "downloads",
    "likes": "likes",
    "recent": "lastModified",
}
_FIELDS = (
    "author",
    "createdAt",
    "downloads",
    "gated",
    "lastModified",
    "likes",
    "pipeline_tag",
    "sha",
    "tags",
)
_FRONT_MATTER = re.compile(r"\A\ufeff?\s*---\r?\n.*?\r?\n---[ \t]*(?:\r?\n|\Z)", re.DOTALL)


class HubClient:
    """Asks the hub that settings or `HF_ENDPOINT` name, or a mirror. Any thread may call it.

    Repositories called `ollama.com/…` are asked for at Ollama's registry.
    """

    def __init__(
        self,
        settings: SettingsStore,
        paths: AppPaths,
        env: Mapping[str, str] = os.environ,
        http: HubHttp | None = None,
        gate: HubGate | None = None,
    ) -> None:
        """`gate` and `http` are shared with others that ask the hub; None makes own ones."""
        self._cache = paths.cache / "hub"
        self._gate = gate or HubGate(settings, KeyStore(paths), env)
        self._http = http or HubHttp()
        from app.core.ollama_registry import (
            OllamaRegistry,  # it answers in the types of this module
        )

        registry = RegistryGate(settings, self._gate, env)
        self._ollama = OllamaRegistry(registry, RegistryHttp(self._http))

    def search(self, query: HubQuery, cursor: str | None = None) -> HubPage:
        """One page of 30 models, the first or the one `cursor` stands for."""
        params: dict[str, Any] = {"sort": _SORTS[query.sort], "limit": PAGE_SIZE, "expand": _FIELDS}
        if text := query.text.strip():
            params["search"] = text
        wanted = [query.format] if query.format != "any" else []
        if filters := [*wanted, *([f"base_model:quantized:{query.base}"] if query.base else [])]:
            params["filter"] = filters
        # A cursor means something only to the hub that gave it.
        endpoint, _, place = (cursor or "").partition(" ")
        if cursor:
            params["cursor"] = place
        return self._gate.ask(lambda access: self._search(access, params), endpoint or None)

    def _search(self, access: HubAccess, params: Mapping[str, Any]) -> HubPage:
        answer = self._http.get(access, "/api/models", limit=LIST_LIMIT, params=params)
        rows = _decode(answer.body, list[msgspec.Raw], access)
        following = f"{access.endpoint} {answer.cursor}" if answer.cursor else None
        return HubPage(tuple(_models(rows)), following)

    def check_site(self, reference: Reference) -> None:
        """Raise ForeignSite for the address of a website that is no hub. Asks nobody."""
        if reference.site:
            self._gate.check_site(reference.site)

    def detail_of(self, wanted: Reference) -> HubDetail:
        """`detail` of what somebody named. Raises ForeignSite, too."""
        self.check_site(wanted)
        return self.detail(wanted.repo, wanted.revision or "main")

    def detail(self, repo: str, revision: str = "main") -> HubDetail:
        """Files with sizes and hashes, grouped into variants. Kept on disk by commit."""
        if name := ollama_name_of(repo):
            return self._ollama.detail(name)
        return self._gate.ask(lambda access: self._detail(access, repo, revision))

    def _detail(self, access: HubAccess, repo: str, revision: str) -> HubDetail:
        where = f"/api/models/{_quoted(repo)}/revision/{quote(revision, safe='')}"
        params = {"expand": _FIELDS}
        answer = self._page(access, where, repo, params)
        model = _decode(answer.body, _ModelRow, access).model()
        listing = self._cached(access, model) or self._list(access, model)
        variants = group_variants(model.repo, listing.files, listing.config)
        shape = header_of_config(listing.config) if listing.config else None
        return HubDetail(model, listing.files, variants, shape=shape)

    def card(self, repo: str, sha: str) -> str:
        """The model card: Markdown without its YAML block; "" if there is none."""
        if name := ollama_name_of(repo):
            return self._ollama.card(name, sha)
        try:
            body = self.file(repo, "README.md", sha, limit=CARD_LIMIT)
        except NotFoundError:
            return ""
        return _FRONT_MATTER.sub("", body.decode("utf-8", "replace"), count=1).lstrip("\r\n")

    def file(self, repo: str, path: str, sha: str = "main", *, limit: int) -> bytes:
        """A small file of a repository. More than `limit` bytes are an error."""
        where = _file_path(repo, sha, path)
        return self._gate.ask(
            lambda access: (
                self._http.get(access, where, limit=limit, repo=repo, purpose="model page").body
            )
        )

    def header(self, repo: str, sha: str, file: str, size: int = 65536) -> GgufHeader:
        """What the first `size` bytes of a GGUF file say; usually not all of its header."""
        if name := ollama_name_of(repo):
            return self._ollama.header(name, sha, file, size)
        path = _file_path(repo, sha, file)
        start = self._gate.ask(
            lambda access: self._http.get_start(access, path, size=size, repo=repo)
        )
        return gguf.read_partial(start)

    def about(self, repo: str, sha: str) -> RepoFacts:
        """What the hub's scans and its reading of the file's header say of a commit."""
        if ollama_name_of(repo):  # Ollama's registry tells nothing of the kind
            return NO_FACTS
        return self._gate.ask(lambda access: self._about(access, repo, sha))

    def _about(self, access: HubAccess, repo: str, sha: str) -> RepoFacts:
        where = f"/api/models/{_quoted(repo)}/revision/{quote(sha, safe='')}"
        answer = self._page(access, where, repo, {"securityStatus": "true"})
        try:
            return read_facts(answer.body)
        except (msgspec.DecodeError, RecursionError) as error:
            raise hub_errors.unreadable(urlsplit(access.endpoint).netloc, str(error)) from error

    def check(self) -> None:
        """Return if the hub answers; raise the reason if it does not."""
        self._gate.ask(lambda access: self._search(access, {"limit": 1}))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _page(self, access: HubAccess, where: str, repo: str, params: Mapping[str, Any]) -> Answer:
        return self._http.get(
            access, where, limit=LIST_LIMIT, repo=repo, params=params, purpose="model page"
        )

    def _list(self, access: HubAccess, model: HubModel) -> "_Listing":
        """Ask the hub for the files of one commit, and keep the answer."""
        where = f"/api/models/{_quoted(model.repo)}/tree/{quote(model.sha or 'main', safe='')}"
        rows: list[_TreeRow] = []
        cursor: str | None = None
        for _ in range(TREE_PAGES):
            params = {"recursive": "true", **({"cursor": cursor} if cursor else {})}
            answer = self._page(access, where, model.repo, params)
            rows += _decode(answer.body, list[_TreeRow], access)
            cursor = answer.cursor
            if cursor is None:
                break
        files = tuple(row.file() for row in rows if row.type == "file")
        listing = _Listing(files, self._config(access, model, files))
        self._keep(access, model, listing)
        return listing

    def _config(
        self, access: HubAccess, model: HubModel, files: tuple[RepoFile, ...]
    ) -> dict[str, Any] | None:
        """The repository's config.json, where it tells an MLX model's quantization."""
        names = {file.path for file in files}
        if "config.json" not in names or not any(n.endswith(".safetensors") for n in names):
            return None
        if model.gated:
            return None  # listed for everyone, but its files are not
        path = _file_path(model.repo, model.sha or "main", "config.json")
        body = self._http.get(
            access, path, limit=CONFIG_LIMIT, repo=model.repo, purpose="model page"
        ).body
        return _decode(body, dict[str, Any], access)

    def _cache_file(self, access: HubAccess, model: HubModel) -> Path:
        name = f"{access.endpoint}\n{model.repo}\n{model.sha}"
        return self._cache / f"{hashlib.sha256(name.encode()).hexdigest()}.json"

    def _cached(self, access: HubAccess, model: HubModel) -> "_Listing | None":
        if not model.sha:
            return None
        path = self._cache_file(access, model)
        try:
            return msgspec.json.decode(path.read_bytes(), type=_Listing)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            log.warning("%s cannot be used: %s", path, error)
            return None

    def _keep(self, access: HubAccess, model: HubModel, listing: "_Listing") -> None:
        if not model.sha:
            return
        try:
            write_atomically(self._cache_file(access, model), msgspec.json.encode(listing))
        except StorageError as error:
            log.warning("the file list of %s is not kept: %s", model.repo, error)


class _ModelRow(Struct, frozen=True, rename="camel"):
    """A model in the hub's JSON."""

    id: str
    author: str | None = None
    downloads: int = 0
    likes: int = 0
    created_at: str | None = None
    last_modified: str | None = None
    tags: tuple[str, ...] = ()
    pipeline: str | None = field(default=None, name="pipeline_tag")
    gated: bool | str | None = False
    sha: str | None = None

    def model(self) -> HubModel:
        """The same, as the program knows it."""
        licences = [tag.removeprefix("license:") for tag in self.tags if tag.startswith("license:")]
        gated: Literal[False, "auto", "manual"] = "auto" if self.gated else False
        return HubModel(
            repo=self.id,
            author=self.author or self.id.partition("/")[0],
            downloads=self.downloads,
            likes=self.likes,
            created=self.created_at or "",
            modified=self.last_modified or "",
            tags=self.tags,
            pipeline=self.pipeline,
            gated="manual" if self.gated == "manual" else gated,
            sha=self.sha or "",
            licence=licences[0] if licences else None,
        )


class _Lfs(Struct, frozen=True):
    oid: str
    size: int


class _TreeRow(Struct, frozen=True):
    """A file or folder in the hub's JSON."""

    type: str
    path: str
    size: Annotated[int, Meta(ge=0)] = 0
    oid: str | None = None
    lfs: _Lfs | None = None

    def file(self) -> RepoFile:
        """The same, as the program knows it. For files in large storage `oid` is a pointer's."""
        if self.lfs is not None:
            return RepoFile(self.path, self.lfs.size, sha256=self.lfs.oid)
        return RepoFile(self.path, self.size, blob_sha1=self.oid)


class _Listing(Struct, frozen=True):
    """What is kept of a commit."""

    files: tuple[RepoFile, ...]
    config: dict[str, Any] | None = None


T = TypeVar("T")


def _decode(body: bytes, kind: type[T], access: HubAccess) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise hub_errors.unreadable(urlsplit(access.endpoint).netloc, str(error)) from error


def _models(rows: list[msgspec.Raw]) -> Iterator[HubModel]:
    """The models of a list; one odd row must not hide the others."""
    for row in rows:
        try:
            yield msgspec.json.decode(row, type=_ModelRow).model()
        except msgspec.DecodeError as error:
            log.warning("a model in the hub's list was left out: %s", error)


def _quoted(repo: str) -> str:
    return quote(repo, safe="/")


def _file_path(repo: str, sha: str, file: str) -> str:
    return f"/{_quoted(repo)}/resolve/{quote(sha, safe='')}/{quote(file, safe='/')}"
