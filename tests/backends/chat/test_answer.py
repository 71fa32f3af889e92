"""What comes out of an answer besides well-formed calls: mends, limits, budgets, endings."""

import itertools
import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.chat.answer import OUT_OF_BUDGET, AnswerParser
from backends.chat.families import THINK, ChatFormat, ToolCallStyle
from backends.chat.reader import needles
from backends.chat.tool_calls.calls import random_id, short_id
from backends.chat.tool_calls.lenient_json import mend
from backends.chat.tool_calls.styles import spoken, syntax_of
from backends.types import Delta, Tool, ToolCallDelta, ToolCallEnd, ToolCallStart
from tests.backends.chat.answers import Answer, Call, collect, read
from tests.backends.chat.call_samples import STYLES, TOOLS, format_of
from tests.timing import slowness

HERMES = ChatFormat(tool_style="hermes")
THINKING = ChatFormat(tool_style="hermes", reasoning=THINK)


def answer_of(style: ToolCallStyle, whole: str, *, reasons: bool = False) -> Answer:
    ids = itertools.count()
    parser = AnswerParser(
        format_of(style, reasons=reasons), tools=TOOLS, new_id=lambda: f"id{next(ids)}"
    )
    return read(parser, [whole.encode()])


def call(arguments: str, *, complete: bool = True, repaired: bool = False) -> Call:
    return Call("f", arguments, "id0", ended=True, complete=complete, repaired=repaired)


# Arguments


def test_arguments_are_streamed_while_they_come() -> None:
    parser = AnswerParser(HERMES, tools=TOOLS, new_id=lambda: "id0")
    assert parser.push(b'<tool_call>{"name": "f", ') == []
    assert parser.push(b'"arguments": {"city": "Os') == [
        ToolCallStart(0, "id0", "f"),
        *(ToolCallDelta(0, piece) for piece in ("{", '"city": ', '"', "Os")),
    ]
    assert parser.push(b'lo"') == [ToolCallDelta(0, "lo"), ToolCallDelta(0, '"')]
    assert parser.push(b"}") == [ToolCallDelta(0, "}")]
    assert parser.push(b"}") == [ToolCallEnd(0)]


def test_a_string_between_tags_is_streamed_while_it_comes() -> None:
    parser = AnswerParser(ChatFormat(tool_style="functions_xml"), tools=TOOLS)
    parser.push(b"<tool_call>\n<function=f>\n<parameter=city>\n")
    assert parser.push(b'Os"lo\n') == [ToolCallDelta(0, 'Os\\"lo')]
    assert parser.push(b"x") == [ToolCallDelta(0, "\\nx")]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ('{"a": 1,}', '{"a": 1}'),
        ("{'a': 'it\"s'}", '{"a": "it\\"s"}'),
        ('{"a": True, "b": None}', '{"a": true, "b": null}'),
        ('{"a": "one\ntwo\tthree"}', '{"a": "one\\ntwo\\tthree"}'),
        ('{"a": [1, {"b": 2}', '{"a": [1, {"b": 2}]}'),
        ('{"a": [1, 2}', '{"a": [1, 2]}'),
        ('{a: "x"}', '{"a": "x"}'),
        ('{"a": "C:\\dir"}', '{"a": "C:\\\\dir"}'),
        ('{"a": "\\ud83d!"}', '{"a": "\\ufffd!"}'),
        ("{\"a\": 'it\\'s'}", '{"a": "it\'s"}'),
    ],
)
def test_slips_are_mended_and_flagged(written: str, meant: str) -> None:
    answer = answer_of("hermes", f'<tool_call>{{"name": "f", "arguments": {written}}}</tool_call>')
    assert answer.calls == [call(meant, repaired=True)]
    assert answer.parts == [("call", "0")]


