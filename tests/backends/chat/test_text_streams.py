"""UTF-8, stop strings and reasoning: the same text comes out however the input is cut."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backends.chat.answer import AnswerParser
from backends.chat.families import ChatFormat
from backends.chat.reasoning import ReasoningMarkers
from backends.chat.stops import StopFilter, held_length
from backends.chat.utf8 import Utf8Stream
from backends.types import Delta
from tests.backends.chat.answers import read

THINK = ReasoningMarkers("<think>", "</think>")
CUTS = st.lists(st.integers(1, 5), max_size=60)
# Few letters and pieces of markers, so that near misses are common.
NEAR_MISSES = st.lists(
    st.sampled_from(["a", "b", "ab", "\n", " ", "<", "<think>", "</think>", "</thi", "é", "🦙"]),
    max_size=25,
).map("".join)


def cut(whole: bytes, lengths: list[int]) -> list[bytes]:
    parts, at = [], 0
    for length in lengths:
        parts.append(whole[at : at + length])
        at += length
    return [part for part in [*parts, whole[at:]] if part]


def cut_text(whole: str, lengths: list[int]) -> list[str]:
    parts, at = [], 0
    for length in lengths:
        parts.append(whole[at : at + length])
        at += length
    return [part for part in [*parts, whole[at:]] if part]


# UTF-8


@given(st.text(), CUTS)
def test_characters_come_out_whole(text: str, cuts: list[int]) -> None:
    stream = Utf8Stream()
    out = [stream.push(part) for part in cut(text.encode(), cuts)]
    assert "".join(out) == text
    assert "\ufffd" in text or not any("\ufffd" in part for part in out)


@given(st.binary(), CUTS)
def test_any_bytes_decode_the_same_however_cut(data: bytes, cuts: list[int]) -> None:
    in_one, in_parts = Utf8Stream(), Utf8Stream()
    assert "".join(map(in_parts.push, cut(data, cuts))) == in_one.push(data)


def test_half_a_character_at_the_end_is_dropped() -> None:
    assert Utf8Stream().push("né".encode()[:-1]) == "n"


# Stop strings


STOPS = st.lists(st.sampled_from(["ab", "b<", "\n\n", "🦙a", "a", "</think>"]), max_size=3)


@given(NEAR_MISSES, STOPS, CUTS)
def test_text_ends_before_the_first_stop_string(
    text: str, stops: list[str], cuts: list[int]
) -> None:
    found = [(at + len(stop), at, stop) for stop in stops if (at := text.find(stop)) >= 0]
    expected = text[: min(found)[1]] if found else text
    stream = StopFilter(stops)
    out = ""
    for part in cut_text(text, cuts):
        out += stream.push(part)
        assert expected.startswith(out)  # nothing more, not even for a moment
    assert out + stream.finish() == expected
    assert stream.found == (min(found)[2] if found else "")


def test_nothing_is_held_longer_than_needed() -> None:
    stream = StopFilter(["STOP"])
    assert stream.push("abcST") == "abc"
    assert stream.push("x") == "STx"


def test_held_length_is_the_longest_proper_beginning() -> None:
    assert held_length("xxab", ["abc", "b!"]) == 2
    assert held_length("abc", ["abc"]) == 0
    assert held_length("", ["abc"]) == 0


# Reasoning


def split(text: str, cuts: list[int], *, inside: bool) -> tuple[str, str]:
    parser = AnswerParser(ChatFormat(reasoning=THINK), inside_reasoning=inside)
    answer = read(parser, cut(text.encode(), cuts))
    kinds = [kind for kind, _ in answer.parts if kind != "note"]
    assert kinds == sorted(kinds)  # reasoning first, then text
    assert len(kinds) <= 2
    return answer.reasoning, answer.text


@example("<think>\n", [2, 5], False)
@given(NEAR_MISSES, CUTS, st.booleans())
def test_any_cut_gives_the_same_split(text: str, cuts: list[int], inside: bool) -> None:
    assert split(text, cuts, inside=inside) == split(text, [], inside=inside)


@pytest.mark.parametrize(
    ("text", "inside", "reasoning", "answer"),
    [
        ("plain answer", False, "", "plain answer"),
        ("  indented", False, "", "  indented"),
        ("<think>\nhm\n</think>\n\nyes", False, "hm", "yes"),
        ("\n<think>hm</think>yes", False, "hm", "yes"),
        ("hm\n</think>\n\nyes", True, "hm", "yes"),
        ("<think>\nhm</think>yes", True, "hm", "yes"),
        ("never closed", True, "never closed", ""),
        ("</think>yes", False, "", "yes"),
        ("<think></think>yes", False, "", "yes"),
        ("use <think> to think", False, "", "use <think> to think"),
        ("<think>a</think>b<think>c</think>", False, "a", "b<think>c</think>"),
        ("<think>\n", False, "", ""),
        ("<thin", False, "", "<thin"),
        ("", True, "", ""),
    ],
)
def test_reasoning_is_told_apart(text: str, inside: bool, reasoning: str, answer: str) -> None:
    assert split(text, [], inside=inside) == (reasoning, answer)


def test_reasoning_is_shown_while_it_comes() -> None:
    parser = AnswerParser(ChatFormat(reasoning=THINK))
    assert parser.push(b"<think>one ") == [Delta("one ", "reasoning", 1)]
    assert parser.push(b"two</") == [Delta("two", "reasoning", 1)]
    assert parser.push(b"b>") == [Delta("</b>", "reasoning", 1)]


# All together


@given(NEAR_MISSES, CUTS)
def test_an_answer_counts_its_tokens_once(text: str, cuts: list[int]) -> None:
    parts = cut(text.encode(), cuts)
    answer = read(AnswerParser(ChatFormat(reasoning=THINK)), parts)
    assert answer.tokens <= len(parts)


def test_stop_strings_do_not_apply_to_reasoning() -> None:
    parser = AnswerParser(ChatFormat(reasoning=THINK), stops=("END",), inside_reasoning=True)
    answer = read(parser, [b"not END yet</think>now END here"])
    assert answer.parts == [("reasoning", "not END yet"), ("text", "now ")]
    assert parser.stopped
    assert parser.finish_reason == "stop_string"
