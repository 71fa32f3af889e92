"""Tool calls of every style: what they mean, and that it makes no difference how they are cut."""

import itertools
import json
import random

import pytest

from backends.chat.answer import AnswerParser
from backends.chat.families import ToolCallStyle
from tests.backends.chat.answers import every_cut, random_cut, read
from tests.backends.chat.call_samples import STYLES, TOOLS, Sample, make

QUICK = 6
ALL = 200


def parser_for(sample: Sample) -> AnswerParser:
    ids = itertools.count()
    return AnswerParser(
        sample.format,
        tools=TOOLS,
        inside_reasoning=sample.inside,
        new_id=lambda: f"id{next(ids)}",
    )


def check(sample: Sample, cuts: int) -> None:
    """Its meaning, and the same for every cut in two, single bytes, and some random cuts."""
    whole = sample.whole.encode()
    expected = read(parser_for(sample), [whole])
    for call in expected.calls:
        assert call.ended
        assert call.name
        if call.complete:
            assert isinstance(json.loads(call.arguments), dict), call
    if sample.clean:
        found = [(call.name, json.loads(call.arguments)) for call in expected.calls]
        assert found == sample.calls
        assert not any(call.repaired for call in expected.calls)
        assert expected.text == sample.text
        assert expected.reasoning == sample.reasoning
        assert expected.notes == []
    rng = random.Random(sample.whole)
    for pieces in itertools.chain(every_cut(whole), (random_cut(whole, rng) for _ in range(cuts))):
        answer = read(parser_for(sample), pieces)
        assert answer.parts == expected.parts, pieces
        assert answer.calls == expected.calls, pieces


@pytest.mark.parametrize("style", STYLES)
def test_calls_are_understood_however_they_are_cut(style: ToolCallStyle) -> None:
    for seed in range(QUICK):
        check(make(style, seed), cuts=3)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("style", STYLES)
def test_two_hundred_calls_are_understood_however_they_are_cut(style: ToolCallStyle) -> None:
    for seed in range(ALL):
        check(make(style, seed), cuts=10)
