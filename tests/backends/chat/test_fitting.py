"""Conversations are fitted to what a template can take, found out by trying it."""

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.chat.families import ChatFormat
from backends.chat.messages import fit
from backends.chat.template import CHATML, ChatTemplate
from backends.chat.tool_text import (
    complete_description,
    describe_tools,
    has_text_form,
    write_call,
)
from backends.chat.traits import TemplateTraits, probe
from backends.chat.turns import Call, Turn, to_description, to_turn
from backends.errors import BadRequest
from backends.types import ChatMessage, Tool, ToolCall
from tests.timing import PATIENCE

PLAIN_FORMAT = ChatFormat()
GEMMA = (
    "{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}"
    "{% endif %}{% for m in messages %}"
    "{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate') }}{% endif %}"
    "<{{ m.role }}>{{ m.content | trim }}{% endfor %}<model>"
)
FIRST_SYSTEM_ONLY = (
    "{% for m in messages %}{% if m.role != 'system' or loop.first %}<{{ m.role }}>{{ m.content }}"
    "{% endif %}{% endfor %}"
)
CALLS = (
    "{% if tools %}{{ tools | tojson }}{% endif %}"
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}"
    "{% for c in m.tool_calls %}[{{ c.id }} {{ c.function.name }} ARGUMENTS]{% endfor %}"
    "{% if m.role == 'tool' %}({{ m.tool_call_id }}){% endif %}{% endfor %}"
)
BASE = TemplateTraits(
    system=False, later_system=False, neighbours=False, assistant_first=False, terse_tools=False
)
STRICT = ChatTemplate(GEMMA)
ROLES = st.sampled_from(["system", "user", "assistant"])
CONVERSATIONS = st.lists(
    st.builds(Turn, ROLES, st.text(alphabet="abc", max_size=3)), min_size=1, max_size=7
)
ANY_TRAITS = st.builds(
    TemplateTraits,
    system=st.booleans(),
    later_system=st.booleans(),
    neighbours=st.booleans(),
    assistant_first=st.booleans(),
    calls=st.sampled_from(["object", "text", "none"]),
    parallel=st.booleans(),
    short_ids=st.booleans(),
    text_and_call=st.booleans(),
)
CALL_IDS = st.sampled_from(["", "a", "b", "c"])
TOOL_TURNS = st.one_of(
    st.builds(
        Turn,
        st.just("assistant"),
        st.text(alphabet="abc", max_size=3),
        calls=st.lists(
            st.builds(Call, CALL_IDS, st.just("f"), st.just({"k": "v"})), max_size=3
        ).map(tuple),
    ),
    st.builds(Turn, st.just("tool"), st.text(alphabet="xyz", max_size=3), call_id=CALL_IDS),
    st.builds(Turn, ROLES, st.text(alphabet="abc", max_size=3)),
)


def calling(arguments: str = "c.function.arguments | tojson") -> ChatTemplate:
    return ChatTemplate(CALLS.replace("ARGUMENTS", "{{ " + arguments + " }}"))


def fitted(turns: list[Turn], traits: TemplateTraits) -> list[dict[str, Any]]:
    return fit(turns, traits, PLAIN_FORMAT)


# What a template can take


def test_the_traits_of_templates_are_found() -> None:
    assert probe(ChatTemplate(CHATML)) == TemplateTraits(terse_tools=False)
    assert probe(ChatTemplate(GEMMA)) == BASE
    first_only = TemplateTraits(later_system=False, terse_tools=False)
    assert probe(ChatTemplate(FIRST_SYSTEM_ONLY)) == first_only
    assert probe(calling()) == TemplateTraits(tools=True, calls="object")


def test_a_template_that_wants_arguments_as_text_is_known() -> None:
    refuses = "c.function.arguments if c.function.arguments is string else raise_exception('no')"
    assert probe(calling(refuses)).calls == "text"
    assert probe(calling("'lost'")).calls == "none"


def test_a_template_that_renders_one_call_is_known() -> None:
    template = CALLS.replace("m.tool_calls", "(m.tool_calls or [])[:1]").replace(
        "ARGUMENTS", "{{ c.function.arguments | tojson }}"
    )
    assert probe(ChatTemplate(template)) == TemplateTraits(
        tools=True, calls="object", parallel=False
    )


def test_a_template_that_wants_short_ids_is_known() -> None:
    short = "c.function.arguments | tojson if c.id | length == 9 else raise_exception('no')"
    assert probe(calling(short)).short_ids


def test_a_template_that_wants_parts_is_known() -> None:
    parts = "{% for m in messages %}{% for p in m.content %}{{ p.text }}{% endfor %}{% endfor %}"
    assert probe(ChatTemplate(parts)).parts_only
    assert fitted([Turn("user", "hi")], TemplateTraits(parts_only=True)) == [
        {"role": "user", "content": [{"type": "text", "text": "hi"}]}
    ]


