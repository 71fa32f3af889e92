"""Constraints enforced by llguidance: JSON, JSON schemas, regular expressions, Lark grammars."""

import re
from collections.abc import Callable
from functools import cached_property

import numpy as np
from llguidance import LLMatcher, LLTokenizer
from llguidance.numpy import allocate_token_bitmask, fill_next_token_bitmask

from backends.constraints.limits import (
    MAX_GRAMMAR,
    MAX_PATTERN,
    PARSER_LIMITS,
    check_length,
    check_repetition,
)
from backends.constraints.schema import JSON_OBJECT, prepare
from backends.constraints.token_constraint import Logits
from backends.errors import BadRequest, EngineFailure
from backends.types import (
    Constraint,
    GbnfGrammar,
    JsonObject,
    JsonSchema,
    LarkGrammar,
    RegularExpression,
)

_WHITESPACE = r"[ \n\r\t]{1,64}"
"""Between the parts of JSON. Bounded: some models indent for ever instead of closing."""

SLICES = (r'[^"\\\x00-\x1F\x7F]{1,10}', r'[^"\\\x00-\x1F\x7F]{1,30}')
"""Kinds of tokens that llguidance decides on as a whole, which makes masks inside strings quick.

Its own list has two more kinds. They made no mask of our measurements quicker, but they let the
tokenizer of a large vocabulary take half as long again, in a call that holds the interpreter.
"""

_REFUSAL = np.where(
    np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], 1, bitorder="little"), 0.0, -np.inf
).astype(np.float32)
"""For every byte of a bit mask what it adds to eight logits: 0 or -inf."""

_REMEDIES = (
    ("look-around", "Write the pattern without (?=…), (?!…), (?<=…) and (?<!…)."),
    ("registry", "Put what $ref refers to into the schema's own $defs."),
    ("Pointer", "Put what $ref refers to into the schema's own $defs."),
    ("Unsatisfiable", "No JSON can satisfy it; check limits and types that exclude each other."),
    ("Invalid type", "Types are string, number, integer, boolean, object, array and null."),
    ("too many", "Use smaller numbers of repetition, or * and +."),
    ("too large", "Make it smaller."),
)


class ConstraintCompiler:
    """Compiles constraints for one vocabulary.

    `make_tokenizer` is called when the first one is compiled; it takes up to four seconds for a
    large vocabulary.
    """

    def __init__(self, make_tokenizer: Callable[[], LLTokenizer]) -> None:
        self._make_tokenizer = make_tokenizer

    @cached_property
    def _tokenizer(self) -> LLTokenizer:
        return self._make_tokenizer()

    def spell(self, text: str) -> list[int]:
        """Tokens whose bytes are exactly those of `text`; no control tokens."""
        return list(self._tokenizer.greedy_tokenize(text))

    def compile(self, constraint: Constraint) -> "GuidedConstraint":
        """The state of a constraint before the first token.

        Raises:
            BadRequest: it is not valid, allows nothing, or is too large; the message names the
                feature that is to blame. GBNF grammars are refused: they are llama.cpp's own.
        """
        name, grammar = _grammar(constraint)
        matcher = LLMatcher(self._tokenizer, grammar, log_level=0, limits=PARSER_LIMITS)
        if not matcher.is_error():
            matcher.compute_bitmask()  # the first step may already be too much
        if matcher.is_error():
            raise _refusal(name, matcher.get_error())
        return GuidedConstraint(matcher, self._tokenizer)


