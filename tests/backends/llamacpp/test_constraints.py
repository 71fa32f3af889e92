"""Constraints on vocabularies unlike the starter model's."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.llamacpp.constraints import ConstraintFactory
from backends.llamacpp.vocabulary import Vocabulary
from backends.types import Constraint, GbnfGrammar, JsonObject, LarkGrammar
from tests.backends.llamacpp import tiny_gguf
from tests.backends.llamacpp.small import allowed, passes, vocabulary_of

pytestmark = pytest.mark.engine


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tiny_gguf.write(tmp_path / "tiny.gguf")


@pytest.fixture
def vocabulary(file: Path) -> Iterator[Vocabulary]:
    with vocabulary_of(file) as vocabulary:
        yield vocabulary


@pytest.mark.parametrize(
    ("constraint", "good", "bad"),
    [
        (JsonObject(), '{"a b": "ä 👍", "c": [1]}', '{"a" 1}'),
        (LarkGrammar('start: "-a b" /[0-9]+/'), "-a b12", "-ab12"),
        (GbnfGrammar('root ::= "-a b" [0-9]+'), "-a b12", "-ab12"),
    ],
)
def test_blanks_and_bytes_of_sentencepiece_are_text(
    constraint: Constraint, good: str, bad: str, file: Path, vocabulary: Vocabulary
) -> None:
    factory = ConstraintFactory(vocabulary, str(file))
    for text, fits in ((good, True), (bad, False)):
        state = factory.make(constraint)
        blank, *tokens = vocabulary.tokenize(text, special=False)
        assert vocabulary.text(blank) == "▁"
        assert passes(state, tokens, vocabulary) == fits
        state.close()


def test_control_tokens_never_stand_for_their_text(file: Path, vocabulary: Vocabulary) -> None:
    state = ConstraintFactory(vocabulary, str(file)).make(LarkGrammar('start: "<bos>" "<eos>"'))
    first = allowed(state, vocabulary)
    assert tiny_gguf.BOS not in first
    assert {vocabulary.piece(token) for token in first} == {b"<"}
