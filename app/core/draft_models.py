"""Models that can guess ahead for another one, because they know the same tokens."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from app.core.errors import ModelError
from app.core.gguf import Limits, read_header
from app.core.gguf_types import GgufArray, GgufHeader
from app.core.library_types import LocalModel
from app.core.memory_formulas import recurrent_layer_bytes
from backends.types import LoadConfig

_TOKENS = "tokenizer.ggml.tokens"
_PADDING = 128
"""Tokens by which vocabularies of one family may differ; the engine allows as many."""
_SAMPLE = 500
_KEPT = 64
"""Vocabularies whose samples are remembered."""


def draft_models(
    model: LocalModel, header: GgufHeader, models: Sequence[LocalModel]
) -> tuple[LocalModel, ...]:
    """Those of `models` that an engine takes as draft models for `model`, smallest first.

    They are smaller, run in the same engine and have the same vocabulary, which is told by a
    sample of the tokens where the file has them, as the engine does. Models that cannot go back in
    what they wrote neither draft nor are drafted for. Reads the files.
    """
    if not goes_back(header):
        return ()
    smaller = (
        other
        for other in models
        if other.present and other.problem is None and other.format == model.format
        if other.size < model.size and "embeddings" not in other.capabilities
    )
    fitting = [other for other in smaller if _same_family(model, header, other)]
    return tuple(sorted(fitting, key=lambda other: other.size))


def goes_back(header: GgufHeader) -> bool:
    """Whether wrong guesses can be taken back: not where layers keep a running state."""
    return not any(recurrent_layer_bytes(header, LoadConfig(slots=1)))


def _same_family(model: LocalModel, header: GgufHeader, other: LocalModel) -> bool:
    if model.format == "mlx":
        return other.architecture == model.architecture
    try:
        first, second = _vocabulary(model.path), _vocabulary(other.path)
    except (ModelError, OSError):
        return False
    return second.goes_back and first.matches(second)


class _Vocabulary:
    """What tells one vocabulary from another, without its million letters."""

    def __init__(self, header: GgufHeader) -> None:
        self.goes_back = goes_back(header)
        self.kind = header.text("tokenizer.ggml.model")
        self.size = header.vocabulary_size or 0
        tokens = header.metadata.get(_TOKENS)
        values = tokens.values if isinstance(tokens, GgufArray) else None
        # A power of two, so that vocabularies of nearly the same size give the same places.
        step = 1 << max(0, (self.size // _SAMPLE).bit_length() - 1)
        self.sample = dict(list(enumerate(values or ()))[::step])

    def matches(self, other: "_Vocabulary") -> bool:
        if self.kind != other.kind or abs(self.size - other.size) > _PADDING:
            return False
        both = self.sample.keys() & other.sample.keys()
        return bool(both) and all(self.sample[at] == other.sample[at] for at in both)


def _vocabulary(path: Path) -> _Vocabulary:
    status = path.stat()
    return _read(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=_KEPT)
def _read(path: Path, size: int, changed: int) -> _Vocabulary:
    """`size` and `changed` only tell one state of the file from another."""
    return _Vocabulary(read_header(path, limits=Limits(kept_whole=frozenset({_TOKENS}))))
