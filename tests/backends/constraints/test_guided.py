"""Regular expressions, grammars and JSON, enforced on a real vocabulary."""

import json
import statistics
import time

import numpy as np
import pytest
from llguidance import LLTokenizer

from backends.constraints.guided import ConstraintCompiler
from backends.errors import BadRequest, EngineFailure
from backends.llamacpp.constraints import guided_tokenizer
from backends.llamacpp.vocabulary import Vocabulary
from backends.types import (
    Constraint,
    GbnfGrammar,
    JsonObject,
    JsonSchema,
    LarkGrammar,
    RegularExpression,
)
from tests.backends.llamacpp.small import allowed, masked, passes
from tests.timing import slowness

pytestmark = pytest.mark.engine

LEFT_RECURSIVE = LarkGrammar('start: list\nlist: list "," WORD | WORD\nWORD: /[a-z]+/')


@pytest.mark.parametrize(
    ("constraint", "good", "bad"),
    [
        (JsonObject(), ['{"a": [1, {"b": null}]}', "{}"], ["[1]", "x", '{"a": 1', "{} {}"]),
        (RegularExpression("[A-Z]{2}[0-9]+"), ["AB1", "XY123456"], ["ab1", "AB", "AB1x"]),
        (RegularExpression("cat|dog"), ["cat", "dog"], ["cow", "catdog"]),
        (RegularExpression("^cat$"), ["cat"], ["a cat"]),
        (LarkGrammar('start: "yes" | "no"'), ["yes", "no"], ["maybe", "yesno"]),
        (LEFT_RECURSIVE, ["a", "ab,cd,e"], ["", "a,", ",a"]),
        (
            LarkGrammar('start: "Result: " %json {"type": "integer"}'),
            ["Result: 42"],
            ["Result: x", "42"],
        ),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, list) else "",
)
def test_exactly_what_fits_may_be_written(
    constraint: Constraint,
    good: list[str],
    bad: list[str],
    compiler: ConstraintCompiler,
    vocabulary: Vocabulary,
) -> None:
    for texts, expected in ((good, True), (bad, False)):
        for text in texts:
            state = compiler.compile(constraint)
            tokens = vocabulary.tokenize(text, special=False)
            assert passes(state, tokens, vocabulary) == expected, text


def test_control_tokens_are_no_text(compiler: ConstraintCompiler, vocabulary: Vocabulary) -> None:
    state = compiler.compile(RegularExpression(r"(?s:.*)"))
    free = allowed(state, vocabulary)
    assert set(vocabulary.special_ids) & free == set(vocabulary.eog_tokens)
    assert len(free) > 45_000
    spelled = vocabulary.tokenize("<|im_start|>", special=False)
    assert passes(state, spelled, vocabulary)


def test_a_complete_answer_may_only_end(
    compiler: ConstraintCompiler, vocabulary: Vocabulary
) -> None:
    state = compiler.compile(RegularExpression("ok"))
    (token,) = vocabulary.tokenize("ok", special=False)
    assert not state.finished
    state.accept(token)
    assert state.finished
    assert allowed(state, vocabulary) == set(vocabulary.eog_tokens)
    assert state.allows(vocabulary.eos)
    assert not state.allows(token)
    state.accept(vocabulary.eos)
    assert state.finished


def test_an_answer_that_could_go_on_may_end(
    compiler: ConstraintCompiler, vocabulary: Vocabulary
) -> None:
    state = compiler.compile(RegularExpression("(ok)+"))
    state.accept(vocabulary.tokenize("ok", special=False)[0])
    assert not state.finished
    state.accept(vocabulary.eos)
    assert state.finished


def test_a_refused_token_cannot_be_accepted(
    compiler: ConstraintCompiler, vocabulary: Vocabulary
) -> None:
    state = compiler.compile(JsonObject())
    (wrong,) = vocabulary.tokenize("hello", special=False)
    with pytest.raises(EngineFailure, match="against the constraint"):
        state.accept(wrong)
    with pytest.raises(EngineFailure, match="against the constraint"):
        state.accept(vocabulary.eos)
    assert passes(state, vocabulary.tokenize("{}", special=False), vocabulary)


def test_the_mask_leaves_the_other_logits_alone_and_works_on_views(
    compiler: ConstraintCompiler, vocabulary: Vocabulary
) -> None:
    state = compiler.compile(RegularExpression("[0-9]"))
    wide = np.full((vocabulary.size + 64, 2), 1.5, np.float32)
    row = wide[:, 0]
    state.mask(row)
    free = allowed(state, vocabulary)
    assert {vocabulary.text(token) for token in free} == set("0123456789")
    assert set(np.flatnonzero(row == 1.5).tolist()) == free
    assert np.isneginf(row[vocabulary.size :]).all()
    assert (wide[:, 1] == 1.5).all()


