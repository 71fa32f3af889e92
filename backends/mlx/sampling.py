"""How the next token is chosen: filters of mlx-lm and a draw of this answer's own."""

import random
from collections.abc import Callable, Iterable
from typing import Any, cast

import mlx.core as mx
import numpy as np
from mlx_lm.sample_utils import (
    apply_min_p,
    apply_top_k,
    apply_top_p,
    apply_xtc,
    make_frequency_penalty,
    make_presence_penalty,
    make_repetition_penalty,
)

from backends.constraints.token_constraint import TokenConstraint
from backends.errors import BadRequest
from backends.types import SamplingParams

_FORBIDDEN = -100.0  # the bias that forbids a token
_LEAST_TOP_P = 1e-6
_MOST_XTC_THRESHOLD = 0.5  # above it no two tokens can be

Processor = Callable[[mx.array, mx.array], mx.array]
"""The last tokens of the answer and a row of outputs, to the row as it shall be."""


class Sampler:
    """Bias, penalties, top-k, top-p, min-p, XTC, temperature, and a draw; greedy at temperature 0.

    The order is llama.cpp's. Everything random comes from `seed`, whatever else is drawn meanwhile.
    """

    def __init__(self, params: SamplingParams, ends: Iterable[int], seed: int) -> None:
        self._params = params
        self._random = random.Random(seed)
        self._processors = list(_processors(params, ends))
        self._recent = mx.array([], mx.uint32)

    def choose(self, logits: mx.array) -> mx.array:
        """A token by one row of outputs, as an array with one number. Lazy."""
        row = logits[None].astype(mx.float32)
        for process in self._processors:
            row = process(self._recent, row)
        if self._params.temperature == 0:
            return mx.argmax(row, axis=-1)
        row = self._filter(row - mx.logsumexp(row, axis=-1, keepdims=True))
        key = mx.random.key(self._random.getrandbits(32))
        return mx.random.categorical(row / self._params.temperature, key=key)

    def accept(self, token: mx.array) -> None:
        """Remember the token that follows, an array with one number."""
        if window := self._params.repeat_window:
            self._recent = mx.concatenate([self._recent, token.astype(mx.uint32)])[-window:]

    def _filter(self, row: mx.array) -> mx.array:
        params = self._params
        if 0 < params.top_k < row.shape[-1]:
            row = apply_top_k(row, params.top_k)
        if params.top_p < 1:
            row = apply_top_p(row, max(params.top_p, _LEAST_TOP_P))
        if params.min_p > 0:
            row = apply_min_p(row, params.min_p)
        # mlx-lm's own coin for XTC comes from a state that all answers share.
        if self._random.random() < params.xtc_probability and (
            params.xtc_threshold <= _MOST_XTC_THRESHOLD
        ):
            row = apply_xtc(row, 1.0, params.xtc_threshold, [])
        return row


def token_of(chosen: mx.array) -> int:
    """The number in a choice; waits until it is computed."""
    return cast("int", chosen.item())


def constrained(logits: mx.array, constraint: TokenConstraint, size: int) -> mx.array:
    """`logits` with everything refused at -inf; the vocabulary has `size` tokens."""
    row = np.array(logits.astype(mx.float32))
    row[size:] = -np.inf  # outputs without a token, which some models are padded with
    constraint.mask(row[:size])
    return mx.array(row)


def check_sampling(params: SamplingParams, outputs: int) -> None:
    """Refuse what MLX cannot do. Raises `BadRequest`."""
    asked = {
        "Mirostat": params.mirostat != 0,
        "Typical sampling": params.typical_p < 1,
        "DRY": params.dry_multiplier > 0,
        "Top-n-sigma": params.top_n_sigma > 0,
        "Dynamic temperature": params.dynamic_temperature > 0,
    }
    for name, wanted in asked.items():
        if wanted:
            raise BadRequest(f"{name} is not possible with MLX models. Switch it off.")
    if wrong := [token for token, _ in params.logit_bias if token >= outputs]:
        raise BadRequest(f"The model has no token {wrong[0]}, for which a bias is set.")


def _processors(params: SamplingParams, ends: Iterable[int]) -> Iterable[Processor]:
    bias = {token: -np.inf if value == _FORBIDDEN else value for token, value in params.logit_bias}
    if params.ignore_eos:
        bias |= dict.fromkeys(ends, -np.inf)
    if bias:
        yield _bias(list(bias), list(bias.values()))
    window = params.repeat_window
    if not window:
        return
    if params.repeat_penalty != 1:
        yield _typed(make_repetition_penalty(params.repeat_penalty, window))
    if params.presence_penalty:
        yield _typed(make_presence_penalty(params.presence_penalty, window))
    if params.frequency_penalty:
        yield _typed(make_frequency_penalty(params.frequency_penalty, window))


def _bias(tokens: list[int], values: list[float]) -> Processor:
    indices, added = mx.array(tokens), mx.array(values)
    return lambda _, row: row.at[:, indices].add(added)


def _typed(processor: Any) -> Processor:
    return lambda recent, row: processor(recent, row) if recent.size else row