def test_values_that_come_out_as_python_are_known() -> None:
    xml = "{% for k, v in c.function.arguments.items() %}<{{ k }}>{{ v }}{% endfor %}"
    template = ChatTemplate(CALLS.replace("ARGUMENTS", xml))
    assert probe(template).json_values == {"null", "boolean", "nested"}
    assert probe(calling()).json_values == frozenset()


def test_a_hostile_template_does_not_stop_the_probe() -> None:
    began = time.monotonic()
    endless = "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"
    assert probe(ChatTemplate(endless)) == TemplateTraits(question=False)
    assert time.monotonic() - began < PATIENCE  # left alone it goes on for hours


# Roles


@settings(max_examples=50, deadline=None)
@given(CONVERSATIONS)
def test_a_strict_template_takes_any_conversation_whole(turns: list[Turn]) -> None:
    rendered = STRICT.render(fitted(turns, BASE))
    at = 0
    for turn in turns:
        at = rendered.index(turn.content, at) + len(turn.content)


def test_the_system_prompt_goes_into_the_first_user_turn() -> None:
    turns = [Turn("system", "Be brief."), Turn("user", "Hello")]
    assert fitted(turns, TemplateTraits(system=False)) == [
        {"role": "user", "content": "Be brief.\n\nHello"}
    ]


def test_a_system_prompt_alone_is_a_question() -> None:
    assert fitted([Turn("system", "a"), Turn("system", "b")], TemplateTraits()) == [
        {"role": "user", "content": "a\n\nb"}
    ]


def test_empty_turns_are_left_out() -> None:
    turns = [
        Turn("system", ""),
        Turn("user", ""),
        Turn("assistant", ""),
        Turn("assistant", "", "thought"),
    ]
    assert fitted(turns, TemplateTraits()) == [
        {"role": "user", "content": ""},
        {
            "role": "assistant",
            "content": "",
            "reasoning_content": "thought",
            "reasoning": "thought",
            "thinking": "thought",
        },
    ]


def test_reasoning_may_be_a_part_of_the_content() -> None:
    traits = TemplateTraits(thinking_parts=True)
    turns = [Turn("user", "hi"), Turn("assistant", "yes", "thought")]
    assert fitted(turns, traits)[1] == {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "thought"},
            {"type": "text", "text": "yes"},
        ],
    }


# Calls and results


def pair(*ids: str) -> list[Turn]:
    calls = tuple(Call(call_id, f"f{n}", {"n": n}) for n, call_id in enumerate(ids))
    results = [Turn("tool", f"r{n}", call_id=call_id) for n, call_id in enumerate(ids)]
    return [Turn("user", "q"), Turn("assistant", "", calls=calls), *results]


TAKES_CALLS = TemplateTraits(tools=True, calls="object")


@given(st.lists(TOOL_TURNS, min_size=1, max_size=6), ANY_TRAITS)
def test_no_text_call_or_result_is_lost(turns: list[Turn], traits: TemplateTraits) -> None:
    """Whatever belongs together or not, and whatever the template can take."""
    written = json.dumps(fitted(turns, traits))
    calls = sum(len(turn.calls) for turn in turns)
    assert written.count('"name": "f"') + written.count('\\"name\\": \\"f\\"') >= calls
    for turn in turns:
        assert turn.content in written
    roles = [message["role"] for message in fitted(turns, traits)]
    assert "user" in roles


@given(st.lists(TOOL_TURNS, max_size=6), ANY_TRAITS)
def test_every_result_follows_its_call(turns: list[Turn], traits: TemplateTraits) -> None:
    waiting: list[str] = []
    for message in fitted([Turn("user", "q"), *turns], traits):
        if message["role"] == "tool":
            waiting.remove(message["tool_call_id"])
            assert message["name"]
        else:
            waiting = [call["id"] for call in message.get("tool_calls", [])]
            assert traits.parallel or len(waiting) < 2 or not traits.neighbours


def test_calls_without_ids_get_some_in_order() -> None:
    _, called, first, second = fitted(pair("", ""), TAKES_CALLS)
    ids = [call["id"] for call in called["tool_calls"]]
    assert len(set(ids)) == 2
    assert [first["tool_call_id"], second["tool_call_id"]] == ids
    assert [first["name"], second["name"]] == ["f0", "f1"]


def test_two_calls_become_two_turns_where_one_is_lost() -> None:
    turns = pair("a", "b")
    swapped = [*turns[:2], turns[3], turns[2]]
    traits = TemplateTraits(calls="object", parallel=False)
    assert [
        (m["role"], m["content"] or m["tool_calls"][0]["id"]) for m in fitted(swapped, traits)
    ] == [("user", "q"), ("assistant", "a"), ("tool", "r0"), ("assistant", "b"), ("tool", "r1")]