def test_spaces_between_the_parts_of_json_are_bounded(
    compiler: ConstraintCompiler, vocabulary: Vocabulary
) -> None:
    def fits(text: str) -> bool:
        tokens = vocabulary.tokenize(text, special=False)
        return passes(compiler.compile(JsonObject()), tokens, vocabulary)

    assert fits(json.dumps({"a": {"b": [1, 2, {}]}}, indent=4))
    assert not fits("{" + "\n" * 100 + "}")


@pytest.mark.parametrize(
    ("constraint", "words"),
    [
        (RegularExpression("(?=a)b"), "look-around.*Write the pattern without"),
        (RegularExpression("(a"), "regular expression cannot be used: unclosed group"),
        (RegularExpression("(a{1000}){1000}"), "1,000,000 times"),
        (RegularExpression("a" * 5000), "too long"),
        (RegularExpression(r"[^\s\S]"), "allows no text"),
        (RegularExpression("(" * 500 + "a" + ")" * 500), "regular expression cannot be used"),
        (LarkGrammar(""), "Empty grammar"),
        (LarkGrammar("start: nowhere"), "unknown name"),
        (LarkGrammar('start: "a"\nfoo bar'), "Expected token"),
        (LarkGrammar('start: x start "a"\nx: '), "allows no text"),
        (LarkGrammar("start: " + '"a" ' * 50_000), "too long"),
        (LarkGrammar('start: "a"{99999}'), "99,999 times"),
        (JsonSchema('{"type": "foo"}'), "Invalid type.*Types are"),
        (JsonSchema('{"type": "integer", "minimum": 5, "maximum": 3}'), "No JSON can satisfy"),
        (JsonSchema('{"$ref": "#/$defs/no"}'), r"does not exist.*\$defs"),
        (JsonSchema('{"type": "string", "pattern": "(a"}'), "unclosed group"),
        (JsonSchema('{"minimum": NaN}'), "JSON schema"),
        (GbnfGrammar('root ::= "a"'), "llama.cpp engine only"),
    ],
)
def test_what_cannot_be_used_is_a_typed_error_with_the_cause(
    constraint: Constraint, words: str, compiler: ConstraintCompiler
) -> None:
    with pytest.raises(BadRequest, match=words) as caught:
        compiler.compile(constraint)
    assert "<state>" not in caught.value.message + caught.value.detail


def test_unknown_formats_are_reported(compiler: ConstraintCompiler) -> None:
    schema = {"type": "array", "items": {"format": "regex", "type": "string"}, "uniqueItems": True}
    state = compiler.compile(JsonSchema(json.dumps(schema)))
    assert set(state.not_enforced) == {"format: regex", "uniqueItems"}


def test_the_tokenizer_is_made_once_and_only_when_needed(vocabulary: Vocabulary) -> None:
    made: list[LLTokenizer] = []

    def make() -> LLTokenizer:
        made.append(guided_tokenizer(vocabulary))
        return made[-1]

    lazy = ConstraintCompiler(make)
    with pytest.raises(BadRequest):
        lazy.compile(JsonSchema("["))
    assert made == []
    lazy.compile(JsonObject())
    lazy.compile(JsonObject())
    assert len(made) == 1


@pytest.mark.parametrize(
    "pattern",
    ["((a{20}){20}){25}", "a{10000}", r"(\w{100}b?){100}", "(a{1,100}b{1,100}){50}", "(.*a){900}"],
)
def test_the_worst_patterns_within_the_limits_end_soon(
    pattern: str, compiler: ConstraintCompiler, vocabulary: Vocabulary
) -> None:
    start = time.process_time()
    state = compiler.compile(RegularExpression(pattern))
    for token in vocabulary.tokenize("a" * 40, special=False):
        masked(state, vocabulary)
        state.accept(token)
    assert time.process_time() - start < 2 * slowness()


def test_a_mask_costs_less_than_a_millisecond(
    compiler: ConstraintCompiler, vocabulary: Vocabulary
) -> None:
    schema = {
        "type": "object",
        "properties": {"text": {"type": "string"}, "n": {"type": "integer"}},
    }
    text = json.dumps({"text": "The quick brown fox, aged 7, jumps. " * 10, "n": 12345})
    state = compiler.compile(JsonSchema(json.dumps(schema)))
    logits = np.zeros(vocabulary.size, np.float32)
    times = []
    for token in vocabulary.tokenize(text, special=False):
        logits[:] = 0
        start = time.process_time()
        state.mask(logits)
        times.append(time.process_time() - start)
        state.accept(token)
    assert statistics.median(times) < 1e-3 * slowness()