class GuidedConstraint:
    """One answer's way through a grammar. Implements `TokenConstraint`."""

    def __init__(self, matcher: LLMatcher, tokenizer: LLTokenizer) -> None:
        self._matcher = matcher
        self._ends = frozenset(tokenizer.eos_tokens)
        self._size = tokenizer.vocab_size
        self._bits = allocate_token_bitmask(1, self._size)
        self._bytes = self._bits[0].view(np.uint8)
        self._change = np.empty((len(self._bytes), 8), np.float32)
        self.finished = matcher.is_stopped()
        self.not_enforced = _not_enforced(matcher.get_grammar_warnings())

    def allows(self, token: int) -> bool:
        """Whether `token` may come next."""
        if self.finished:
            return token in self._ends
        allowed = self._matcher.validate_tokens([token]) == 1
        self._check()
        return allowed

    def mask(self, logits: Logits) -> None:
        """Set all refused tokens to -inf, those beyond the tokenizer's vocabulary too."""
        fill_next_token_bitmask(self._matcher, self._bits)
        self._check()
        np.take(_REFUSAL, self._bytes, axis=0, out=self._change)
        logits[: self._size] += self._change.reshape(-1)[: self._size]
        logits[self._size :] = -np.inf

    def accept(self, token: int) -> None:
        """Go on behind `token`. Raises `EngineFailure` if it is refused."""
        if not self.allows(token):
            raise EngineFailure(f"Token {token} was chosen against the constraint of the answer.")
        if token in self._ends:
            self.finished = True
            return
        self._matcher.consume_token(token)
        self._check()
        self.finished = self._matcher.is_stopped()

    def close(self) -> None:
        """Nothing to free."""

    def _check(self) -> None:
        if self._matcher.is_error():
            raise _refusal("The constraint of the answer", self._matcher.get_error())


def _grammar(constraint: Constraint) -> tuple[str, str]:
    """What to call a constraint, and its grammar in llguidance's form."""
    match constraint:
        case JsonObject():
            return "JSON", _from_schema(JSON_OBJECT)
        case JsonSchema(schema):
            return "The JSON schema", _from_schema(prepare(schema))
        case RegularExpression(pattern):
            name = "The regular expression"
            check_length(pattern, MAX_PATTERN, name)
            check_repetition(pattern, name)
            return name, LLMatcher.grammar_from_regex(pattern)
        case LarkGrammar(grammar):
            name = "The Lark grammar"
            check_length(grammar, MAX_GRAMMAR, name)
            check_repetition(grammar, name)
            return name, LLMatcher.grammar_from_lark(grammar)
        case GbnfGrammar():
            raise BadRequest(
                "GBNF grammars work with the llama.cpp engine only. "
                "Write a Lark grammar or a JSON schema instead."
            )


def _from_schema(schema: str) -> str:
    try:
        return LLMatcher.grammar_from_json_schema(
            schema,
            overrides={
                "whitespace_flexible": True,
                "whitespace_pattern": _WHITESPACE,
                "json_allow_general_unicode_escapes": True,  # as models trained on them write
                "coerce_one_of": True,  # as anyOf where the branches overlap
                "lenient": True,  # warns of keywords that cannot be enforced
            },
        )
    except ValueError as error:
        raise _refusal("The JSON schema", str(error)) from None


def _refusal(name: str, error: str) -> BadRequest:
    error = error.split("\n<")[0].strip()  # what follows describes the parser, not the fault
    if error.startswith("NoExtension"):
        return BadRequest(f"{name} allows no text at all.", error)
    remedy = next((text for word, text in _REMEDIES if word in error), "")
    reason = error.rsplit("error: ", 1)[-1].splitlines()[0] if error else "unknown"
    return BadRequest(f"{name} cannot be used: {reason.strip()}. {remedy}".strip(), error)


def _not_enforced(warnings: list[str]) -> tuple[str, ...]:
    """Names of the features that llguidance warns about."""
    names: list[str] = []
    for warning in warnings:
        if warning.startswith("Unimplemented keys"):
            names += re.findall(r'"([^"]+)"', warning)
        elif warning.startswith("Unknown format"):
            names.append("format" + warning.removeprefix("Unknown format"))
        elif warning.startswith("oneOf"):
            names.append("oneOf")
        else:
            names.append(warning)
    return tuple(dict.fromkeys(names))