@pytest.mark.parametrize(
    "written",
    [
        '{"name": "f", "parameters": {"a": 1}}',
        '{"name": "f", "args": {"a": 1}}',
        '{"tool_name": "f", "input": {"a": 1}}',
        '{"type": "function", "function": {"name": "f", "arguments": {"a": 1}}}',
        '{"function": "f", "arguments": {"a": 1}, "why": [{}, "x"]}',
        '{"arguments": {"a": 1}, "name": "f"}',
        '{"arguments": {"a": 1}, "why": {"b": 2}, "name": "f"}',
        '{"name": "f", "arguments": "{\\"a\\": 1}"}',
        '{"arguments": "{\\"a\\": 1}", "name": "f"}',
        '{"name": "f", "arguments": {"a": 1}',
    ],
)
def test_forms_of_other_families_are_understood(written: str) -> None:
    assert answer_of("hermes", f"<tool_call>{written}</tool_call>").calls == [call('{"a": 1}')]


@pytest.mark.parametrize(
    ("style", "written"),
    [
        ("mistral_args", '[TOOL_CALLS]f{"a": 1}'),
        ("mistral_args", '[TOOL_CALLS] [{"name": "f", "arguments": {"a": 1}}]'),
        ("functions_xml", '<tool_call>\n{"name": "f", "arguments": {"a": 1}}\n</tool_call>'),
        ("functions_xml", "<function=f>\n<parameter=a>\n1\n</parameter>\n</function>"),
        ("arg_key", "<tool_call>f<arg_key>a</arg_key><arg_value>1</arg_value></tool_call>"),
        ("deepseek_v3", '<｜tool▁call▁begin｜>f<｜tool▁sep｜>{"a": 1}<｜tool▁call▁end｜>'),
        ("lfm2", '<|tool_call_start|>[{"name": "f", "arguments": {"a": 1}}]<|tool_call_end|>'),
        ("lfm2", "<|tool_call_start|>f(a=1)<|tool_call_end|>"),
        ("llama3", '<|python_tag|>{"name": "f", "parameters": {"a": 1}}'),
        ("llama3", "<|python_tag|>f.call(a=1)"),
        ("llama4", "<|python_start|>[f(a=1)]<|python_end|>"),
        ("json", '{"name": "f", "parameters": {"a": 1}}'),
        ("json", '\n```json\n{"function": {"name": "f", "arguments": {"a": 1}}}\n```'),
        ("harmony", '<|channel|>commentary to=f <|constrain|>json<|message|>{"a": 1}<|call|>'),
        ("gemma_function", '<start_function_call>call:f{"a": 1}<end_function_call>'),
        ("phi4_mini", '<|tool_call|>[{"name": "f", "arguments": {"a": 1}}]'),
    ],
)
def test_neighbouring_forms_are_understood_too(style: ToolCallStyle, written: str) -> None:
    (made,) = answer_of(style, written).calls
    assert (made.name, made.arguments, made.complete) == ("f", '{"a": 1}', True)


def test_an_answer_may_say_that_nothing_is_called() -> None:
    written = 'Action:\n```json\n[{"tool_name": "directly-answer", "parameters": {"a": 1}}]\n```'
    assert answer_of("command_r", written).parts == []


def test_functionary_speaks_to_all_even_without_tools() -> None:
    parser = AnswerParser(ChatFormat(tool_style="functionary32"))
    assert read(parser, [b"all\nHello"]).text == "Hello"


def test_nesting_has_an_end() -> None:
    for depth, notes in ((60, []), (5000, ["malformed_tool_call"])):
        value = "[" * depth + "]" * depth
        written = f'<tool_call>{{"name": "f", "arguments": {{"a": {value}}}}}</tool_call>'
        assert answer_of("hermes", written).notes == notes
    endless = "<tool_call>" + '{"function":' * 5000
    assert answer_of("hermes", endless).notes == ["malformed_tool_call"]


def test_no_arguments_are_an_empty_object() -> None:
    for written in (
        '{"name": "f"}',
        '{"name": "f", "arguments": null}',
        '{"arguments": null, "name": "f"}',
        '{"name": "f", "arguments": ""}',
    ):
        assert answer_of("hermes", f"<tool_call>{written}</tool_call>").calls == [call("{}")]


def test_an_unknown_name_is_still_a_call_where_a_marker_says_so() -> None:
    answer = answer_of("hermes", '<tool_call>{"name": "no_such", "arguments": {}}</tool_call>')
    assert [made.name for made in answer.calls] == ["no_such"]


