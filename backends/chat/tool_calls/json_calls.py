"""Calls that are JSON objects with a name and arguments, alone or in a list."""

from dataclasses import dataclass

from backends.chat.reader import Parse, Reader, read_whole
from backends.chat.tool_calls.calls import (
    AnswerEnded,
    CallCutError,
    Calls,
    MalformedCallError,
    NotACallError,
)
from backends.chat.tool_calls.lenient_json import LenientJson

_NAME_KEYS = ("name", "tool_name", "function")
_ARGUMENT_KEYS = ("arguments", "parameters", "args", "input")
_OTHER_KEYS = ("type", "id", "index", "tool_call_id")
_LONGEST = 256
"""Characters of a name or key at most, so that no long text is held for one."""


@dataclass(frozen=True)
class JsonCalls:
    """JSON behind a marker, or bare at the start of an answer.

    A bare object is a call only if it names a tool that the model was told of.
    """

    opens: tuple[str, ...] = ()
    closes: tuple[str, ...] = ()
    """What may follow the JSON and belongs to it."""
    fences: tuple[str, ...] = ()
    """What may stand between the marker, or the start of the answer, and the JSON."""
    bare: bool = False
    list_only: bool = False
    """A list follows the marker directly, or it is no marker."""
    one_group: bool = False
    """No more calls come after the list or the closing marker: the answer ends."""
    name_is_key: bool = False
    """An object has one key, the name; its value is the arguments."""
    no_tool: str = ""
    """A name that means: nothing is called."""

    @property
    def spoken(self) -> tuple[str, ...]:
        """All control texts of the syntax."""
        return self.opens + self.closes

    def read(self, reader: Reader, calls: Calls, opened: str) -> Parse[None]:
        """Read the calls behind an open marker, or bare ones. See `Syntax.read`."""
        if self.list_only and (yield from reader.peek()) != "[":
            raise NotACallError
        character = yield from reader.skip_blanks()
        if (yield from reader.take(*self.fences)):
            character = yield from reader.skip_blanks()
        if character == "[" and opened:
            yield from self._list(reader, calls)
            if self.one_group and not self.closes:
                raise AnswerEnded
        elif character == "{":
            yield from self._objects(reader, calls, known_only=not opened)
        else:
            raise NotACallError
        yield from reader.skip_blanks()
        closed = yield from reader.take(*self.closes)
        if self.one_group and (closed or character == "["):
            raise AnswerEnded

    def _list(self, reader: Reader, calls: Calls) -> Parse[None]:
        reader.skip(1)
        while character := (yield from reader.skip_blanks()):
            if character == "{":
                yield from _Call(self, reader, calls, known_only=False).read()
            elif character in ",]":
                reader.skip(1)
                if character == "]":
                    return
            elif (yield from reader.sees(self.closes)):
                return
            else:
                raise MalformedCallError

    def _objects(self, reader: Reader, calls: Calls, *, known_only: bool) -> Parse[None]:
        character = "{"
        while character == "{":
            yield from _Call(self, reader, calls, known_only=known_only).read()
            while (character := (yield from reader.skip_blanks())) in (",", ";"):
                reader.skip(1)


class _Call:
    """One call."""

    def __init__(
        self, syntax: JsonCalls, reader: Reader, calls: Calls, *, known_only: bool
    ) -> None:
        self._syntax, self._reader, self._calls = syntax, reader, calls
        self._known_only = known_only
        self._json = LenientJson(reader, self._write, ends=syntax.closes)
        self._name = ""
        self._started = False
        self._has_arguments = False
        self._early: list[str] | None = None
        """Arguments that came before the name."""
        self._discards = False

    def read(self) -> Parse[None]:
        """Read the object to its end."""
        yield from self._object()
        if not self._name:
            raise NotACallError if self._known_only else MalformedCallError
        if self._name == self._syntax.no_tool:
            return
        self._start()
        if not self._has_arguments:
            self._calls.arguments("{}")
        self._calls.end(repaired=self._json.repaired)

    def _write(self, piece: str) -> None:
        if self._discards:
            return
        if self._early is not None:
            self._early.append(piece)
        else:
            self._calls.arguments(piece)

    def _object(self, *, nested: bool = False) -> Parse[None]:
        self._reader.skip(1)
        while (character := (yield from self._json.next())) != "}":
            if character == ",":
                self._reader.skip(1)
            elif (yield from self._json.closes_outside(character)):
                return
            else:
                yield from self._member((yield from self._json.key(_LONGEST)), nested=nested)
        self._reader.skip(1)

    def _member(self, key: str, *, nested: bool) -> Parse[None]:
        if self._syntax.name_is_key and not self._name:
            self._named(key)
            yield from self._arguments()
        elif key in _NAME_KEYS and not self._name:
            if key == "function" and not nested and (yield from self._json.next()) == "{":
                yield from self._object(nested=True)
            else:
                self._named((yield from self._json.text(_LONGEST)))
        elif key in _ARGUMENT_KEYS and not self._has_arguments:
            yield from self._arguments()
        elif self._known_only and key not in _OTHER_KEYS:
            raise NotACallError
        elif self._known_only:
            yield from self._json.text(_LONGEST)
        else:
            self._discards = True
            yield from self._json.value()
            self._discards = False

    def _named(self, name: str) -> None:
        if not name.strip():
            raise MalformedCallError
        if self._known_only and not self._calls.is_known(name):
            raise NotACallError
        early, self._early = self._early, None
        self._name = name
        if early is not None:
            self._start()
            self._calls.arguments("".join(early))
            self._calls.whole = True

    def _start(self) -> None:
        if not self._started and self._name != self._syntax.no_tool:
            self._started = True
            self._calls.start(self._name)

    def _arguments(self) -> Parse[None]:
        character = yield from self._json.next()
        if character not in "{\"'nN":
            raise NotACallError if self._known_only else MalformedCallError
        self._has_arguments = True
        if self._name:
            self._start()
        else:
            self._early = []
        nothing = self._name == self._syntax.no_tool != ""
        self._discards = nothing or character in "nN"
        if character in "\"'":
            self._unwrapped((yield from self._json.text()))
        else:
            yield from self._json.value()
        self._discards = nothing
        if character in "nN":
            self._write("{}")
        self._discards = False
        self._calls.whole = self._calls.open

    def _unwrapped(self, text: str) -> None:
        """Arguments as a string that holds JSON."""

        def read(reader: Reader) -> Parse[bool]:
            inner = LenientJson(reader, self._write)
            if (yield from inner.next()) != "{":
                raise MalformedCallError
            yield from inner.value()
            if (yield from reader.skip_blanks()):
                raise MalformedCallError
            return inner.repaired

        try:
            self._json.repaired |= read_whole(text or "{}", read)
        except CallCutError:
            raise MalformedCallError from None
