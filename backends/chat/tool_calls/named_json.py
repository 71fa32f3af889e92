"""Calls with the name in front of JSON arguments, such as `[TOOL_CALLS]f[ARGS]{…}`."""

from collections.abc import Callable
from dataclasses import dataclass

from backends.chat.reader import Parse, Reader, needles
from backends.chat.tool_calls.calls import (
    NAME,
    AnswerEnded,
    CallCutError,
    Calls,
    MalformedCallError,
    NotACallError,
)
from backends.chat.tool_calls.json_calls import JsonCalls
from backends.chat.tool_calls.lenient_json import LenientJson

MAX_HEADER = 200
"""Characters before the arguments at most."""


def plain_name(header: str) -> tuple[str, str]:
    """No id, and the header is the name."""
    return "", header.strip()


def mistral_name(header: str) -> tuple[str, str]:
    """`NAME` or `NAME[CALL_ID]ID`."""
    name, _, id = header.partition("[CALL_ID]")
    return id.strip(), name.strip()


def kimi_name(header: str) -> tuple[str, str]:
    """`functions.NAME:N`, which is the id as well."""
    id = header.strip()
    name = id.removeprefix("functions.")
    return id, name.rpartition(":")[0] or name


def solar_name(header: str) -> tuple[str, str]:
    """`ID<|tool_call:name|>NAME`."""
    id, _, name = header.rpartition("<|tool_call:name|>")
    return id.strip(), name.strip()


@dataclass(frozen=True)
class NamedJsonCalls:
    """A header that ends at a marker, JSON arguments, and markers around one call and all."""

    begins: tuple[str, ...]
    """What begins each call."""
    name_ends: tuple[str, ...]
    """What stands between the name and the arguments."""
    sections: tuple[str, ...] = ()
    """What opens a group of calls."""
    ends: tuple[str, ...] = ()
    """What ends one call."""
    section_ends: tuple[str, ...] = ()
    """What ends the group, and the answer with it."""
    in_header: tuple[str, ...] = ()
    """Control texts in a header."""
    named: Callable[[str], tuple[str, str]] = plain_name
    """Id and name in a header."""
    kind_first: str = ""
    """A kind of call that is named first; the name is then the rest of the line."""
    fences: tuple[str, ...] = ()
    """What may stand in front of the arguments, and without its language behind them."""
    or_json: JsonCalls | None = None
    """The form that is meant where JSON follows instead of a name."""

    @property
    def bare(self) -> bool:
        """Never without a marker."""
        return False

    @property
    def opens(self) -> tuple[str, ...]:
        """Texts that open calls."""
        return self.sections + self.begins

    @property
    def spoken(self) -> tuple[str, ...]:
        """All control texts of the syntax."""
        texts = (*self.opens, *self.name_ends, *self.in_header, *self.ends, *self.section_ends)
        return tuple(text for text in texts if len(text) > 1)

    def read(self, reader: Reader, calls: Calls, opened: str) -> Parse[None]:
        """Read calls behind an open marker. See `Syntax.read`."""
        character = yield from reader.skip_blanks()
        if self.or_json and character and character in "[{":
            yield from self.or_json.read(reader, calls, opened)
            return
        if opened in self.sections and not (yield from reader.take(*self.begins)):
            raise NotACallError
        while True:
            yield from self._call(reader, calls)
            yield from reader.skip_blanks()
            if (yield from reader.take(*self.section_ends)):
                raise AnswerEnded
            if not (yield from reader.take(*self.begins)):
                return

    def _call(self, reader: Reader, calls: Calls) -> Parse[None]:
        header = yield from _header(reader, self.name_ends)
        if self.kind_first and header.strip() == self.kind_first:
            header = yield from _header(reader, ("\n",))
        id, name = self.named(header)
        if not name or not all(map(NAME.match, name)):
            raise MalformedCallError
        json = LenientJson(reader, calls.arguments, ends=self.ends + self.section_ends)
        yield from json.next()
        if (yield from reader.take(*self.fences)):
            yield from json.next()
        if (yield from reader.peek()) != "{":
            raise MalformedCallError
        calls.start(name, id)
        yield from json.value()
        calls.end(repaired=json.repaired)
        if self.fences:
            yield from reader.skip_blanks()
            yield from reader.take("```")
        yield from reader.skip_blanks()
        yield from reader.take(*self.ends)


def _header(reader: Reader, ends: tuple[str, ...]) -> Parse[str]:
    """The text up to one of `ends`; a brace is left for the arguments."""
    header, end = yield from reader.up_to(needles(*ends), MAX_HEADER)
    if not end:
        raise CallCutError if reader.ended else MalformedCallError
    if end == "{":
        reader.skip(-1)
    return header
