"""Tool calls of every style: what they mean, and that it makes no difference how they are cut."""

import itertools
import json
import random

import pytest

from backends.chat.answer import AnswerParser
from backends.chat.families import ChatFormat, ToolCallStyle
from backends.types import Tool
from tests.backends.chat.answers import Answer, every_cut, random_cut, read
from tests.backends.chat.call_samples import STYLES, TOOLS, Sample, make

QUICK = 6
ALL = 200


def parser_for(
    format: ChatFormat,
    *,
    inside: bool = False,
    tools: tuple[Tool, ...] = TOOLS,
    parallel: bool = True,
    stops: tuple[str, ...] = (),
) -> AnswerParser:
    ids = itertools.count()
    return AnswerParser(
        format,
        tools=tools,
        stops=stops,
        inside_reasoning=inside,
        parallel=parallel,
        new_id=lambda: f"id{next(ids)}",
    )


def answer_of(style: ToolCallStyle, whole: str, *, parallel: bool = True) -> Answer:
    format = ChatFormat(style, style)
    return read(parser_for(format, parallel=parallel), [whole.encode()])


def check(sample: Sample, cuts: int) -> None:
    """Its meaning, and the same for every cut in two, single bytes, and some random cuts."""
    whole = sample.whole.encode()
    expected = read(parser_for(sample.format, inside=sample.inside), [whole])
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
        answer = read(parser_for(sample.format, inside=sample.inside), pieces)
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
