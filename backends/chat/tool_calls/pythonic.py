"""Calls as a list of Python calls: `[f(city="Oslo", days=2), g()]`."""

import re
from dataclasses import dataclass

from backends.chat.reader import Parse, Reader
from backends.chat.tool_calls.calls import (
    NAME,
    AnswerEnded,
    Calls,
    MalformedCallError,
    NotACallError,
)
from backends.chat.tool_calls.json_calls import JsonCalls
from backends.chat.tool_calls.lenient_json import LenientJson, escaped

_KEYWORD = re.compile(r"\w")


@dataclass(frozen=True)
class PythonicCalls:
    """Names with keyword arguments, whose values are Python or JSON literals."""

    open: str
    close: str
    bare: bool = False
    suffix: str = ""
    """What follows a tool's name in front of the bracket."""

    @property
    def opens(self) -> tuple[str, ...]:
        """Texts that open calls."""
        return (self.open,)

    @property
    def spoken(self) -> tuple[str, ...]:
        """All control texts of the syntax."""
        return (self.open, self.close)

    def read(self, reader: Reader, calls: Calls, opened: str) -> Parse[None]:
        """Read calls behind the open marker, or a bare list. See `Syntax.read`."""
        character = yield from reader.skip_blanks()
        listed = character == "["
        if character == "{" or (listed and (yield from reader.peek(1)) == "{"):
            json = JsonCalls(opens=self.opens, closes=(self.close,), one_group=True)
            yield from json.read(reader, calls, opened)
            return
        if listed:
            reader.skip(1)
        elif not opened:
            raise NotACallError
        while True:
            yield from self._call(reader, calls, known_only=not opened)
            character = yield from reader.skip_blanks()
            if character != ",":
                break
            reader.skip(1)
            yield from reader.skip_blanks()
        if listed and character == "]":
            reader.skip(1)
            yield from reader.skip_blanks()
        if (yield from reader.take(self.close)) or (listed and character == "]"):
            raise AnswerEnded

    def _call(self, reader: Reader, calls: Calls, *, known_only: bool) -> Parse[None]:
        name = (yield from reader.run(NAME)).removesuffix(self.suffix)
        if not name or (known_only and not calls.is_known(name)):
            raise NotACallError
        json = LenientJson(reader, calls.arguments, ends=(self.close,), python=True)
        if (yield from json.next()) != "(":
            raise NotACallError
        reader.skip(1)
        separator = "{"
        while (character := (yield from json.next())) != ")":
            if character == "," and separator == ", ":
                reader.skip(1)
                continue
            if (yield from json.closes_outside(character)):
                json.repaired = True
                break
            keyword = yield from reader.run(_KEYWORD)
            if not keyword or (yield from json.next()) != "=":
                raise NotACallError if known_only and separator == "{" else MalformedCallError
            reader.skip(1)
            if separator == "{":
                calls.start(name)
            calls.arguments(f'{separator}"{escaped(keyword)}": ')
            separator = ", "
            yield from json.value()
        if separator == "{":
            calls.start(name)
            calls.arguments("{")
        if character == ")":
            reader.skip(1)
        calls.arguments("}")
        calls.end(repaired=json.repaired)