def test_what_is_not_declared_as_a_string_is_json_if_it_can_be() -> None:
    answer = answer_of(
        "arg_key",
        "<tool_call>f\n<arg_key>city</arg_key>\n<arg_value>12</arg_value>\n"
        "<arg_key>days</arg_key>\n<arg_value>12</arg_value>\n"
        "<arg_key>tags</arg_key>\n<arg_value>['a', True]</arg_value>\n"
        "<arg_key>options</arg_key>\n<arg_value>none at all</arg_value>\n</tool_call>",
    )
    (made,) = answer.calls
    assert json.loads(made.arguments) == {
        "city": "12",
        "days": 12,
        "tags": ["a", True],
        "options": "none at all",
    }
    assert made.repaired


@given(st.text(alphabet="{}[]\"'\\:,.-+0123456789eEtrufalsnTFN \n", max_size=40))
def test_what_is_mended_is_json(text: str) -> None:
    meant = mend(text)
    if meant is not None:
        json.loads(meant[0])


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=9))
def test_json_needs_no_mending(value: object) -> None:
    for ascii_only in (True, False):
        meant = mend(json.dumps(value, ensure_ascii=ascii_only))
        assert meant is not None
        assert not meant[1]
        assert json.loads(meant[0]) == value


# What is no call


@pytest.mark.parametrize(
    "written",
    [
        "<tool_call>{broken</tool_call>",
        '<tool_call>{"arguments": {}}</tool_call>',
        '<tool_call>[{"name": "f"}, 3]</tool_call>',
        '<tool_call>{"na',
    ],
)
def test_a_malformed_call_is_text_and_noted(written: str) -> None:
    answer = answer_of("hermes", f"Look: {written}")
    assert answer.notes == ["malformed_tool_call"]
    assert answer.text.startswith("Look:")
    if not answer.calls:
        assert answer.text == f"Look: {written}"


def test_a_call_that_breaks_after_its_start_is_not_complete() -> None:
    broken = '<tool_call>{"name": "f", "arguments": {"a" 1}}</tool_call>'
    answer = answer_of("hermes", broken)
    assert answer.calls == [call("{", complete=False)]
    assert answer.text == broken
    assert answer.notes == ["malformed_tool_call"]


def test_a_call_that_is_cut_short_is_not_complete() -> None:
    parser = AnswerParser(HERMES, tools=TOOLS, new_id=lambda: "id0")
    answer = read(parser, [b'<tool_call>{"name": "f", "arguments": {"a": "b'])
    assert answer.calls == [call('{"a": "b', complete=False)]
    assert answer.text == ""
    assert parser.finish_reason == "stop"


def test_arguments_that_are_all_there_are_complete_without_the_marker() -> None:
    for written in ('{"name": "f", "arguments": {}', '{"name": "f", "arguments": {}}'):
        assert answer_of("hermes", f"<tool_call>{written}").calls == [call("{}")]


@pytest.mark.parametrize(
    ("style", "text"),
    [
        ("hermes", "Write <tool_call> around it."),
        ("llama3", '{"name": "Ada", "age": 36}'),
        ("llama3", '{"name": "f", "age": 36}'),
        ("llama3", '{"city": "Oslo"}'),
        ("llama3", "{not json"),
        ("json", '```json\n{"name": "no_such", "arguments": {}}\n```'),
        ("json", "```python\nprint(1)\n```"),
        ("llama4", "[1, 2, 3]"),
        ("llama4", "[no_such(a=1)]"),
        ("llama4", "[f(x) for x in y]"),
        ("phi_functools", "import functools\nfunctools.partial(f)"),
        ("command_r", "Action: none"),
        ("mistral_args", "[TOOL_"),
        ("gemma4", "<|tool_call>nothing"),
        ("deepseek_v31", "<｜tool▁calls▁begin｜>?"),
    ],
)
def test_ordinary_text_stays_text(style: ToolCallStyle, text: str) -> None:
    answer = answer_of(style, text)
    assert answer.parts == [("text", text)]


