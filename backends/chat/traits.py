"""What a chat template can take, found out by rendering tiny conversations.

Templates raise on, silently drop, or print as Python what their model was not trained on. Each
template is tried once with conversations of unique words; a word that does not come out names
what the template cannot take.
"""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from backends.chat.template import ChatTemplate, Message
from backends.errors import TemplateError

_PROBE_SECONDS = 0.5
_ALL_PROBES_SECONDS = 5.0
_LONG_ID, _SHORT_ID = "call_Qx7Kd2Wm9Rt4Yp6Lz8Nv3Bc", "Qx7Kd2Wm9"


ValueKind = Literal["null", "boolean", "nested"]


def value_kind(value: object) -> ValueKind | None:
    """The kind of an argument that some templates do not write as JSON."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    return "nested" if isinstance(value, list | dict) else None


@dataclass(frozen=True)
class TemplateTraits:
    """What a chat template renders without an error and without losing text."""

    question: bool = True
    """A single question; without it nothing else is known."""
    system: bool = True
    """A system turn at the start."""
    later_system: bool = True
    """A system turn after other turns."""
    neighbours: bool = True
    """Two turns of the same role in a row."""
    assistant_first: bool = True
    parts_only: bool = False
    """Content has to be a list of parts; a text is refused."""
    thinking_parts: bool = False
    """Reasoning is a part of the content instead of a field of its own."""
    tools: bool = False
    """Descriptions of tools."""
    terse_tools: bool = True
    """Parameters of tools without a type or a description."""
    calls: Literal["object", "text", "none"] = "none"
    """Past calls, with arguments as an object or as JSON text, and their results."""
    parallel: bool = True
    """Several calls in one turn."""
    short_ids: bool = False
    """Ids of calls must be nine letters and digits."""
    json_values: frozenset[ValueKind] = frozenset()
    """Kinds of arguments that are given as JSON text, or they come out as Python or not at all."""
    text_and_call: bool = True
    """A text and a call in one turn, though the text may be left out."""
    thought_text_and_call: bool = True
    """The same with reasoning."""


def probe(template: ChatTemplate) -> TemplateTraits:
    """Find out by rendering, in a few seconds at most; what takes longer counts as refused."""
    probing = _Probe(template)
    if not probing.takes(_turns("user")):
        if not probing.takes(_in_parts(_turns("user"))):
            return TemplateTraits(question=False)
        probing.in_parts = True
    traits = TemplateTraits(
        system=probing.takes(_turns("system", "user")),
        later_system=probing.takes(_turns("user", "assistant", "system", "user")),
        neighbours=probing.takes(_turns("user", "user", "assistant", "assistant", "user")),
        assistant_first=probing.takes(_turns("assistant", "user")),
        parts_only=probing.in_parts,
        thinking_parts=probing.prefers_thinking_parts(),
        tools=probing.takes(_turns("user"), [_TOOL], _TOOL_WORDS),
        terse_tools=probing.takes(_turns("user"), [_TERSE_TOOL], ["Qf0name"]),
    )
    return probing.with_calls(traits)


class _Probe:
    """Asks a template one question after the other."""

    def __init__(self, template: ChatTemplate) -> None:
        self._template = template
        self._deadline = time.monotonic() + _ALL_PROBES_SECONDS
        self.in_parts = False

    def takes(
        self,
        messages: Sequence[Message],
        tools: Sequence[Message] = (),
        words: Sequence[str] | None = None,
        never: Sequence[str] = (),
    ) -> bool:
        """Whether all `words`, else all contents, come out, and none of `never`."""
        rendered = self._render(messages, tools)
        if rendered is None:
            return False
        expected = list(_contents(messages)) if words is None else words
        lost = any(word not in rendered for word in expected)
        # A part may come out as Python prints it: its words are there, but so is its key.
        return not lost and not any(text in rendered for text in ("'text'", *never))

    def _render(self, messages: Sequence[Message], tools: Sequence[Message]) -> str | None:
        messages = _in_parts(messages) if self.in_parts else messages
        seconds = min(_PROBE_SECONDS, max(self._deadline - time.monotonic(), 0))
        try:
            return self._template.render(messages, tools=tools, seconds=seconds)
        except TemplateError:
            return None

    def prefers_thinking_parts(self) -> bool:
        """Whether reasoning comes out as a part of the content, and only so."""
        before, after = _turns("user"), [{"role": "user", "content": "Qx9zuser"}]
        part = {"type": "thinking", "thinking": "Qx1zthought"}
        text = {"type": "text", "text": "Qx1zanswer"}
        in_part = [*before, {"role": "assistant", "content": [part, text]}, *after]
        in_field = [
            *before,
            {"role": "assistant", "content": "Qx1zanswer", "reasoning_content": "Qx1zthought"},
            *after,
        ]
        words = ["Qx1zthought", "Qx1zanswer"]
        printed = ("'thinking'", '"thinking"')
        return self.takes(in_part, (), words, printed) and not self.takes(in_field, (), words)

    def with_calls(self, traits: TemplateTraits) -> TemplateTraits:
        """`traits` with those that have to do with calls of tools."""
        thought = {"reasoning_content": "Qx1zthought", "thinking": "Qx1zthought"}
        for calling in _WAYS_TO_CALL:
            if self._takes_calls(calling, 1):
                return replace(
                    traits,
                    calls=calling.form,
                    short_ids=calling.short_ids,
                    parallel=self._takes_calls(calling, 2),
                    json_values=frozenset(self._json_values(calling)),
                    text_and_call=self._takes_beside(calling, {}),
                    thought_text_and_call=self._takes_beside(calling, thought),
                )
        return traits

    def _takes_calls(self, calling: "_Calling", number: int) -> bool:
        turns = [*_turns("user"), *calling.turns(*(_arguments(n) for n in range(number)))]
        words = [
            word
            for n in range(number)
            for word in (f"Qf{n}name", f"Qf{n}key", f"Qf{n}value", f"Qf{n}result")
        ]
        # Quotes around the key that were escaped are a sign of JSON encoded twice.
        return self.takes(turns, [_TOOL], words, ['\\"Qf0key'])

    def _takes_beside(self, calling: "_Calling", thought: Message) -> bool:
        call, *results = calling.turns(_arguments(0))
        call |= {"content": "Qx1zanswer"} | thought
        words = ["Qf0name", "Qf0key", "Qf0value"]
        return self.takes([*_turns("user"), call, *results], [_TOOL], words)

    def _json_values(self, calling: "_Calling") -> Iterator[ValueKind]:
        """The kinds of values that come out as Python or not at all, and right as JSON text.

        Only where texts are written without quotes: there a number and its text look the same.
        """
        plain = self._rendered(calling, {"Qnumber": 31415})
        if calling.form == "text" or plain != self._rendered(calling, {"Qnumber": "31415"}):
            return
        samples: dict[ValueKind, object] = {
            "null": None,
            "boolean": True,
            "nested": ["Qitem", {"Qdeep": "Qleaf"}],
        }
        python = [word for word in ("None", "True", "'Qitem'", "'Qdeep'") if word not in plain]

        def good(value: object, words: Sequence[str]) -> bool:
            rendered = self._rendered(calling, {"Qkey": value})
            return all(w in rendered for w in words) and not any(w in rendered for w in python)

        for kind, value in samples.items():
            words = ["Qkey", *(["Qitem", "Qdeep", "Qleaf"] if kind == "nested" else [])]
            if not good(value, words) and good(json.dumps(value), words):
                yield kind

    def _rendered(self, calling: "_Calling", arguments: Message) -> str:
        turns = [*_turns("user"), *calling.turns(arguments)]
        return self._render(turns, [_TOOL]) or ""


@dataclass(frozen=True)
class _Calling:
    """One way to write calls."""

    form: Literal["object", "text"]
    short_ids: bool

    def turns(self, *arguments: Message) -> list[Message]:
        """A turn with so many calls, and their results."""
        stem = _SHORT_ID if self.short_ids else _LONG_ID
        calls, results = [], []
        for n, given in enumerate(arguments):
            name, call_id = f"Qf{n}name", stem[:-1] + str(n)
            content: object = given if self.form == "object" else json.dumps(given)
            function = {"name": name, "arguments": content}
            calls.append({"id": call_id, "type": "function", "function": function})
            result = {"role": "tool", "tool_call_id": call_id, "name": name}
            results.append(result | {"content": f"Qf{n}result"})
        return [{"role": "assistant", "content": "", "tool_calls": calls}, *results]


_WAYS_TO_CALL = (
    _Calling("object", False),
    _Calling("object", True),
    _Calling("text", False),
    _Calling("text", True),
)


def _arguments(number: int) -> Message:
    return {f"Qf{number}key": f"Qf{number}value"}


def _turns(*roles: str) -> list[Message]:
    return [{"role": role, "content": f"Qx{number}z{role}"} for number, role in enumerate(roles)]


def _in_parts(messages: Sequence[Message]) -> list[Message]:
    return [
        {**message, "content": [{"type": "text", "text": message["content"]}]}
        if isinstance(message["content"], str)
        else message
        for message in messages
    ]


def _contents(messages: Sequence[Message]) -> Iterator[str]:
    for message in messages:
        content = message["content"]
        yield content if isinstance(content, str) else content[0]["text"]


def _tool(properties: Message) -> Message:
    function = {"name": "Qf0name", "description": "Qtdescription"}
    parameters = {"type": "object", "properties": properties}
    return {"type": "function", "function": function | {"parameters": parameters}}


_TOOL = _tool({"Qtproperty": {"type": "string", "description": "Qtmeaning"}})
_TOOL_WORDS = ("Qf0name", "Qtdescription", "Qtproperty", "Qtmeaning")
_TERSE_TOOL = _tool({"Qtproperty": {"enum": ["Qtchoice"]}})
