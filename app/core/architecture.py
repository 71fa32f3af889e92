"""How a model is built, in numbers: what people compare when two have the same size."""

from typing import Literal

from msgspec import Struct

from app.core.gguf_types import GgufHeader

Attention = Literal["multi-head", "grouped-query", "multi-query"]


class Architecture(Struct, frozen=True):
    """None and empty mean: the header does not say. Lists per layer are told by their largest."""

    name: str = ""
    """As GGUF names it, such as "llama"."""
    layers: int | None = None
    width: int | None = None
    """Numbers in the hidden state (embedding length)."""
    heads: int | None = None
    kv_heads: int | None = None
    """Heads of the KV cache."""
    vocabulary: int | None = None
    context_length: int | None = None
    experts: int | None = None
    experts_used: int | None = None
    sliding_window: int | None = None
    """Tokens that a windowed layer looks back."""

    @property
    def attention(self) -> Attention | None:
        """Whether heads share their keys and values, which makes the KV cache smaller."""
        if not self.heads or not self.kv_heads:
            return None
        if self.kv_heads == self.heads:
            return "multi-head"
        return "multi-query" if self.kv_heads == 1 else "grouped-query"


def architecture_of(header: GgufHeader) -> Architecture:
    """What a header, even the beginning of one, tells."""
    return Architecture(
        name=header.architecture,
        layers=header.block_count,
        width=header.embedding_length,
        heads=_largest(header.head_count),
        kv_heads=_largest(header.head_count_kv),
        vocabulary=header.vocabulary_size,
        context_length=header.context_length,
        experts=header.hyper_integer("expert_count") or None,
        experts_used=header.hyper_integer("expert_used_count") or None,
        sliding_window=header.sliding_window,
    )


def _largest(value: int | tuple[int, ...] | None) -> int | None:
    return max(value, default=None) if isinstance(value, tuple) else value
