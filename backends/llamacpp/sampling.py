"""How the next token is chosen: a sampler chain of llama.cpp, owned and checked."""

import ctypes
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from backends.constraints.token_constraint import Logits, TokenConstraint
from backends.errors import BadRequest, EngineFailure
from backends.llamacpp.candidates import Candidates, logits_row
from backends.llamacpp.library import native
from backends.llamacpp.vocabulary import Vocabulary
from backends.types import SamplingParams

FORBIDDEN = -100.0
"""A logit bias that forbids a token."""
_MIROSTAT_CANDIDATES = 100
"""Tokens from which Mirostat 1 estimates the exponent of their distribution, as llama.cpp does."""
_REFUSED = float("-inf")
_KEEP = 1
"""Tokens that every truncation leaves at least."""


class SamplerChain:
    """All samplers of one answer, in llama.cpp's own order.

    That is: logit bias, penalties, DRY, top-n-sigma, top-k, typical, top-p, min-p, XTC,
    temperature, and a draw by `seed`. Mirostat takes the place of everything between logit bias
    and draw but the temperature. Temperature 0 takes the likeliest token after the penalties.

    The penalties look back on the answer only, unlike in llama.cpp's own tools: penalizing the
    words of the question makes small models avoid the answer ("The capital of France …"). DRY
    looks back on the prompt too: it penalizes whole phrases, and repeating those of earlier
    answers is what it is there to prevent.

    Close it before the model: the chain is native memory.
    """

    def __init__(
        self,
        params: SamplingParams,
        vocabulary: Vocabulary,
        *,
        seed: int,
        context_length: int,
        prompt: Sequence[int] = (),
    ) -> None:
        self._candidates = Candidates(vocabulary.size)
        self._chain: Any = _checked(
            "chain", native.llama_sampler_chain_init(native.llama_sampler_chain_default_params())
        )
        try:
            for name, sampler in _samplers(params, vocabulary, seed, context_length):
                native.llama_sampler_chain_add(self._chain, _checked(name, sampler))
                if name == "DRY":
                    for token in prompt:
                        native.llama_sampler_accept(sampler, token)
        except EngineFailure:
            self.close()
            raise

    @property
    def names(self) -> tuple[str, ...]:
        """llama.cpp's names of the samplers, in order."""
        return tuple(
            native.llama_sampler_name(native.llama_sampler_chain_get(self._chain, number)).decode()
            for number in range(native.llama_sampler_chain_n(self._chain))
        )

    def sample(self, context: Any, index: int, constraint: TokenConstraint | None = None) -> int:
        """Choose a token by the output at `index` of the last batch, and remember it.

        Raises `EngineFailure`, and `BadRequest` where the constraint leaves nothing to choose.
        """
        logits = logits_row(context, index, len(self._candidates.logits))
        return self.choose(logits, constraint)

    def choose(self, logits: Logits, constraint: TokenConstraint | None = None) -> int:
        """Choose a token by a row of logits, and remember it; `constraint` is told of it.

        The constraint is first asked about the freely chosen token, and only if it refuses that
        are all tokens masked: mostly the model does what it shall, and a mask is expensive.
        """
        self._candidates.fill(logits)
        token, logit = self._candidates.apply(self._chain)
        if constraint is None:
            if not logit > _REFUSED:  # not a number is not, either
                raise EngineFailure("The model's output is not a number for any token.")
        else:
            if not logit > _REFUSED or not constraint.allows(token):
                token = self._choose_allowed(logits, constraint)
            constraint.accept(token)
        self.accept(token)
        return token

    def _choose_allowed(self, logits: Logits, constraint: TokenConstraint) -> int:
        self._candidates.fill(logits)
        constraint.mask(self._candidates.logits)
        token, logit = self._candidates.apply(self._chain)
        if not logit > _REFUSED:
            raise BadRequest(
                "The constraint allows only tokens that the sampling settings forbid. "
                "Take away the logit bias or ignore-EOS."
            )
        return token

    def accept(self, token: int) -> None:
        """Remember a token that was chosen otherwise."""
        native.llama_sampler_accept(self._chain, token)

    def close(self) -> None:
        """Free the chain and its samplers."""
        if self._chain:
            native.llama_sampler_free(self._chain)
            self._chain = None


