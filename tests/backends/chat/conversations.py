"""The kinds of conversation that every chat template has to take.

Every text in them is a word that occurs nowhere else, so that a lost one is noticed.
"""

import json
from dataclasses import dataclass

from backends.chat.reasoning_switch import MODEL_DEFAULT
from backends.types import ChatMessage, ReasoningOptions, Tool, ToolCall, ToolChoice

SYSTEM = ChatMessage("system", "Wsystem")
USER, AGAIN = ChatMessage("user", "Wuser"), ChatMessage("user", "Wagain")
ANSWER, MORE = ChatMessage("assistant", "Wanswer"), ChatMessage("assistant", "Wmore")
PARAMETERS = json.dumps(
    {
        "type": "object",
        "properties": {
            "Wplace": {"type": "string", "description": "Wmeaning"},
            "Wdays": {"type": "integer"},
        },
        "required": ["Wplace"],
    }
)
TOOL = Tool("Wtool", "Wdescription", PARAMETERS)
OTHER = Tool("Wother", "Welse")


def call(number: int, name: str = "Wtool", arguments: str = "", id: str | None = None) -> ToolCall:
    arguments = arguments or json.dumps({"Wplace": f"Wargument{number}"})
    return ToolCall(f"call_{number}abcdefgh" if id is None else id, name, arguments)


def calls(*made: ToolCall, content: str = "", reasoning: str = "") -> ChatMessage:
    return ChatMessage("assistant", content, reasoning, tool_calls=made)


def result(number: int, content: str = "", id: str | None = None) -> ChatMessage:
    call_id = f"call_{number}abcdefgh" if id is None else id
    return ChatMessage("tool", content or f"Wresult{number}", tool_call_id=call_id)


@dataclass(frozen=True)
class Kind:
    """A conversation and what is asked with it."""

    messages: tuple[ChatMessage, ...]
    tools: tuple[Tool, ...] = ()
    reasoning: ReasoningOptions = MODEL_DEFAULT
    continue_last: bool = False
    tool_choice: ToolChoice = "auto"
    beside_call: str = ""
    """Text of the model beside a call, which some templates drop as their models were trained."""


T = (TOOL,)
KINDS = {
    "one question": Kind((USER,)),
    "system": Kind((SYSTEM, USER)),
    "a chat": Kind((SYSTEM, USER, ANSWER, AGAIN)),
    "system alone": Kind((SYSTEM,)),
    "system in the middle": Kind((USER, ANSWER, ChatMessage("system", "Wmiddle"), AGAIN)),
    "two systems": Kind((SYSTEM, ChatMessage("system", "Wsecond"), USER)),
    "two questions in a row": Kind((USER, AGAIN)),
    "two answers in a row": Kind((USER, ANSWER, MORE, AGAIN)),
    "answer first": Kind((ANSWER, USER)),
    "system, then answer": Kind((SYSTEM, ANSWER, USER)),
    "an empty answer": Kind((USER, ChatMessage("assistant", ""), AGAIN)),
    "old reasoning": Kind((USER, ChatMessage("assistant", "Wanswer", "Rthought"), AGAIN)),
    "reasoning on": Kind((SYSTEM, USER), reasoning=ReasoningOptions("on")),
    "reasoning off": Kind((SYSTEM, USER), reasoning=ReasoningOptions("off")),
    "low effort": Kind((USER,), reasoning=ReasoningOptions(effort="low")),
    "medium effort": Kind((USER,), T, reasoning=ReasoningOptions("on", effort="medium")),
    "high effort, budget": Kind((USER,), reasoning=ReasoningOptions(effort="high", budget=64)),
    "continued answer": Kind((SYSTEM, USER, ANSWER), continue_last=True),
    "continued reasoning": Kind(
        (USER, ChatMessage("assistant", "", "Wthought")), continue_last=True
    ),
    "tools": Kind((USER,), (TOOL, OTHER)),
    "tools and system": Kind((SYSTEM, USER), T),
    "tools, answer first": Kind((SYSTEM, ANSWER, USER), T),
    "a call": Kind((USER, calls(call(1)), result(1)), T),
    "a call in a chat": Kind((SYSTEM, USER, calls(call(1)), result(1), ANSWER, AGAIN), T),
    "a call with text": Kind(
        (USER, calls(call(1), content="Wbeside"), result(1)), T, beside_call="Wbeside"
    ),
    "a call with reasoning": Kind((USER, calls(call(1), reasoning="Rthought"), result(1)), T),
    "a call with both": Kind(
        (USER, calls(call(1), content="Wbeside", reasoning="Rthought"), result(1)),
        T,
        beside_call="Wbeside",
    ),
    "two calls at once": Kind(
        (USER, calls(call(1), call(2)), result(2), result(1), ANSWER, AGAIN), T
    ),
    "two calls one after the other": Kind(
        (USER, calls(call(1)), result(1), calls(call(2)), result(2)), T
    ),
    "a call without arguments": Kind(
        (USER, calls(call(1, "Wother", "{}")), result(1)), (TOOL, OTHER)
    ),
    "many kinds of arguments": Kind(
        (
            USER,
            calls(
                call(
                    1,
                    arguments='{"Wtext": "Wletters é \\"quoted\\" \\n Wlines", "Wnone": null, '
                    '"Wtrue": true, "Wdays": 31415, "Wlist": ["Witem", {"Wdeep": "Wleaf"}]}',
                )
            ),
            result(1, '{"Wjson": ["Wvalue"]}'),
        ),
        T,
    ),
    "calls without ids": Kind(
        (
            USER,
            calls(call(1, id=""), call(2, id="")),
            result(1, id=""),
            result(2, id=""),
        ),
        T,
    ),
    "a call of tools no longer given": Kind((USER, calls(call(1)), result(1), ANSWER, AGAIN)),
    "a result without its call": Kind((result(1), ANSWER, USER), T),
    "a call without its result": Kind((USER, calls(call(1)), AGAIN), T),
    "a question after a result": Kind((USER, calls(call(1)), result(1), AGAIN), T),
    "an empty result": Kind((USER, calls(call(1)), ChatMessage("tool", "", "", (), "")), T),
    "tool choice none": Kind((USER,), T, tool_choice="none"),
}