def test_without_tools_nothing_is_a_call() -> None:
    whole = '<tool_call>{"name": "f", "arguments": {}}</tool_call>'
    assert read(AnswerParser(HERMES), [whole.encode()]).text == whole


def test_texts_around_the_answer_are_left_out() -> None:
    format = ChatFormat(ignored=("<|START_RESPONSE|>", "<|END_RESPONSE|>"))
    whole = b"<|START_RESPONSE|>Hello<|END_RESPONSE|>"
    assert read(AnswerParser(format), [whole]).text == "Hello"


# Where an answer ends


def test_one_call_is_enough_where_calls_are_not_parallel() -> None:
    one = b'<tool_call>{"name": "f", "arguments": {"a": {}}}</tool_call>'
    for pieces in ([one + one], [one[at : at + 1] for at in range(len(one))] * 2):
        parser = AnswerParser(HERMES, tools=TOOLS, parallel=False)
        answer = read(parser, pieces)
        assert len(answer.calls) == 1
        assert parser.stopped
        assert parser.finish_reason == "tool_calls"


@pytest.mark.parametrize(
    ("style", "whole"),
    [
        ("mistral_json", '[TOOL_CALLS][{"name": "f", "arguments": {}}]'),
        (
            "kimi_k2",
            "<|tool_calls_section_begin|><|tool_call_begin|>functions.f:0"
            "<|tool_call_argument_begin|>{}<|tool_call_end|><|tool_calls_section_end|>",
        ),
        ("lfm2", "<|tool_call_start|>[f()]<|tool_call_end|>"),
    ],
)
def test_the_last_marker_of_the_calls_ends_the_answer(style: ToolCallStyle, whole: str) -> None:
    parser = AnswerParser(ChatFormat(tool_style=style), tools=TOOLS)
    for byte in whole.encode():
        parser.push(bytes([byte]))
    assert parser.stopped
    assert parser.push(b"and more") == []
    assert parser.finish() == []


def test_a_stop_string_is_text_inside_a_call() -> None:
    parser = AnswerParser(HERMES, tools=TOOLS, stops=("STOP",))
    answer = read(
        parser, [b'a <tool_call>{"name": "f", "arguments": {"b": "STOP"}}</tool_call> b STOP c']
    )
    assert answer.parts == [("text", "a"), ("call", "0"), ("text", "b ")]
    assert parser.finish_reason == "stop_string"


def test_a_half_stop_string_comes_before_the_call() -> None:
    parser = AnswerParser(HERMES, tools=TOOLS, stops=("STOP",))
    answer = read(parser, [b"ST", b'<tool_call>{"name": "f", "arguments": {}}</tool_call>'])
    assert answer.parts == [("text", "ST"), ("call", "0")]


# Reasoning


def test_a_complete_call_inside_the_reasoning_counts() -> None:
    one = '<tool_call>{"name": "f", "arguments": {}}</tool_call>'
    parser = AnswerParser(THINKING, tools=TOOLS, inside_reasoning=True)
    answer = read(parser, [f"Let me\n{one}\nand</think>yes".encode()])
    assert answer.parts == [
        ("reasoning", "Let me"),
        ("call", "0"),
        ("reasoning", "\nand"),
        ("text", "yes"),
    ]


def test_a_call_inside_the_reasoning_is_not_broken_by_the_budget() -> None:
    parser = AnswerParser(THINKING, tools=TOOLS, inside_reasoning=True, budget=1)
    parser.push(b'<tool_call>{"name": "f", ')
    assert parser.take_forced() == ""
    parser.push(b'"arguments": {}}</tool_call>')
    assert parser.take_forced() == OUT_OF_BUDGET + "\n</think>\n\n"


@pytest.mark.parametrize(
    "thought",
    [
        "I could use <tool_call> here",
        '<tool_call>{"name": "f", "arguments": {"a": 1',
        '<tool_call>{"name": "f", "arguments": ?',
        '<tool_call>[{"name": "f", "arguments": {}}, ?',
    ],
)
def test_anything_else_inside_the_reasoning_is_reasoning(thought: str) -> None:
    parser = AnswerParser(THINKING, tools=TOOLS, inside_reasoning=True)
    answer = read(parser, [thought.encode()])
    assert answer.parts == [("reasoning", thought), ("note", "unclosed_reasoning")]


