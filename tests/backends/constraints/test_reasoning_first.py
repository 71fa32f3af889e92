"""Constraints of answers that begin with reasoning."""

import pytest

from backends.constraints.guided import ConstraintCompiler
from backends.constraints.reasoning_first import ReasoningFirst
from backends.llamacpp.vocabulary import Vocabulary
from backends.types import RegularExpression
from tests.backends.llamacpp.small import allowed, passes

pytestmark = pytest.mark.engine

OPENING = 3  # some control token, which no constrained text can contain


@pytest.fixture
def state(compiler: ConstraintCompiler) -> ReasoningFirst:
    return ReasoningFirst(compiler.compile(RegularExpression("[0-9]")), OPENING)


def test_the_first_token_may_open_the_reasoning(
    state: ReasoningFirst, vocabulary: Vocabulary
) -> None:
    (five,) = vocabulary.tokenize("5", special=False)
    assert OPENING in allowed(state, vocabulary)
    assert passes(state, [OPENING, five], vocabulary)
    assert state.finished


def test_the_reasoning_opens_once(state: ReasoningFirst, vocabulary: Vocabulary) -> None:
    state.accept(OPENING)
    assert not state.allows(OPENING)
    assert OPENING not in allowed(state, vocabulary)
    assert not state.finished


def test_the_answer_may_begin_without_it(state: ReasoningFirst, vocabulary: Vocabulary) -> None:
    (five,) = vocabulary.tokenize("5", special=False)
    state.accept(five)
    assert state.finished
    assert not state.allows(OPENING)