def test_ids_are_shortened_always_alike() -> None:
    traits = TemplateTraits(calls="object", short_ids=True)
    _, called, answered = fitted(pair("call_123456789012345678901234"), traits)
    short = called["tool_calls"][0]["id"]
    assert len(short) == 9
    assert short.isalnum()
    assert answered["tool_call_id"] == short
    assert fitted(pair("abcDEF123"), traits)[1]["tool_calls"][0]["id"] == "abcDEF123"


def test_calls_are_written_out_where_they_are_not_rendered() -> None:
    lfm = fit(pair("a"), TemplateTraits(), ChatFormat("lfm-2", "lfm2"))
    assert [(m["role"], m["content"]) for m in lfm] == [
        ("user", "q"),
        ("assistant", "<|tool_call_start|>[f0(n=0)]<|tool_call_end|>"),
        ("user", "<tool_response>\nr0\n</tool_response>"),
    ]


def test_a_result_that_answers_nothing_is_a_text_of_the_user() -> None:
    turns = [Turn("tool", "r", call_id="x"), Turn("user", "q")]
    assert fitted(turns, TAKES_CALLS)[0] == {
        "role": "user",
        "content": "<tool_response>\nr\n</tool_response>",
    }


def test_text_beside_a_call_gets_a_turn_of_its_own_where_the_call_is_lost() -> None:
    traits = TemplateTraits(calls="object", text_and_call=False)
    turns = [Turn("user", "q"), Turn("assistant", "text", "thought", (Call("a", "f", {}),))]
    _, said, called = fitted(turns, traits)
    assert (said["content"], said["thinking"], "tool_calls" in said) == ("text", "thought", False)
    assert (called["content"], called["tool_calls"][0]["id"]) == ("", "a")


def test_text_beside_a_call_joins_the_reasoning_where_both_are_refused() -> None:
    traits = TemplateTraits(calls="object", thought_text_and_call=False)
    turns = [Turn("user", "q"), Turn("assistant", "text", "thought", (Call("a", "f", {}),))]
    called = fitted(turns, traits)[1]
    assert (called["content"], called["thinking"]) == ("", "thought\n\ntext")


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("json", '<tool_call>\n{"name": "f", "arguments": {"a": "é"}}\n</tool_call>'),
        ("lfm2", '<|tool_call_start|>[f(a="é")]<|tool_call_end|>'),
        ("granite3", '<|tool_call|>[{"name": "f", "arguments": {"a": "é"}}]'),
        (
            "deepseek_v31",
            '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{"a": "é"}'
            "<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
        ),
        (
            "deepseek_v3",
            "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n"
            '{"a": "é"}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
        ),
    ],
)
def test_a_call_is_written_as_its_family_does(style: Any, expected: str) -> None:
    assert has_text_form(style)
    assert write_call(Call("", "f", {"a": "é"}), style) == expected


# Tools and arguments


def test_tools_are_described_with_an_example() -> None:
    described = describe_tools([to_description(Tool("f", "does it"), str)], "json")
    assert '"name": "f", "description": "does it"' in described
    assert '<tool_call>\n{"name": "FUNCTION"' in described


def test_a_terse_description_is_completed() -> None:
    schema = '{"type": "object", "properties": {"a": {"enum": [1]}, "b": true}}'
    completed = complete_description(to_description(Tool("f", "", schema), str))
    assert completed["function"]["parameters"]["properties"] == {
        "a": {"type": "any", "description": "", "enum": [1]},
        "b": True,
    }


@pytest.mark.parametrize("arguments", ["{", "[]", "1", "nothing", "[" * 100_000])
def test_arguments_that_are_no_object_are_refused(arguments: str) -> None:
    message = ChatMessage("assistant", "", tool_calls=(ToolCall("a", "f", arguments),))
    with pytest.raises(BadRequest, match="f"):
        to_turn(message, str)
    with pytest.raises(BadRequest, match="f"):
        to_description(Tool("f", "", arguments), str)


def test_no_arguments_are_an_empty_object() -> None:
    message = ChatMessage("assistant", "", tool_calls=(ToolCall("a", "f", ""),))
    assert to_turn(message, str).calls[0].arguments == {}


def test_every_text_of_a_message_is_marked() -> None:
    message = ChatMessage(
        "assistant",
        "c",
        "r",
        (ToolCall("i", "n", '{"k": ["v", {"d": 1}]}'),),
        tool_call_id="t",
        name="m",
    )
    assert to_turn(message, str.upper) == Turn(
        "assistant", "C", "R", (Call("I", "N", {"K": ["V", {"D": 1}]}),), "T", "M"
    )
    marked = to_description(Tool("n", "d", '{"k": {"e": ["v"]}}'), str.upper)
    assert marked["function"] == {
        "name": "N",
        "description": "D",
        "parameters": {"K": {"E": ["V"]}},
    }
