"""A real model answers under every kind of constraint."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from backends.llamacpp.constraints import ConstraintFactory
from backends.llamacpp.sampling import SamplerChain
from backends.types import (
    Constraint,
    GbnfGrammar,
    JsonObject,
    JsonSchema,
    LarkGrammar,
    RegularExpression,
    SamplingParams,
)
from tests.backends.llamacpp.small import Desk

pytestmark = pytest.mark.engine

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 20},
        "age": {"type": "integer", "minimum": 0, "maximum": 120},
        "colour": {"enum": ["red", "green", "blue"]},
    },
    "required": ["name", "age", "colour"],
}
LIST = 'root ::= item item item\nitem ::= "- " [a-z]{2,12} "\\n"\n'


@pytest.fixture(scope="module")
def desk(smollm2: Path) -> Iterator[Desk]:
    desk = Desk(smollm2)
    yield desk
    desk.close()


@pytest.fixture(scope="module")
def factory(desk: Desk, smollm2: Path) -> ConstraintFactory:
    return ConstraintFactory(desk.vocabulary, str(smollm2))


Ask = Callable[..., str]


@pytest.fixture
def ask(desk: Desk, factory: ConstraintFactory) -> Ask:
    """Asks a question and answers with a complete answer."""

    def ask(question: str, constraint: Constraint, **sampling: Any) -> str:
        params = SamplingParams(**{"temperature": 0.8, "seed": 1, **sampling})
        chain = SamplerChain(params, desk.vocabulary, seed=1, context_length=1024)
        state = factory.make(constraint)
        try:
            text, ended = desk.answer(desk.ask(question), chain, state, limit=150)
        finally:
            chain.close()
            state.close()
        assert ended, text
        return text

    return ask


@pytest.mark.parametrize("temperature", [0, 1.5])
def test_json_by_a_schema(ask: Ask, temperature: float) -> None:
    question = "Invent a person. Answer in JSON."
    person = json.loads(ask(question, JsonSchema(json.dumps(PERSON)), temperature=temperature))
    assert list(person) == ["name", "age", "colour"]
    assert 0 < len(person["name"]) <= 20
    assert 0 <= person["age"] <= 120
    assert person["colour"] in {"red", "green", "blue"}


def test_some_json_object(ask: Ask) -> None:
    question = 'Write the shortest JSON object with one key "n" and value 1.'
    assert json.loads(ask(question, JsonObject(), temperature=0)) == {"n": 1}


def test_a_regular_expression(ask: Ask) -> None:
    pattern = r"\+49 [0-9]{3}-[0-9]{4}"
    answer = ask("What is your telephone number?", RegularExpression(pattern))
    assert re.fullmatch(pattern, answer)


def test_a_lark_grammar(ask: Ask) -> None:
    grammar = LarkGrammar('start: "Answer: " CITY "."\nCITY: "Paris" | "Rome" | "Berlin"')
    assert ask("The capital of France?", grammar, temperature=0) == "Answer: Paris."


def test_a_gbnf_grammar(ask: Ask) -> None:
    answer = ask("List three animals.", GbnfGrammar(LIST))
    assert re.fullmatch(r"(- [a-z]{2,12}\n){3}", answer)


def test_sampling_settings_hold_under_a_constraint(ask: Ask, desk: Desk) -> None:
    constraint = RegularExpression("(yes|no)")
    free = ask("Is the sky blue? Answer yes or no.", constraint, temperature=0)
    other = "no" if free == "yes" else "yes"
    forbidden = {
        token
        for token in range(desk.vocabulary.size)
        if (piece := desk.vocabulary.piece(token)) and free.encode().startswith(piece)
    }
    bias = tuple((token, -100.0) for token in forbidden)
    assert ask("Is the sky blue?", constraint, temperature=0, logit_bias=bias) == other
