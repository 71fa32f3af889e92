"""Speculative decoding: guessing tokens ahead, which the model then checks in one batch.

Checking several tokens at once costs little more than computing one. What is guessed wrong is cut
off again, so that the answer is the same as without guesses.
"""

import ctypes
from collections.abc import Sequence

import numpy as np

from backends.errors import BadLoadSetting, EngineFailure
from backends.llamacpp.batch import Batch
from backends.llamacpp.context import Context, Decoded
from backends.llamacpp.library import native
from backends.llamacpp.model import Model
from backends.llamacpp.sequence import KVSequence
from backends.llamacpp.vocabulary import Vocabulary
from backends.types import LoadConfig

LEAST_PROBABILITY = 0.6
"""A draft model stops guessing below this certainty."""
MOST_BEHIND = 256
"""Tokens that a draft model catches up at once; longer ones would delay a cancel."""


class DraftModel:
    """A small model with the same vocabulary that writes ahead. Close it."""

    def __init__(self, path: str, vocabulary: Vocabulary, config: LoadConfig) -> None:
        """Raises `ModelLoadError`; `BadLoadSetting` if the vocabularies differ."""
        self._model = Model(path, config, lambda fraction: True)
        try:
            if not _same_vocabulary(self._model.vocabulary, vocabulary):
                raise BadLoadSetting(
                    "The draft model has another vocabulary than the model: choose a smaller "
                    "model of the same family."
                )
            self._context = Context(self._model.handle, config)
        except BaseException:
            self._model.close()
            raise
        self._size = self._model.vocabulary.size
        self._batch = Batch(self._context.batch_size)
        self._sequences = [KVSequence(self._context, n) for n in range(self._context.slots)]

    def close(self) -> None:
        """Free the native memory."""
        self._batch.close()
        self._context.close()
        self._model.close()

    def drafter(self, number: int) -> "ModelDrafter":
        """A drafter for the answer that uses the sequence with this number."""
        return ModelDrafter(self, self._sequences[number])

    def guess(self, sequence: KVSequence, tokens: Sequence[int], limit: int) -> list[int]:
        """At most `limit` likely tokens after `tokens`; none while the sequence catches up."""
        known = sequence.reusable([*tokens])
        sequence.truncate(known)
        if len(sequence.tokens) != known or len(tokens) >= self._context.length:
            return []
        missing = list(tokens[known : known + MOST_BEHIND])
        if not self._extend(sequence, missing) or len(sequence.tokens) < len(tokens):
            return []
        guesses: list[int] = []
        while len(guesses) < limit:
            token = self._likeliest(len(missing) - 1 if not guesses else 0)
            if token is None:
                break
            guesses.append(token)
            if len(guesses) == limit or not self._extend(sequence, [token]):
                break
        return guesses

    def _extend(self, sequence: KVSequence, tokens: list[int]) -> bool:
        for start in range(0, len(tokens), self._batch.capacity):
            piece = tokens[start : start + self._batch.capacity]
            self._batch.clear()
            self._batch.add(piece, len(sequence.tokens), sequence.number, 1)
            try:
                done = self._context.decode(self._batch) is Decoded.DONE
            except EngineFailure:
                done = False
            if not done:
                sequence.truncate(len(sequence.tokens))
                return False
            sequence.tokens += piece
        return True

    def _likeliest(self, index: int) -> int | None:
        """The likeliest token if it is likely enough and not the end."""
        index %= self._batch.capacity
        pointer = native.llama_get_logits_ith(self._context.handle, index)
        row = np.ctypeslib.as_array(
            ctypes.cast(pointer, ctypes.POINTER(ctypes.c_float)), (self._size,)
        )
        token = int(row.argmax())
        certainty = 1.0 / float(np.exp(row - row[token]).sum())
        if certainty < LEAST_PROBABILITY or self._model.vocabulary.is_eog(token):
            return None
        return token


class ModelDrafter:
    """Guesses for one answer with a draft model."""

    def __init__(self, model: DraftModel, sequence: KVSequence) -> None:
        self._model = model
        self._sequence = sequence

    def draft(self, tokens: Sequence[int], limit: int) -> list[int]:
        """At most `limit` tokens that may follow `tokens`."""
        return self._model.guess(self._sequence, tokens, limit)


def _same_vocabulary(first: Vocabulary, second: Vocabulary) -> bool:
    """Whether two vocabularies give the same ids to the same texts, by a sample."""
    size = min(first.size, second.size)
    if abs(first.size - second.size) > 128:  # some families pad by a few tokens
        return False
    sample = range(0, size, max(size // 500, 1))
    return all(first.text(token) == second.text(token) for token in sample)
