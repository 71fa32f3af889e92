"""GBNF grammars: whatever a person writes ends in an answer or in a typed error."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.errors import BadRequest, EngineFailure
from backends.llamacpp import gbnf_check
from backends.llamacpp.constraints import ConstraintFactory
from backends.llamacpp.gbnf import MAX_NESTING, GbnfConstraint, check_text
from backends.llamacpp.gbnf_check import FLAG, check_in_child
from backends.llamacpp.library import native
from backends.llamacpp.vocabulary import Vocabulary
from backends.types import GbnfGrammar
from tests.backends.llamacpp.small import allowed, passes, vocabulary_of

pytestmark = pytest.mark.engine

YES_NO = 'root ::= ("yes" | "no") "!"*'


def nested(depth: int, close: str = ")") -> str:
    return "root ::= " + "(" * depth + '"a"' + close * depth


@pytest.fixture
def vocabulary(smollm2: Path) -> Iterator[Vocabulary]:
    with vocabulary_of(smollm2) as vocabulary:
        yield vocabulary


@pytest.mark.parametrize(
    ("grammar", "words"),
    [
        ("", "needs a rule named root"),
        (" \n ", "needs a rule named root"),
        ('root ::= "a\0"', "not text"),
        ('root ::= "\ud83d"', "not text"),
        (nested(MAX_NESTING + 1), "nests more than 200"),
        (nested(20_000), "nests more than 200"),
        (nested(20_000, ")?"), "nests more than 200"),
        ('root ::= "a"{2001}', "more than 2,000 times"),
        ('root ::= "a"{0,2001}', "more than 2,000 times"),
        ('root ::= "a"{1, 99999999999999999999}', "more than 2,000 times"),
        (r'root ::= "\ud83d\ude00"', "never match"),
        (r"root ::= [\uDC00-\uDFFF]", "never match"),
        ("root ::= " + '"a" ' * 30_000, "too long"),
    ],
)
def test_a_text_that_is_known_to_do_harm_is_refused(grammar: str, words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        check_text(grammar)


@pytest.mark.parametrize(
    "grammar",
    [
        YES_NO,
        nested(MAX_NESTING),
        'root ::= "((((" # ((((\n',
        'root ::= "a{9999}" [({9999}]+',
        'root ::= "a"{2000}',
        r'root ::= "\u00e9" "😀" "\"("',
    ],
)
def test_a_text_that_only_looks_harmful_is_not(grammar: str) -> None:
    check_text(grammar)


@pytest.mark.parametrize(
    ("grammar", "words"),
    [
        ('root ::= root "a" | "b"', "begins with itself"),
        ('root ::= a "x"\na ::= root "y" | "z"', "begins with itself"),
        ("root ::= nowhere", "Undefined rule identifier 'nowhere'"),
        ('start ::= "a"', "a rule named root"),
        ('root ::= a_b\na_b ::= "x"', "not valid: expecting newline"),
        ("root", "not valid: expecting ::= at the end of a line"),
        (r'root ::= "\d"', "not valid: unknown escape"),
        ('root ::= "a', "not valid: unexpected end"),
        (nested(20_000), "makes llama.cpp crash"),
        (nested(20_000, ")?"), "makes llama.cpp crash"),
        (nested(2_000, ")?"), "not valid: number of rules"),
        ('root ::= "a"{2001}', "not valid: number of repetitions"),
    ],
)
def test_a_grammar_that_is_invalid_or_crashes_is_a_typed_error(
    grammar: str, words: str, smollm2: Path
) -> None:
    with pytest.raises(BadRequest, match=words):
        check_in_child(grammar, str(smollm2))


@pytest.mark.parametrize(
    "grammar",
    [
        'root ::= e root "a" | "b"\ne ::= "x"?',
        'root ::= "a" x\nx ::= e x "a" | "b"\ne ::= "x"?',
    ],
    ids=["at the start", "behind a token"],
)
def test_a_left_recursion_that_hangs_is_ended(grammar: str, smollm2: Path) -> None:
    with pytest.raises(BadRequest, match="recurs without end") as caught:
        check_in_child(grammar, str(smollm2), seconds=0.5)
    assert "0.5 s" in caught.value.detail


def test_a_valid_grammar_passes(smollm2: Path) -> None:
    check_in_child(YES_NO, str(smollm2))


def test_a_vanished_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="model file is gone"):
        check_in_child(YES_NO, str(tmp_path / "gone.gguf"))


def test_the_check_is_a_flag_of_the_program(smollm2: Path) -> None:
    def status(grammar: bytes) -> int:
        root = Path(gbnf_check.__file__).parents[2]
        return subprocess.run(
            [sys.executable, "-P", "-m", "app", FLAG, "5", str(smollm2)],
            input=grammar,
            capture_output=True,
            env={**os.environ, "PYTHONPATH": str(root)},
            check=False,
        ).returncode

    assert status(YES_NO.encode()) == 0
    assert status(b"root ::= nowhere") == 3


def test_a_frozen_program_checks_with_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert gbnf_check._command() == [sys.executable, "--grammar-check"]


def test_a_grammar_is_checked_once(
    vocabulary: Vocabulary, smollm2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    factory = ConstraintFactory(vocabulary, str(smollm2))
    factory.make(GbnfGrammar(YES_NO)).close()
    monkeypatch.setattr(subprocess, "run", None)
    factory.make(GbnfGrammar(YES_NO)).close()
    with pytest.raises(BadRequest, match="nests more"):
        factory.make(GbnfGrammar(nested(300)))


@pytest.mark.parametrize(
    ("text", "fits"),
    [("yes", True), ("no!!", True), ("ye", False), ("maybe", False), ("yesno", False)],
)
def test_exactly_what_fits_may_be_written(text: str, fits: bool, vocabulary: Vocabulary) -> None:
    state = GbnfConstraint(YES_NO, vocabulary)
    try:
        assert passes(state, vocabulary.tokenize(text, special=False), vocabulary) == fits
    finally:
        state.close()


def test_an_end_before_its_time_or_a_refused_token_is_never_accepted(
    vocabulary: Vocabulary,
) -> None:
    state = GbnfConstraint('root ::= "yes"', vocabulary)
    (wrong,) = vocabulary.tokenize("maybe", special=False)[:1]
    for token in (vocabulary.eos, wrong):
        with pytest.raises(EngineFailure, match="against the grammar"):
            state.accept(token)
    for token in vocabulary.tokenize("yes", special=False):
        state.accept(token)
    assert not state.finished
    assert allowed(state, vocabulary) == set(vocabulary.eog_tokens)
    state.accept(vocabulary.eos)
    assert state.finished
    assert not state.allows(vocabulary.eos)
    state.close()
    state.close()


def test_a_sampler_that_is_null_is_never_used(
    vocabulary: Vocabulary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native, "llama_sampler_init_grammar", lambda *arguments: None)
    with pytest.raises(BadRequest, match="refuses the grammar"):
        GbnfConstraint(YES_NO, vocabulary)
