"""The models Corral suggests: a curated list that ships with it and needs no network."""

from collections.abc import Sequence

from msgspec import Struct

from app.core.hardware import MemorySnapshot


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
    licence: str
    """The hub's tag, such as "llama3.1"."""
    base_repo: str
    gguf_repo: str
    gguf_file: str
    """The preferred file, Q4_K_M unless the model is made for another type."""
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
    gated: bool = False
    """The maker's own repository asks for a log-in; the GGUF repository does not."""
    kv_bytes_per_token: int | None = None
    """Bytes of f16 KV cache for each token of context."""
    variants: tuple[KnownVariant, ...] = ()


class Catalogue:
    """The list, read once from `resources/catalogue.json`."""

    def entries(self) -> tuple[CatalogueEntry, ...]:
        """All models, by family in the order of the list."""
        raise NotImplementedError

    def families(self) -> tuple[str, ...]:
        """The families in their order."""
        raise NotImplementedError

    def suggestions(self, memory: MemorySnapshot) -> Sequence[CatalogueEntry]:
        """Up to three models of different sizes that fit this computer."""
        raise NotImplementedError
