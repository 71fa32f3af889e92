"""One conversation in the KV cache of an MLX model."""

import copy
from collections.abc import Callable, Sequence
from typing import Any

import mlx.core as mx
from mlx_lm.models.cache import KVCache, can_trim_prompt_cache, trim_prompt_cache

from backends.chat.prefix import common_prefix
from backends.errors import BadLoadSetting
from backends.mlx.model import Model
from backends.types import KVType

_BITS: dict[KVType, int] = {"q8_0": 8, "q4_0": 4}
_GROUP = 64
"""Numbers that share a scale in a quantized cache."""
_SMALLER_GROUP = 32

NewCache = Callable[[], list[Any]]


class KVSequence:
    """The cached tokens of a conversation; its KV cache grows as it is used."""

    def __init__(self, model: Model, new_cache: NewCache) -> None:
        self.conversation = ""
        """Name of the conversation it belongs to, if it has one."""
        self.tokens: list[int] = []
        """What is in the cache."""
        self.draft: KVSequence | None = None
        """The same conversation in the cache of the draft model."""
        self._model = model
        self._new_cache = new_cache
        self._cache = new_cache()

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the cache takes."""
        return sum(int(layer.nbytes) for layer in self._cache if not layer.empty())

    @property
    def can_go_back(self) -> bool:
        """Whether tokens can be taken off the end; windowed and recurrent layers cannot."""
        return bool(can_trim_prompt_cache(self._cache))

    def reusable(self, prompt: list[int]) -> int:
        """How many tokens of the cache serve `prompt`, whose last one is always computed."""
        shared = min(common_prefix(self.tokens, prompt), len(prompt) - 1)
        return shared if shared == len(self.tokens) or self.can_go_back else 0

    def feed(self, tokens: Sequence[int]) -> mx.array:
        """Process `tokens`; the outputs, a row for each. Lazy."""
        return self.feed_array(mx.array([*tokens], mx.uint32), tokens)

    def feed_array(self, array: mx.array, tokens: Sequence[int] = ()) -> mx.array:
        """As `feed`, with tokens that may not be known yet; the caller adds them to `tokens`."""
        rows = self._model.logits(array, self._cache)
        self.tokens += tokens
        return rows

    def settle(self) -> None:
        """Compute what was fed and give the memory of intermediate results back."""
        mx.eval([layer.state for layer in self._cache])
        mx.clear_cache()

    def truncate(self, length: int) -> None:
        """Keep the first `length` tokens, or none where the cache cannot go back."""
        surplus = len(self.tokens) - length
        if surplus <= 0:
            return
        if length > 0 and self.can_go_back:
            trim_prompt_cache(self._cache, surplus)
            del self.tokens[length:]
        else:
            self._cache = self._new_cache()
            self.tokens.clear()

    def fork(self) -> "KVSequence":
        """A copy that goes on independently."""
        other = copy.copy(self)
        other.tokens, other.draft, other.conversation = list(self.tokens), None, ""
        other._cache = copy.deepcopy(self._cache)
        return other


def cache_maker(model: Model, kv_type: KVType) -> NewCache:
    """What makes the KV caches of a model. Raises `BadLoadSetting` for a type MLX has not."""
    if kv_type == "f16":  # the type that the model computes in
        return model.new_cache
    bits = _BITS.get(kv_type)
    if bits is None:
        raise BadLoadSetting(f"MLX has no KV cache of type {kv_type}. Choose f16, q8_0 or q4_0.")
    for group in (_GROUP, _SMALLER_GROUP):
        new_cache = _quantized(model, bits, group)
        if _works(model, new_cache):
            return new_cache
    raise BadLoadSetting("This model's KV cache cannot be quantized. Choose f16.")


def _quantized(model: Model, bits: int, group: int) -> NewCache:
    def new_cache() -> list[Any]:
        return [
            layer.to_quantized(group_size=group, bits=bits) if type(layer) is KVCache else layer
            for layer in model.new_cache()
        ]

    return new_cache


def _works(model: Model, new_cache: NewCache) -> bool:
    """Whether the cache quantizes something, and the model computes with it."""
    cache = new_cache()
    if all(type(new) is type(old) for new, old in zip(cache, model.new_cache(), strict=True)):
        return False
    try:
        mx.eval(model.logits(mx.array([0], mx.uint32), cache))
    except (ValueError, TypeError):
        return False
    return True
