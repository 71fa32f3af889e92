"""How the next token is chosen: a sampler chain of llama.cpp, owned and checked."""

from collections.abc import Iterable
from typing import Any

from backends.errors import EngineFailure
from backends.llamacpp.library import native
from backends.types import SamplingParams

PENALTY_WINDOW = 64
"""Tokens of the answer that the repeat penalty looks back on.

The prompt's tokens do not count, unlike in llama.cpp's own tools: penalizing the words of the
question makes small models avoid the answer ("The capital of France …")."""


class SamplerChain:
    """Penalties, top-k, top-p, min-p, temperature, and a draw by `seed`; greedy at temperature 0.

    The order is llama.cpp's own. Close it: the chain is native memory.
    """

    def __init__(self, params: SamplingParams, vocabulary_size: int, seed: int) -> None:
        self._chain: Any = native.llama_sampler_chain_init(
            native.llama_sampler_chain_default_params()
        )
        if not self._chain:
            raise EngineFailure("llama.cpp could not create a sampler chain.")
        try:
            for name, sampler in _samplers(params, vocabulary_size, seed):
                if not sampler:
                    raise EngineFailure(f"llama.cpp could not create the sampler “{name}”.")
                native.llama_sampler_chain_add(self._chain, sampler)
        except EngineFailure:
            self.close()
            raise

    def sample(self, context: Any, index: int) -> int:
        """Choose a token by the output at `index` of the last batch, and remember it."""
        return int(native.llama_sampler_sample(self._chain, context, index))

    def accept(self, token: int) -> None:
        """Remember a token that was chosen otherwise."""
        native.llama_sampler_accept(self._chain, token)

    def close(self) -> None:
        """Free the chain and its samplers."""
        if self._chain:
            native.llama_sampler_free(self._chain)
            self._chain = None


def _samplers(params: SamplingParams, vocabulary_size: int, seed: int) -> Iterable[tuple[str, Any]]:
    if params.repeat_penalty != 1:
        yield (
            "penalties",
            native.llama_sampler_init_penalties(
                vocabulary_size, PENALTY_WINDOW, params.repeat_penalty, 0.0, 0.0
            ),
        )
    if params.temperature == 0:
        yield "greedy", native.llama_sampler_init_greedy()
        return
    if params.top_k > 0:
        yield "top-k", native.llama_sampler_init_top_k(params.top_k)
    if params.top_p < 1:
        yield "top-p", native.llama_sampler_init_top_p(params.top_p, 1)
    if params.min_p > 0:
        yield "min-p", native.llama_sampler_init_min_p(params.min_p, 1)
    yield "temperature", native.llama_sampler_init_temp(params.temperature)
    yield "draw", native.llama_sampler_init_dist(seed)
