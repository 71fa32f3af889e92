"""Speculative decoding with a small model that writes ahead; the large one checks in one step."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import mlx.core as mx

from backends.base import LoadProgressCallback
from backends.chat.prefix import common_prefix
from backends.errors import BadLoadSetting
from backends.mlx.folder import open_folder
from backends.mlx.model import Model
from backends.mlx.sampling import token_of
from backends.mlx.sequence import KVSequence
from backends.mlx.vocabulary import Vocabulary

LEAST_PROBABILITY = 0.6
"""The draft model stops guessing below this certainty."""
MOST_BEHIND = 256
"""Tokens that it catches up at once; more would delay a cancel."""


class Drafter(Protocol):
    """Guesses how a text goes on."""

    def draft(self, tokens: Sequence[int], limit: int) -> list[int]:
        """At most `limit` tokens that may follow `tokens`."""
        ...


class DraftModel:
    """A small model with the same vocabulary."""

    def __init__(
        self, path: str, vocabulary: Vocabulary, on_progress: LoadProgressCallback
    ) -> None:
        """Raises `ModelLoadError`; `BadLoadSetting` if the vocabularies differ."""
        folder = open_folder(Path(path))
        if not _same_vocabulary(Vocabulary(folder), vocabulary):
            raise BadLoadSetting(
                "The draft model has another vocabulary than the model: choose a smaller model "
                "of the same family."
            )
        self._model = Model(folder, (), lambda fraction: on_progress(0.0))
        self._vocabulary = vocabulary
        if not KVSequence(self._model, self._model.new_cache).can_go_back:
            raise BadLoadSetting("A model of this kind cannot guess ahead: choose another one.")

    def drafter(self, sequence: KVSequence) -> "ModelDrafter":
        """A drafter for the answer that uses this sequence."""
        if sequence.draft is None:
            sequence.draft = KVSequence(self._model, self._model.new_cache)
        return ModelDrafter(sequence.draft, self._vocabulary)


class ModelDrafter:
    """Guesses for one answer with a draft model."""

    def __init__(self, sequence: KVSequence, vocabulary: Vocabulary) -> None:
        self._sequence = sequence
        self._vocabulary = vocabulary

    def draft(self, tokens: Sequence[int], limit: int) -> list[int]:
        """At most `limit` likely tokens after `tokens`; none while it catches up."""
        sequence = self._sequence
        sequence.truncate(min(common_prefix(sequence.tokens, [*tokens]), len(tokens) - 1))
        known = len(sequence.tokens)
        rows = sequence.feed(tokens[known : known + MOST_BEHIND])
        if len(sequence.tokens) < len(tokens):
            sequence.settle()
            return []
        guesses: list[int] = []
        while len(guesses) < limit:
            likeliest = mx.argmax(rows[-1])
            likely = mx.softmax(rows[-1], precise=True)[likeliest] >= LEAST_PROBABILITY
            mx.eval(likeliest, likely)
            token = token_of(likeliest)
            if not likely.item() or self._vocabulary.is_eog(token):
                break
            guesses.append(token)
            if len(guesses) < limit:
                rows = sequence.feed([token])
        return guesses


def _same_vocabulary(first: Vocabulary, second: Vocabulary) -> bool:
    """Whether two vocabularies give the same ids to the same texts, by a sample."""
    size = min(first.size, second.size)
    if abs(first.size - second.size) > 128:  # some families pad by a few tokens
        return False
    sample = range(0, size, max(size // 500, 1))
    return all(first.text(token) == second.text(token) for token in sample)
