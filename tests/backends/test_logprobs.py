"""Log-probabilities of tokens."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from backends.llamacpp.vocabulary import Vocabulary
from backends.logprobs import token_logprob
from tests.backends.llamacpp.small import vocabulary_of

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def vocabulary(starter_file: Path) -> Iterator[Vocabulary]:
    with vocabulary_of(starter_file) as vocabulary:
        yield vocabulary


def test_they_are_those_of_the_softmax(vocabulary: Vocabulary) -> None:
    yes, no, maybe = (vocabulary.tokenize(word, special=False)[0] for word in ("yes", "no", "may"))
    logits = np.full(vocabulary.size, -np.inf, np.float32)
    logits[[yes, no, maybe]] = np.log([0.5, 0.3, 0.2]).astype(np.float32) + 40
    told = token_logprob(logits, no, 2, vocabulary)
    assert (told.token, told.text) == (no, "no")
    assert np.exp(told.logprob) == pytest.approx(0.3)
    assert [(token, text) for token, text, _ in told.alternatives] == [(yes, "yes"), (no, "no")]
    assert [np.exp(each) for _, _, each in told.alternatives] == pytest.approx([0.5, 0.3])


def test_an_impossible_token_has_a_finite_number(vocabulary: Vocabulary) -> None:
    logits = np.full(vocabulary.size, -np.inf, np.float32)
    logits[5] = 1
    assert token_logprob(logits, 6, 0, vocabulary).logprob == -9999


def test_no_alternatives_are_told_unless_asked_for(vocabulary: Vocabulary) -> None:
    logits = np.zeros(vocabulary.size, np.float32)
    assert token_logprob(logits, 5, 0, vocabulary).alternatives == ()
    assert len(token_logprob(logits, 5, 20, vocabulary).alternatives) == 20


def test_a_token_without_text_is_told_by_its_name(vocabulary: Vocabulary) -> None:
    logits = np.zeros(vocabulary.size, np.float32)
    assert token_logprob(logits, vocabulary.eos, 0, vocabulary).text == "<|im_end|>"
