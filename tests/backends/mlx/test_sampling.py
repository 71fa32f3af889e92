"""How tokens are chosen, what is refused, and what a constraint does."""

import math
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from backends.errors import BadRequest
from backends.mlx.engine import MlxBackend
from backends.types import (
    ChatMessage,
    Delta,
    RegularExpression,
    SamplingParams,
)
from tests.backends.contract import finish_of, request, text_of
from tests.backends.mlx.asking import GREEDY, answer, load


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("Mirostat", {"mirostat": 2}),
        ("Typical", {"typical_p": 0.5}),
        ("DRY", {"dry_multiplier": 0.8}),
        ("Top-n-sigma", {"top_n_sigma": 1.0}),
        ("Dynamic temperature", {"dynamic_temperature": 0.5}),
        ("no token 9999", {"logit_bias": ((9999, 1.0),)}),
        ("out of range", {"top_p": 2.0}),
    ],
)
def test_what_mlx_cannot_do_is_refused_by_name(
    engine: MlxBackend, tiny: Path, name: str, changes: dict[str, Any]
) -> None:
    load(engine, tiny)
    with pytest.raises(BadRequest, match=name):
        answer(engine, SamplingParams(**changes))
    assert answer(engine)


@pytest.mark.parametrize(
    "changes",
    [
        {"top_k": 1},
        {"top_p": 0.0},
        {"min_p": 1.0},
        {"top_p": 1.0, "top_k": 0, "min_p": 1.0, "temperature": 5.0},
    ],
)
def test_filters_that_leave_one_token_are_greedy(
    engine: MlxBackend, tiny: Path, changes: dict[str, Any]
) -> None:
    load(engine, tiny)
    sampling = SamplingParams(temperature=1.0, repeat_penalty=1.0, max_tokens=24)
    assert answer(engine, structs.replace(sampling, **changes)) == answer(engine)


def test_a_bias_forces_and_forbids_tokens(engine: MlxBackend, tiny: Path) -> None:
    load(engine, tiny)
    assert engine._loaded is not None
    (quick,) = engine._loaded.vocabulary.tokenize(" quick", special=False)
    forced = SamplingParams(temperature=0, max_tokens=3, logit_bias=((quick, 100.0),))
    assert answer(engine, forced) == " quick" * 3
    banned = SamplingParams(temperature=5, seed=1, max_tokens=80, logit_bias=((quick, -100.0),))
    assert " quick" not in answer(engine, banned)


@pytest.mark.parametrize(
    "changes", [{"repeat_penalty": 3.0}, {"presence_penalty": 2.0}, {"frequency_penalty": 2.0}]
)
def test_penalties_drive_repetition_out(
    engine: MlxBackend, tiny: Path, changes: dict[str, Any]
) -> None:
    load(engine, tiny)
    assert engine._loaded is not None
    (quick,) = engine._loaded.vocabulary.tokenize(" quick", special=False)
    biased = structs.replace(GREEDY, max_tokens=12, logit_bias=((quick, 6.0),))
    repeating = answer(engine, biased).count(" quick")
    penalized = structs.replace(biased, **changes)
    unseen = structs.replace(penalized, repeat_window=0)
    assert answer(engine, penalized).count(" quick") < repeating
    assert answer(engine, unseen).count(" quick") == repeating


def test_logprobs_are_those_of_the_model(engine: MlxBackend, tiny: Path) -> None:
    load(engine, tiny)
    sampling = SamplingParams(temperature=0, repeat_penalty=1, max_tokens=6, logprobs=3)
    events = list(engine.generate(request(sampling=sampling)))
    told = [each for e in events if isinstance(e, Delta) for each in e.logprobs]
    assert len(told) == 6
    for each in told:
        assert each.logprob < 0
        assert len(each.alternatives) == 3
        assert each.alternatives[0][:1] == (each.token,)  # greedy takes the likeliest
        assert math.isclose(each.alternatives[0][2], each.logprob)
        assert each.alternatives[0][2] >= each.alternatives[1][2] >= each.alternatives[2][2]
    exact = SamplingParams(temperature=0, repeat_penalty=1, max_tokens=1, logprobs=20)
    (first,) = [
        each
        for e in engine.generate(request(sampling=exact))
        if isinstance(e, Delta)
        for each in e.logprobs
    ]
    assert sum(math.exp(logprob) for *_, logprob in first.alternatives) < 1


@pytest.mark.parametrize("settings", [{}, {"prompt_lookup": True}])
def test_a_constraint_decides_what_can_be_said(
    engine: MlxBackend, tiny: Path, settings: dict[str, Any]
) -> None:
    load(engine, tiny, **settings)
    asked = structs.replace(request(), constraint=RegularExpression("[0-9]{3}"))
    events = list(engine.generate(asked))
    assert len(text_of(events)) == 3
    assert text_of(events).isdigit()
    assert finish_of(events).reason == "stop"


def test_pictures_are_refused(engine: MlxBackend, tiny: Path) -> None:
    load(engine, tiny)
    with pytest.raises(BadRequest, match="pictures"):
        list(engine.generate(request(ChatMessage("user", "What is it?", images=(b"PNG",)))))


def test_more_answers_than_slots_are_refused(engine: MlxBackend, tiny: Path) -> None:
    load(engine, tiny, slots=1)
    first = engine.generate(request(id="first"))
    next(first)
    with pytest.raises(BadRequest, match="slots"):
        engine.generate(request(id="second"))
    assert engine.stats().running == 1
    assert finish_of(first).usage.completion_tokens
