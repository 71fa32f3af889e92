"""Calls with a tag for each argument: `<function=f><parameter=city>Oslo</parameter></function>`.

Strings stand as they are, other values as JSON. The tool's schema tells which is which.
"""

import re
from dataclasses import dataclass

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
from backends.chat.tool_calls.json_calls import JsonCalls
from backends.chat.tool_calls.lenient_json import escaped, mend

_MAX_TAG = 200
_TYPE = re.compile(r'\b(?:string="(?P<string>true|false)"|type="(?P<type>\w+)")')
"""What some families write beside a key: whether its value is a string, or its type."""


@dataclass(frozen=True)
class TaggedCalls:
    """The tags of one family."""

    sections: tuple[str, ...] = ()
    """What opens a group of calls."""
    section_ends: tuple[str, ...] = ()
    one_group: bool = False
    """No more calls come after the group: the answer ends."""
    function: str = "<function="
    """What begins a call, up to its name; empty where the section does."""
    name_ends: tuple[str, ...] = (">",)
    function_end: str = "</function>"
    key: str = "<parameter="
    key_end: str = ">"
    value: str = ""
    """What begins a value, where it is not the end of the key."""
    value_end: str = "</parameter>"
    lines: bool = False
    """A line break after the tag and one before the closing tag are not part of the value."""

    @property
    def bare(self) -> bool:
        """Never without a tag."""
        return False

    @property
    def opens(self) -> tuple[str, ...]:
        """Texts that open calls."""
        return (*self.sections, self.function) if self.function else self.sections

    @property
    def spoken(self) -> tuple[str, ...]:
        """All control texts of the syntax."""
        texts = (self.function_end, self.key, self.key_end, self.value, self.value_end)
        return (*self.opens, *self.section_ends, *(text for text in texts if len(text) > 1))

    def read(self, reader: Reader, calls: Calls, opened: str) -> Parse[None]:
        """Read calls behind an open tag. See `Syntax.read`."""
        character = yield from reader.skip_blanks()
        if character == "{" and opened in self.sections:
            json = JsonCalls(self.sections, self.section_ends, one_group=self.one_group)
            yield from json.read(reader, calls, opened)
            return
        if opened in self.sections and not (yield from self._begins(reader)):
            raise NotACallError
        while True:
            yield from self._call(reader, calls)
            yield from reader.skip_blanks()
            if (yield from reader.take(*self.section_ends)):
                if self.one_group:
                    raise AnswerEnded
                return
            if not self.function or not (yield from reader.take(self.function)):
                return

    def _begins(self, reader: Reader) -> Parse[bool]:
        if self.function:
            return bool((yield from reader.take(self.function)))
        return bool(NAME.match((yield from reader.peek())))

    def _call(self, reader: Reader, calls: Calls) -> Parse[None]:
        stops = (*self.name_ends, self.key, self.function_end)
        tag, end = yield from _tag(reader, self.name_ends if self.function else stops)
        name = tag.strip().partition('"')[0]
        if not name or not all(map(NAME.match, name)):
            raise NotACallError
        if end not in self.name_ends:
            reader.skip(-len(end))
        calls.start(name)
        calls.arguments("{")
        repaired, separator = False, ""
        while True:
            expect_more((yield from reader.skip_blanks()))
            if (yield from reader.take(self.key)):
                calls.arguments(separator)
                repaired |= yield from self._argument(reader, calls, name)
                separator = ", "
            elif (yield from reader.take(self.function_end)) or (
                yield from reader.sees(self.section_ends)
            ):
                break
            else:
                raise MalformedCallError
        calls.arguments("}")
        calls.end(repaired=repaired)

    def _argument(self, reader: Reader, calls: Calls, tool: str) -> Parse[bool]:
        """Read one argument; whether it had to be mended."""
        header, _ = yield from _tag(reader, (self.key_end,))
        key, _, attributes = header.strip().partition('"')
        calls.arguments(f'"{escaped(key)}": ')
        if self.value:
            expect_more((yield from reader.skip_blanks()))
            if not (yield from reader.take(self.value)):
                raise MalformedCallError
        ends = needles(self.value_end)
        if self.lines:
            yield from reader.take("\n")
            ends = needles("\n" + self.value_end, self.value_end)
        told = _TYPE.search(attributes)
        is_string = "true" in told.groups() or told["type"] == "string" if told else None
        if calls.is_string(tool, key) if is_string is None else is_string:
            calls.arguments('"')
            if not (yield from reader.until(ends, lambda text: calls.arguments(escaped(text)))):
                raise CallCutError
            calls.arguments('"')
            return False
        parts: list[str] = []
        if not (yield from reader.until(ends, parts.append)):
            raise CallCutError
        text = "".join(parts)
        value, repaired = mend(text) or (f'"{escaped(text)}"', False)
        calls.arguments(value)
        return repaired


def _tag(reader: Reader, ends: tuple[str, ...]) -> Parse[tuple[str, str]]:
    """The rest of a tag up to one of `ends`, and that one."""
    tag, end = yield from reader.up_to(needles(*ends), _MAX_TAG)
    if not end:
        raise CallCutError if reader.ended else MalformedCallError
    return tag, end
