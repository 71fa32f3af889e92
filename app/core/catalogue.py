"""The models Corral suggests: a curated list that ships with it and needs no network.

Names, sizes and licences were collected from public repositories; None and `size_approximate`
mark what was not known exactly. Before a download the hub is asked, and its answer counts.
"""

import datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from app.core.hardware import MemorySnapshot
from app.core.memory import DEFAULT_CONTEXT, Fit, MemoryEstimate, estimate_from_size, verdict
from app.core.paths import resource

STARTER_ID = "smollm2-135m-instruct"
FIRST_DOWNLOAD_ID = "smollm2-360m-instruct"
_MOST_ON_PROCESSOR = 9_000_000_000
"""Parameters that a processor alone still works through at about reading speed."""
_STEPS = (1.0, 0.6, 0.85)
"""Each suggestion is at most this share of the size of the one before it."""


class KnownVariant(Struct, frozen=True):
    """A file of a model's GGUF repository that was there when the list was made."""

    file: str
    quantization: str
    size: int | None = None
    """Bytes; None where unknown."""


class CatalogueEntry(Struct, frozen=True):
    """One suggested model. None always means: not known."""

    id: str
    family: str
    """Such as "Llama"; groups the list."""
    name: str
    publisher: str
    summary: str
    """One honest line."""
    parameters: int
    gguf_repo: str
    gguf_file: str
    """The preferred file, Q4_K_M unless the model is made for another type."""
    base_repo: str | None = None
    """The maker's own repository."""
    licence: str | None = None
    """The hub's tag, such as "llama3.1"."""
    context_length: int | None = None
    active_parameters: int | None = None
    """For mixtures of experts."""
    capabilities: tuple[str, ...] = ()
    """Of "tools", "vision", "reasoning", "embeddings", "safety", "code"."""
    languages: str = ""
    """In words, such as "8 languages"."""
    size: int | None = None
    """Bytes of `gguf_file`."""
    size_approximate: bool = False
    sha256_start: str | None = None
    """The first digits of the hash of `gguf_file`; the hub tells the whole one."""
    mlx_repo: str | None = None
    gated: bool | None = None
    """The maker's own repository asks for a log-in; the GGUF repository does not."""
    kv_bytes_per_token: int | None = None
    """Bytes of f16 KV cache for each token of context."""
    suggested: bool = False
    """Good for a first chat."""
    variants: tuple[KnownVariant, ...] = ()

    def estimate(self, context: int | None = None) -> MemoryEstimate | None:
        """What the preferred file takes in memory; None where its size is unknown.

        `context` is in tokens, by default min(the model's, 8192).
        """
        if self.size is None:
            return None
        tokens = context or min(self.context_length or DEFAULT_CONTEXT, DEFAULT_CONTEXT)
        return estimate_from_size(self.size, self.parameters, tokens, self.kv_bytes_per_token)


class _File(Struct, frozen=True):
    version: int
    models: tuple[CatalogueEntry, ...]
    made: datetime.date | None = None


class Catalogue:
    """The list, read once from `resources/catalogue.json`."""

    def __init__(self, file: Path | None = None) -> None:
        path = file or resource("catalogue.json")
        file_read = msgspec.json.decode(path.read_bytes(), type=_File)
        self._entries = file_read.models
        self.made = file_read.made
        """The day the list is of, where it tells."""

    def entries(self) -> tuple[CatalogueEntry, ...]:
        """All models, by family in the order of the list."""
        return self._entries

    def families(self) -> tuple[str, ...]:
        """The families in their order."""
        return tuple(dict.fromkeys(entry.family for entry in self._entries))

    def get(self, entry_id: str) -> CatalogueEntry | None:
        """The model with this id, if it is on the list."""
        return next((entry for entry in self._entries if entry.id == entry_id), None)

    def for_repo(self, repo: str) -> CatalogueEntry | None:
        """The model that a hub repository (GGUF, MLX or the maker's own) belongs to."""
        wanted = repo.casefold()
        for entry in self._entries:
            own = (entry.gguf_repo, entry.mlx_repo, entry.base_repo)
            if wanted in {each.casefold() for each in own if each}:
                return entry
        return None

    @property
    def starter(self) -> CatalogueEntry | None:
        """The model that `make run` installs, so that a first chat needs no network."""
        return self.get(STARTER_ID)

    @property
    def first_download(self) -> CatalogueEntry | None:
        """A small model that runs on any computer, for a first chat where none is installed."""
        return self.get(FIRST_DOWNLOAD_ID)

    def suggestions(
        self, memory: MemorySnapshot, *, accelerated: bool = False
    ) -> tuple[CatalogueEntry, ...]:
        """Up to three models that fit this computer: the largest first, of different sizes.

        Neighbours are of different families. The starter model is not among them. Without graphics
        (`accelerated`) none is so large that a processor would answer in single words a second.
        """
        fitting = [
            (entry.size, entry)
            for entry in self._entries
            if entry.suggested
            and (accelerated or entry.parameters <= _MOST_ON_PROCESSOR)
            and entry.size is not None
            and (need := entry.estimate()) is not None
            and verdict(need, memory).fit is Fit.FITS
        ]
        chosen: list[tuple[int, CatalogueEntry]] = []
        for size, entry in sorted(fitting, key=lambda pair: pair[0], reverse=True):
            if len(chosen) == len(_STEPS):
                break
            if chosen:
                last_size, last = chosen[-1]
                if size > _STEPS[len(chosen)] * last_size or entry.family == last.family:
                    continue
            chosen.append((size, entry))
        return tuple(entry for _, entry in chosen)
