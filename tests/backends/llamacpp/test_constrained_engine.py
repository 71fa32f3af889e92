"""Constraints and log-probabilities through the engine's own interface."""

import json
import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.errors import BadRequest
from backends.llamacpp.engine import LlamaCppBackend
from backends.types import (
    ChatMessage,
    Constraint,
    Delta,
    Finish,
    GbnfGrammar,
    GenerationEvent,
    GenerationRequest,
    JsonSchema,
    LoadConfig,
    Note,
    RegularExpression,
    SamplingParams,
)

pytestmark = pytest.mark.engine

DIGITS = RegularExpression("[0-9]{5}")


@pytest.fixture(scope="module")
def engine(smollm2: Path) -> Iterator[LlamaCppBackend]:
    engine = LlamaCppBackend()
    engine.load(str(smollm2), LoadConfig(context_length=1024, slots=2), lambda fraction: True)
    list(engine.generate(request(DIGITS)))  # starts its thread, which outlives single tests
    yield engine
    engine.unload()


def request(
    constraint: Constraint | None, sampling: SamplingParams | None = None, name: str = "a"
) -> GenerationRequest:
    return GenerationRequest(
        id=name,
        messages=(ChatMessage("user", "Tell me a number."),),
        sampling=sampling or SamplingParams(seed=1, max_tokens=60),
        constraint=constraint,
    )


def text_of(events: list[GenerationEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, Delta))


def test_a_complete_answer_ends_at_once(engine: LlamaCppBackend) -> None:
    events = list(engine.generate(request(DIGITS)))
    assert len(text_of(events)) == 5
    assert text_of(events).isdigit()
    assert isinstance(events[-1], Finish)
    assert events[-1].reason == "stop"


def test_a_grammar_of_gbnf_is_followed(engine: LlamaCppBackend) -> None:
    events = list(engine.generate(request(GbnfGrammar('root ::= "=" [0-9]{3} "."'))))
    text = text_of(events)
    assert (text[0], text[4:], text[1:4].isdigit()) == ("=", ".", True)


def test_what_is_not_enforced_is_noted(engine: LlamaCppBackend) -> None:
    schema = {"type": "array", "items": {"enum": [1, 2]}, "maxItems": 2, "uniqueItems": True}
    events = list(engine.generate(request(JsonSchema(json.dumps(schema)))))
    (note,) = (event for event in events if isinstance(event, Note))
    assert note.code == "schema_not_enforced"
    assert "uniqueItems" in note.text
    assert isinstance(json.loads(text_of(events)), list)


@pytest.mark.parametrize(
    "constraint", [GbnfGrammar("root ::= nowhere"), JsonSchema("{"), RegularExpression("(")]
)
def test_an_invalid_constraint_fails_its_request_alone(
    constraint: Constraint, engine: LlamaCppBackend
) -> None:
    with pytest.raises(BadRequest):
        list(engine.generate(request(constraint)))
    assert text_of(list(engine.generate(request(DIGITS)))).isdigit()


def test_an_answer_that_cannot_go_on_does_not_disturb_another(engine: LlamaCppBackend) -> None:
    forbidden = SamplingParams(logit_bias=tuple((token, -100.0) for token in range(1000)))
    never = request(RegularExpression("[0-9]"), forbidden, "never")
    other = engine.generate(request(DIGITS, name="other"))
    failing = engine.generate(never)
    told = [next(other)]
    with pytest.raises(BadRequest, match="sampling settings forbid"):
        list(failing)
    told += other
    assert len(text_of(told)) == 5


def test_log_probabilities_are_the_models_own(engine: LlamaCppBackend) -> None:
    sampling = SamplingParams(temperature=0, repeat_penalty=1, max_tokens=8, logprobs=3)
    events = list(engine.generate(request(None, sampling)))
    told = [each for event in events if isinstance(event, Delta) for each in event.logprobs]
    assert "".join(each.text for each in told) == text_of(events)
    for each in told:
        assert len(each.alternatives) == 3
        assert each.alternatives[0][0] == each.token
        assert each.logprob == each.alternatives[0][2] <= 0
        assert sum(math.exp(logprob) for _, _, logprob in each.alternatives) <= 1
    constrained = list(engine.generate(request(DIGITS, sampling)))
    first = next(e.logprobs[0] for e in constrained if isinstance(e, Delta) and e.logprobs)
    assert first.alternatives == told[0].alternatives
    assert first.token != told[0].token