def _checked(name: str, sampler: Any) -> Any:
    """`sampler`, if there is one: a chain with a NULL in it crashes when it is used."""
    if not sampler:
        raise EngineFailure(f"llama.cpp could not create the sampler “{name}”.")
    return sampler


def _samplers(
    params: SamplingParams, vocabulary: Vocabulary, seed: int, context_length: int
) -> Iterator[tuple[str, Any]]:
    yield from _logit_bias(params, vocabulary)
    temperature = params.temperature
    if params.mirostat and temperature > 0:
        yield "temperature", native.llama_sampler_init_temp(temperature)
        yield "Mirostat", _mirostat(params, vocabulary.size, seed)
        return
    yield from _penalties(params, vocabulary, context_length)
    if temperature == 0:
        yield "greedy", native.llama_sampler_init_greedy()
        return
    yield from _truncation(params)
    if params.xtc_probability > 0:
        yield (
            "XTC",
            native.llama_sampler_init_xtc(
                params.xtc_probability, params.xtc_threshold, _KEEP, seed
            ),
        )
    yield (
        "temperature",
        native.llama_sampler_init_temp_ext(
            temperature, params.dynamic_temperature, params.dynamic_temperature_exponent
        ),
    )
    yield "draw", native.llama_sampler_init_dist(seed)


def _logit_bias(params: SamplingParams, vocabulary: Vocabulary) -> Iterable[tuple[str, Any]]:
    biases = {
        token: _REFUSED if bias <= FORBIDDEN else bias
        for token, bias in params.logit_bias
        if token < vocabulary.size
    }
    if params.ignore_eos:
        biases.update(dict.fromkeys(vocabulary.eog_tokens, _REFUSED))
    if biases:
        array = (native.llama_logit_bias * len(biases))(*biases.items())
        yield (
            "logit bias",
            native.llama_sampler_init_logit_bias(vocabulary.size, len(array), array),
        )


def _penalties(
    params: SamplingParams, vocabulary: Vocabulary, context_length: int
) -> Iterable[tuple[str, Any]]:
    penalties = (params.repeat_penalty, params.frequency_penalty, params.presence_penalty)
    if penalties != (1, 0, 0) and params.repeat_window > 0:
        yield (
            "penalties",
            native.llama_sampler_init_penalties(vocabulary.size, params.repeat_window, *penalties),
        )
    window = context_length if params.dry_window < 0 else params.dry_window
    if params.dry_multiplier > 0 and window > 0:
        breakers = [text.encode() for text in params.dry_breakers]
        yield (
            "DRY",
            native.llama_sampler_init_dry(
                vocabulary.handle,
                params.dry_multiplier,
                params.dry_base,
                params.dry_allowed_length,
                window,
                (ctypes.c_char_p * len(breakers))(*breakers),
                len(breakers),
            ),
        )


def _truncation(params: SamplingParams) -> Iterable[tuple[str, Any]]:
    if params.top_n_sigma > 0:
        yield "top-n-sigma", native.llama_sampler_init_top_n_sigma(params.top_n_sigma)
    if params.top_k > 0:
        yield "top-k", native.llama_sampler_init_top_k(params.top_k)
    if params.typical_p < 1:
        yield "typical", native.llama_sampler_init_typical(params.typical_p, _KEEP)
    if params.top_p < 1:
        yield "top-p", native.llama_sampler_init_top_p(params.top_p, _KEEP)
    if params.min_p > 0:
        yield "min-p", native.llama_sampler_init_min_p(params.min_p, _KEEP)


def _mirostat(params: SamplingParams, vocabulary_size: int, seed: int) -> Any:
    tau, eta = params.mirostat_tau, params.mirostat_eta
    if params.mirostat == 2:
        return native.llama_sampler_init_mirostat_v2(seed, tau, eta)
    return native.llama_sampler_init_mirostat(vocabulary_size, seed, tau, eta, _MIROSTAT_CANDIDATES)