def test_the_channels_of_harmony_are_told_apart() -> None:
    whole = (
        "<|channel|>analysis<|message|>hm<|end|><|start|>assistant"
        "<|channel|>commentary<|message|>I look it up.<|end|><|start|>assistant"
        "<|channel|>final<|message|>Done"
    )
    for tools in ((), TOOLS):
        parser = AnswerParser(ChatFormat(tool_style="harmony"), tools=tools)
        assert parser.in_reasoning
        answer = read(parser, [whole.encode()])
        assert answer.parts == [("reasoning", "hm"), ("text", "I look it up.\n\nDone")]
        assert not parser.in_reasoning


@pytest.mark.parametrize("whole", ["Plain", "<|message|>Plain", "<|channel|>final<|message|>Plain"])
def test_an_answer_without_a_whole_header_is_text(whole: str) -> None:
    answer = read(AnswerParser(ChatFormat(tool_style="harmony")), [whole.encode()])
    assert answer.parts == [("text", "Plain")]


def test_tokens_of_the_reasoning_are_counted_between_its_markers() -> None:
    parser = AnswerParser(THINKING)
    for piece in (b"<think>", b"\n", b"one", b" two", b"</think>", b"\n\n", b"yes"):
        parser.push(piece)
    assert parser.reasoning_tokens == 3


def test_reasoning_over_its_budget_is_closed_at_a_whole_character() -> None:
    parser = AnswerParser(THINKING, inside_reasoning=True, budget=3)
    first, second = "é".encode()[:1], "é".encode()[1:]
    for piece in (b"a", b"b", first):
        assert parser.take_forced() == ""
        parser.push(piece)
    assert parser.take_forced() == ""
    parser.push(second)
    forced = parser.take_forced()
    assert forced == OUT_OF_BUDGET + "\n</think>\n\n"
    assert parser.take_forced() == ""
    answer = collect(parser.push(forced.encode()) + parser.push(b"yes") + parser.finish())
    assert (answer.reasoning, answer.text) == (OUT_OF_BUDGET, "yes")
    assert not parser.in_reasoning


def test_no_budget_closes_the_reasoning_at_once() -> None:
    parser = AnswerParser(THINKING, inside_reasoning=True, budget=0)
    assert parser.take_forced() == "\n</think>\n\n"
    harmony = AnswerParser(ChatFormat(tool_style="harmony"), budget=0)
    forced = harmony.take_forced()
    answer = collect(harmony.push(forced.encode()) + harmony.push(b"yes") + harmony.finish())
    assert answer.parts == [("text", "yes")]


def test_harmony_closes_its_channel_when_the_budget_is_spent() -> None:
    parser = AnswerParser(ChatFormat(tool_style="harmony"), budget=2)
    for piece in (b"<|channel|>", b"analysis"):
        parser.push(piece)
        assert parser.take_forced() == ""  # never in the middle of a header
    parser.push(b"<|message|>")
    forced = parser.take_forced()
    assert "<|channel|>final<|message|>" in forced
    answer = collect(parser.push(forced.encode()) + parser.push(b"yes"))
    assert answer.text == "yes"


# How much is held


@pytest.mark.parametrize("style", STYLES)
def test_never_more_text_is_held_than_a_marker_is_long(style: ToolCallStyle) -> None:
    longest = max((len(text) for text in syntax_of(style).spoken), default=3)
    parser = AnswerParser(format_of(style, reasons=False), tools=TOOLS)
    text = "So: 1 < 2, <tool_ <| <｜tool [TOOL_CALL [T functool Actio <function <minimax: >> fin "
    shown = 0
    for number, character in enumerate(text, start=1):
        for event in parser.push(character.encode()):
            assert isinstance(event, Delta)
            shown += len(event.text)
        assert number - shown <= longest + 1  # and one blank


