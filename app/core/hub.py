"""The model hub: searching, model details and cards, through the protocol of Hugging Face.

Every call blocks and may take seconds. Failures are `HubError`s with plain sentences.
"""

import os
from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from app.core.gguf import GgufHeader
from app.core.paths import AppPaths
from app.core.settings import SettingsStore
from app.core.variants import RepoFile, Variant

Format = Literal["gguf", "mlx", "any"]
Sort = Literal["trending", "downloads", "likes", "recent"]


class HubQuery(Struct, frozen=True):
    """What to search for."""

    text: str = ""
    """Part of a repository's name; empty lists everything."""
    format: Format = "gguf"
    sort: Sort = "trending"


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


class HubClient:
    """Asks the hub that settings or `HF_ENDPOINT` name. Any thread may call it."""

    def __init__(
        self,
        settings: SettingsStore,
        paths: AppPaths,
        env: Mapping[str, str] = os.environ,
    ) -> None:
        self._settings = settings
        self._paths = paths
        self._env = env

    def search(self, query: HubQuery, cursor: str | None = None) -> HubPage:
        """One page of 30 models, the first or the one `cursor` stands for."""
        raise NotImplementedError

    def detail(self, repo: str, revision: str = "main") -> HubDetail:
        """Files with sizes and hashes, grouped into variants. Kept on disk by commit."""
        raise NotImplementedError

    def card(self, repo: str, sha: str) -> str:
        """The model card: Markdown without its YAML block; "" if there is none."""
        raise NotImplementedError

    def header(self, repo: str, sha: str, file: str, size: int = 65536) -> GgufHeader:
        """What the first `size` bytes of a GGUF file say; usually not all of its header."""
        raise NotImplementedError

    def check(self) -> None:
        """Return if the hub answers; raise the reason if it does not."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the connections."""
