"""The tokens that native samplers choose from, as one numpy array."""

import ctypes
from typing import Any

import numpy as np

from backends.constraints.token_constraint import Logits
from backends.errors import EngineFailure
from backends.llamacpp.library import native

_TOKEN_DATA = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])
"""llama.h: struct llama_token_data"""


def logits_row(context: Any, index: int, size: int) -> Logits:
    """The output at `index` of the last batch of a native context: a view, not a copy.

    It is valid until the next batch is decoded. `size` is the size of the vocabulary.
    Raises `EngineFailure` if the batch has no output there.
    """
    pointer = native.llama_get_logits_ith(context, index)
    if not pointer:
        raise EngineFailure(f"llama.cpp has no output number {index} to choose a token from.")
    return np.ctypeslib.as_array(pointer, (size,))


class Candidates:
    """All tokens of a vocabulary with their logits, for native samplers to work on."""

    def __init__(self, size: int) -> None:
        self._ids = np.arange(size, dtype=np.int32)
        self._data = np.zeros(size, _TOKEN_DATA)
        self._data["id"] = self._ids
        self._pointer = ctypes.cast(self._data.ctypes.data, native.llama_token_data_p)

    @property
    def logits(self) -> Logits:
        """Of every token, in the order of ids, until samplers have worked on it."""
        return self._data["logit"]

    def fill(self, logits: Logits) -> None:
        """Start over from a row of logits."""
        self._data["id"] = self._ids
        self._data["logit"] = logits

    def apply(self, sampler: Any) -> tuple[int, float]:
        """Let a native sampler work; the token it has selected and its logit, (-1, -inf) if none.

        Samplers may sort the candidates, so `logits` is in no order after that.
        """
        array = native.llama_token_data_array(self._pointer, len(self._data), -1, False)
        native.llama_sampler_apply(sampler, ctypes.byref(array))
        if not 0 <= array.selected < array.size:
            return -1, -np.inf
        chosen = array.data[array.selected]
        return int(chosen.id), float(chosen.logit)


def survives(sampler: Any, token: int) -> bool:
    """Whether a native sampler leaves `token` a chance."""
    single = native.llama_token_data(token, 0.0, 0.0)
    array = native.llama_token_data_array(ctypes.pointer(single), 1, -1, False)
    native.llama_sampler_apply(sampler, ctypes.byref(array))
    return bool(single.logit > -np.inf)
