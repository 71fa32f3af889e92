"""The calls of MiniMax M3: an element for each argument, each tag behind a token of its own.

    ]<]minimax[>[<invoke name="f">]<]minimax[>[<city>Oslo]<]minimax[>[</city>]<]minimax[>[</invoke>

Objects and lists are elements inside elements; those of a list are called `item`.
"""

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
from backends.chat.tool_calls.declared import Declared
from backends.chat.tool_calls.lenient_json import escaped

_TAG = "]<]minimax[>["
_OPEN, _CLOSE = f"{_TAG}<tool_call>", f"{_TAG}</tool_call>"
_INVOKE, _INVOKED = f'{_TAG}<invoke name="', f"{_TAG}</invoke>"
_MAX_TAG = 200
_MAX_DEPTH = 50
_ITEM = "item"


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
    declared = calls.declared(tool, key)
    if declared.types == {"string"}:
        end = needles(f"{_TAG}</{key}>")
        calls.arguments('"')
        if not (yield from reader.until(end, lambda text: calls.arguments(escaped(text)))):
            raise CallCutError
        calls.arguments('"')
        return
    calls.arguments((yield from _value(reader, key, declared, 1)))


def _value(reader: Reader, name: str, declared: Declared, depth: int) -> Parse[str]:
    """The content of an element up to its end, as JSON."""
    is_object = declared.types == {"object"}
    if depth > _MAX_DEPTH:
        raise MalformedCallError
    text: list[str] = []
    inner: list[tuple[str, str]] = []
    while True:
        if not (yield from reader.until(needles(_TAG), text.append)):
            raise CallCutError
        if (yield from reader.take(f"</{name}>")):
            if not inner:
                return declared.text_as_json("".join(text))
            return _joined(inner, is_object=is_object)
        if not (yield from reader.take("<")):
            raise MalformedCallError
        key = yield from _name(reader, ">")
        within = declared.item() if key == _ITEM and not is_object else declared.member(key)
        inner.append((key, (yield from _value(reader, key, within, depth + 1))))


def _joined(elements: list[tuple[str, str]], *, is_object: bool) -> str:
    if not is_object and all(name == _ITEM for name, _ in elements):
        return "[" + ", ".join(value for _, value in elements) + "]"
    return "{" + ", ".join(f'"{escaped(name)}": {value}' for name, value in elements) + "}"
