"""Small parts of the engine, for tests that drive them by hand."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backends.constraints.token_constraint import TokenConstraint
from backends.llamacpp.batch import Batch
from backends.llamacpp.context import Context, Decoded
from backends.llamacpp.library import native, open_library
from backends.llamacpp.model import Model
from backends.llamacpp.sampling import SamplerChain
from backends.llamacpp.vocabulary import Vocabulary
from backends.types import LoadConfig


@contextmanager
def vocabulary_of(path: Path) -> Iterator[Vocabulary]:
    """Loads in a tenth of a second."""
    open_library()
    params = native.llama_model_default_params()
    params.vocab_only = True
    model = native.llama_model_load_from_file(str(path).encode(), params)
    assert model
    try:
        yield Vocabulary(model)
    finally:
        native.llama_model_free(model)


def masked(constraint: TokenConstraint, vocabulary: Vocabulary) -> NDArray[np.bool_]:
    """Of every token whether it may come next, as the mask tells."""
    logits = np.zeros(vocabulary.size, np.float32)
    constraint.mask(logits)
    return np.isfinite(logits)


def allowed(constraint: TokenConstraint, vocabulary: Vocabulary) -> set[int]:
    """Ids of all tokens that may come next."""
    return set(np.flatnonzero(masked(constraint, vocabulary)).tolist())


def passes(constraint: TokenConstraint, tokens: Sequence[int], vocabulary: Vocabulary) -> bool:
    """Whether the whole of `tokens` may be an answer; mask and single test must agree on it."""
    for token in tokens:
        if constraint.finished:
            return False
        fits = masked(constraint, vocabulary)[token]
        assert constraint.allows(token) == fits
        if not fits:
            return False
        constraint.accept(token)
    return constraint.finished or bool(masked(constraint, vocabulary)[vocabulary.eos])


class Desk:
    """A model with its context, for tests that drive it by hand."""

    def __init__(self, path: Path) -> None:
        open_library()
        self.model = Model(str(path), LoadConfig(gpu_layers=0), lambda fraction: True)
        self.vocabulary = self.model.vocabulary
        self.context = Context(self.model.handle, LoadConfig(context_length=1024, slots=1))
        self._batch = Batch(self.context.batch_size)
        self._position = 0

    def read(self, tokens: Sequence[int], *, anew: bool = False) -> int:
        """Process tokens; the index of the output after the last one."""
        if anew:
            native.llama_memory_clear(self.context.memory, True)
            self._position = 0
        self._batch.clear()
        self._batch.add(list(tokens), self._position, 0, 1)
        assert self.context.decode(self._batch) is Decoded.DONE
        self._position += len(tokens)
        return len(tokens) - 1

    def ask(self, question: str) -> list[int]:
        """The prompt of a question in ChatML, which SmolLM2 speaks."""
        text = f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"
        return self.vocabulary.tokenize(text, special=True)

    def answer(
        self,
        prompt: list[int],
        sampler: SamplerChain,
        constraint: TokenConstraint | None = None,
        limit: int = 80,
    ) -> tuple[str, bool]:
        """The answer, and whether the model or the constraint ended it."""
        text = b""
        index = self.read(prompt, anew=True)
        for _ in range(limit):
            token = sampler.sample(self.context.handle, index, constraint)
            if self.vocabulary.is_eog(token):
                return text.decode(), True
            text += self.vocabulary.piece(token)
            if constraint is not None and constraint.finished:
                return text.decode(), True
            index = self.read([token])
        return text.decode(errors="replace"), False

    def close(self) -> None:
        self._batch.close()
        self.context.close()
        self.model.close()
