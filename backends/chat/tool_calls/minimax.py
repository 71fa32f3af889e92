"""The calls of MiniMax M3: an element for each argument, each tag behind a token of its own.

    ]<]minimax[>[<invoke name="f">]<]minimax[>[<city>Oslo]<]minimax[>[</city>]<]minimax[>[</invoke>

Objects and lists are elements inside elements; those of a list are called `item`.
"""

import json
import re
from contextlib import suppress

import msgspec

from backends.chat.reader import Parse, Reader, needles
from backends.chat.tool_calls.calls import (
    NAME,
    AnswerEnded,
    CallCutError,
    Calls,
    MalformedCallError,
    NotACallError,
    expect_more,
)
from backends.chat.tool_calls.lenient_json import escaped

_TAG = "]<]minimax[>["
_OPEN, _CLOSE = f"{_TAG}<tool_call>", f"{_TAG}</tool_call>"
_INVOKE, _INVOKED = f'{_TAG}<invoke name="', f"{_TAG}</invoke>"
_MAX_TAG = 200
_MAX_DEPTH = 50
_PLAIN = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?|true|false|null")
"""What is written as in JSON; all other texts are strings."""
_EMPTY = {"array": "[]", "object": "{}"}


class MiniMaxCalls:
    """Implements `Syntax`."""

    opens = (_OPEN,)
    spoken = (_OPEN, _CLOSE, _INVOKE, _INVOKED)
    bare = False

    def read(self, reader: Reader, calls: Calls, opened: str) -> Parse[None]:
        """Read calls behind an open tag. See `Syntax.read`."""
        yield from reader.skip_blanks()
        if not (yield from reader.take(_INVOKE)):
            raise NotACallError
        while True:
            yield from _call(reader, calls)
            yield from reader.skip_blanks()
            if (yield from reader.take(_CLOSE)):
                raise AnswerEnded
            if not (yield from reader.take(_INVOKE)):
                return


def _call(reader: Reader, calls: Calls) -> Parse[None]:
    name = yield from _name(reader, '">')
    if not all(map(NAME.match, name)):
        raise NotACallError
    calls.start(name)
    calls.arguments("{")
    separator = ""
    while True:
        expect_more((yield from reader.skip_blanks()))
        if (yield from reader.take(_INVOKED)):
            break
        if not (yield from reader.take(f"{_TAG}<")):
            raise MalformedCallError
        key = yield from _name(reader, ">")
        calls.arguments(f'{separator}"{escaped(key)}": ')
        yield from _argument(reader, calls, name, key)
        separator = ", "
    calls.arguments("}")
    calls.end()


def _name(reader: Reader, end: str) -> Parse[str]:
    """The rest of an opening tag."""
    name, found = yield from reader.up_to(needles(end), _MAX_TAG)
    if not found:
        raise CallCutError if reader.ended else MalformedCallError
    if not name or name.startswith("/"):
        raise MalformedCallError
    return name


def _argument(reader: Reader, calls: Calls, tool: str, key: str) -> Parse[None]:
    declared = calls.type_of(tool, key)
    if declared == "string":
        end = needles(f"{_TAG}</{key}>")
        calls.arguments('"')
        if not (yield from reader.until(end, lambda text: calls.arguments(escaped(text)))):
            raise CallCutError
        calls.arguments('"')
        return
    value = yield from _value(reader, key, 1)
    calls.arguments(_EMPTY.get(declared, value) if value == '""' else value)


def _value(reader: Reader, name: str, depth: int) -> Parse[str]:
    """The content of an element up to its end, as JSON."""
    if depth > _MAX_DEPTH:
        raise MalformedCallError
    text: list[str] = []
    inner: list[tuple[str, str]] = []
    while True:
        if not (yield from reader.until(needles(_TAG), text.append)):
            raise CallCutError
        if (yield from reader.take(f"</{name}>")):
            return _joined(inner) if inner else _leaf("".join(text))
        if not (yield from reader.take("<")):
            raise MalformedCallError
        key = yield from _name(reader, ">")
        inner.append((key, (yield from _value(reader, key, depth + 1))))


def _joined(elements: list[tuple[str, str]]) -> str:
    if all(name == "item" for name, _ in elements):
        return "[" + ", ".join(value for _, value in elements) + "]"
    return "{" + ", ".join(f'"{escaped(name)}": {value}' for name, value in elements) + "}"


def _leaf(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return text
    if text[:1] in ("[", "{"):  # some models fall back to JSON
        with suppress(msgspec.DecodeError):
            msgspec.json.decode(text)
            return text
    return json.dumps(text, ensure_ascii=False)
