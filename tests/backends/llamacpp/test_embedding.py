"""Embeddings by a real model: pooled, normalized, in batches."""

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.errors import BadRequest, PromptTooLong
from backends.llamacpp.engine import LlamaCppBackend
from backends.types import EmbeddingRequest, LoadConfig
from tests.backends.contract import request

pytestmark = pytest.mark.engine

TEXTS = (
    "The cat sleeps on the sofa.",
    "A kitten naps on the couch.",
    "Interest rates rose by half a point.",
    "Quarterly profits fell.",
    "Hello",
    "A fifth and longer text that makes the batch larger than the number of sequences.",
)


@pytest.fixture(scope="module")
def engine(smollm2: Path) -> Iterator[LlamaCppBackend]:
    engine = LlamaCppBackend()
    config = LoadConfig(context_length=512, embedding=True, pooling="mean")
    info = engine.load(str(smollm2), config, lambda fraction: True)
    assert info.embedding_length == 576
    yield engine
    engine.unload()


def dot(first: tuple[float, ...], second: tuple[float, ...]) -> float:
    return sum(a * b for a, b in zip(first, second, strict=True))


def test_every_text_has_a_vector_of_length_1(engine: LlamaCppBackend) -> None:
    result = engine.embed(EmbeddingRequest(TEXTS))
    assert [len(vector) for vector in result.vectors] == [576] * len(TEXTS)
    assert all(math.isclose(dot(v, v), 1, rel_tol=1e-4) for v in result.vectors)
    assert result.prompt_tokens > len(TEXTS) * 2


def test_a_batch_is_as_texts_alone(engine: LlamaCppBackend) -> None:
    together = engine.embed(EmbeddingRequest(TEXTS)).vectors
    for text, vector in zip(TEXTS, together, strict=True):
        (alone,) = engine.embed(EmbeddingRequest((text,))).vectors
        assert dot(alone, vector) > 0.999


def test_what_means_the_same_is_nearer(engine: LlamaCppBackend) -> None:
    cat, kitten, rates, *_ = engine.embed(EmbeddingRequest(TEXTS)).vectors
    assert dot(cat, kitten) > dot(cat, rates)


def test_vectors_may_keep_their_length(engine: LlamaCppBackend) -> None:
    (raw,) = engine.embed(EmbeddingRequest(TEXTS[:1], normalize=False)).vectors
    (unit,) = engine.embed(EmbeddingRequest(TEXTS[:1])).vectors
    length = math.sqrt(dot(raw, raw))
    assert not math.isclose(length, 1, rel_tol=0.01)
    assert dot(raw, unit) == pytest.approx(length, rel=1e-3)


def test_pooling_changes_the_vector(engine: LlamaCppBackend, smollm2: Path) -> None:
    (mean,) = engine.embed(EmbeddingRequest(TEXTS[:1])).vectors
    other = LlamaCppBackend()
    try:
        config = LoadConfig(context_length=512, embedding=True, pooling="last")
        other.load(str(smollm2), config, lambda fraction: True)
        (last,) = other.embed(EmbeddingRequest(TEXTS[:1])).vectors
        other.load(
            str(smollm2), LoadConfig(context_length=512, embedding=True), lambda fraction: True
        )
        (chosen,) = other.embed(EmbeddingRequest(TEXTS[:1])).vectors
    finally:
        other.unload()
    assert dot(mean, last) < 0.99
    assert dot(mean, chosen) > 0.999  # the model does not say, so it is the mean


def test_what_cannot_be_embedded_is_refused(engine: LlamaCppBackend) -> None:
    with pytest.raises(BadRequest):
        engine.embed(EmbeddingRequest(()))
    with pytest.raises(PromptTooLong):
        engine.embed(EmbeddingRequest(("word " * 600,)))
    with pytest.raises(BadRequest):
        engine.generate(request())
    assert engine.embed(EmbeddingRequest(TEXTS[:1])).vectors


def test_a_model_loaded_for_chat_embeds_nothing(smollm2: Path) -> None:
    engine = LlamaCppBackend()
    engine.load(str(smollm2), LoadConfig(context_length=512), lambda fraction: True)
    try:
        with pytest.raises(BadRequest):
            engine.embed(EmbeddingRequest(TEXTS))
    finally:
        engine.unload()