def test_other_text_than_the_start_of_a_marker_is_never_held() -> None:
    parser = AnswerParser(THINKING, tools=TOOLS, stops=("STOP",))
    assert parser.push(b"Hello") == [Delta("Hello", "text", 1)]
    assert parser.push(b" there <b") == [Delta(" there <b", "text", 1)]


@pytest.mark.parametrize(
    "start", ['{"name": "', '{"', '{"type": "', '{"id": "', '```json\n{"id": "']
)
def test_a_long_text_in_json_is_not_held_for_a_name(start: str) -> None:
    parser = AnswerParser(ChatFormat(tool_style="json"), tools=TOOLS)
    shown, held = "", 0
    whole = start + "word " * 100
    for number, character in enumerate(whole, start=1):
        shown += collect(parser.push(character.encode())).text
        held = max(held, number - len(shown))
    assert held < 300
    assert shown == whole.rstrip()


# Whatever comes


_PIECES = st.sampled_from(
    [
        *(
            "{",
            "}",
            "[",
            "]",
            '"',
            "'",
            ":",
            ",",
            "\\",
            "\\u",
            "1",
            "true",
            " ",
            "\n",
            "f",
            "é",
            "(",
        ),
        *("name", '"name": "f"', '"arguments": ', "city=", ")", "=", "<think>", "</think>", "to="),
    ]
)


@settings(max_examples=150)
@given(st.data(), st.sampled_from(STYLES), st.booleans())
def test_no_text_is_too_strange(data: st.DataObject, style: ToolCallStyle, inside: bool) -> None:
    marks = syntax_of(style).spoken or ("{",)
    texts = data.draw(st.lists(_PIECES | st.sampled_from(marks), max_size=30))
    whole = "".join(texts).encode()
    format = format_of(style, reasons=True)
    expected, answer = (
        read(
            AnswerParser(format, tools=TOOLS, inside_reasoning=inside, new_id=lambda: "id"), pieces
        )
        for pieces in ([whole], [whole[at : at + 1] for at in range(len(whole))])
    )
    assert answer == expected or answer.tokens != expected.tokens
    assert (answer.parts, answer.calls) == (expected.parts, expected.calls)
    for made in answer.calls:
        assert made.ended
        assert not made.complete or isinstance(json.loads(made.arguments), dict)


@given(st.lists(st.binary(max_size=6), max_size=30), st.sampled_from(STYLES))
def test_no_bytes_are_too_strange(pieces: list[bytes], style: ToolCallStyle) -> None:
    parser = AnswerParser(format_of(style, reasons=True), tools=TOOLS, budget=2)
    for piece in pieces:
        parser.push(piece)
        parser.take_forced()
    parser.finish()


# Details


@pytest.mark.parametrize("style", STYLES)
def test_no_marker_of_a_style_hides_in_another(style: ToolCallStyle) -> None:
    for one, other in itertools.permutations(set(syntax_of(style).opens), 2):
        assert one not in other or other.endswith(one)
    needles(*syntax_of(style).opens)


def test_a_style_tells_which_markers_it_must_see() -> None:
    assert {"<tool_call>", "</tool_call>"} <= set(spoken("hermes"))
    assert {"[TOOL_CALLS]", "[ARGS]", "[CALL_ID]"} == set(spoken("mistral_args"))
    assert "<|message|>" in spoken("harmony")
    assert "functools" not in spoken("phi_functools")


def test_ids_are_of_the_form_that_templates_take() -> None:
    assert random_id().startswith("call_")
    assert len(random_id()) == 29
    assert random_id() != random_id()
    assert len(short_id()) == 9
    assert short_id().isalnum()


def test_plain_text_costs_little() -> None:
    pieces = [b" word", b" other", b",", b" <b", b"\n\n"] * 2000
    tool = Tool("f")
    best = float("inf")
    for _ in range(5):
        parser = AnswerParser(THINKING, tools=(tool,), stops=("STOP",))
        start = time.process_time()
        for piece in pieces:
            parser.push(piece)
        best = min(best, time.process_time() - start)
    assert best / len(pieces) < 30e-6 * slowness()  # about 4 µs where it was measured
