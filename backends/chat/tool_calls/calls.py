"""The events of tool calls, made while a syntax is read."""

import re
import secrets
import string
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from backends.chat.reader import Parse, Reader
from backends.chat.tool_calls.declared import Declared
from backends.types import Tool, ToolCallDelta, ToolCallEnd, ToolCallStart

CallEvent = ToolCallStart | ToolCallDelta | ToolCallEnd
_ALPHANUMERIC = string.ascii_letters + string.digits
NAME = re.compile(r"[\w.\-/]")
"""A character of a tool's name."""

_UNKNOWN = Declared({})


class NotACallError(Exception):
    """What looked like the beginning of a call is ordinary text."""


class MalformedCallError(Exception):
    """A call was begun and cannot be understood."""


class CallCutError(Exception):
    """The answer ended in the middle of a call."""


class AnswerEnded(Exception):
    """The answer ends here, whatever the model would still say."""


def random_id(length: int = 24, prefix: str = "call_") -> str:
    """An id for a call whose syntax has none."""
    return prefix + "".join(secrets.choice(_ALPHANUMERIC) for _ in range(length))


def short_id() -> str:
    """Nine letters and digits: what Mistral's templates insist on."""
    return random_id(9, "")


class Calls:
    """Where the readers of the syntaxes report calls.

    At any time at most one call is open. Pieces of arguments are told at once.
    """

    def __init__(
        self,
        reader: Reader,
        tools: Sequence[Tool],
        tell: Callable[[CallEvent], None],
        *,
        parallel: bool = True,
        new_id: Callable[[], str] = random_id,
        first: int = 0,
        keep_mark: bool = False,
    ) -> None:
        """`first` is the index of the first call.

        After each call the reader's mark moves on, so that what is found malformed later begins
        behind it; with `keep_mark` it stays.
        """
        self._reader, self._tell = reader, tell
        self._parallel, self._new_id = parallel, new_id
        self._schemas = {tool.name: _declared(tool) for tool in tools}
        self.count = first
        """Calls begun so far, the ones before the first included."""
        self.completed = 0
        """Calls that ended complete."""
        self._keep_mark = keep_mark
        self.open = False
        self.whole = False
        """The arguments of the open call are complete, whatever still has to come around them."""

    def is_known(self, name: str) -> bool:
        """Whether the model was told of a tool of this name."""
        return name in self._schemas

    def is_string(self, tool: str, key: str) -> bool:
        """Whether an argument is declared to be a string and nothing else."""
        return self.type_of(tool, key) == "string"

    def type_of(self, tool: str, key: str) -> str:
        """The one type that an argument is declared to have; empty where there is none."""
        types = self.declared(tool, key).types
        return next(iter(types)) if len(types) == 1 else ""

    def declared(self, tool: str, key: str) -> Declared:
        """What is said of an argument."""
        return self._schemas.get(tool, _UNKNOWN).member(key)

    def start(self, name: str, id: str = "") -> None:
        """A call begins."""
        self.open, self.whole = True, False
        self.count += 1
        self._tell(ToolCallStart(self.count - 1, id or self._new_id(), name))

    def arguments(self, piece: str) -> None:
        """A piece of the open call's arguments."""
        if piece:
            self._tell(ToolCallDelta(self.count - 1, piece))

    def end(self, *, complete: bool = True, repaired: bool = False) -> None:
        """The open call ends. Raises `AnswerEnded` where one call is all that is wanted."""
        self.open = self.whole = False
        self.completed += complete
        self._tell(ToolCallEnd(self.count - 1, complete, repaired))
        if not self._keep_mark:
            self._reader.mark()
        if complete and not self._parallel:
            raise AnswerEnded


class Syntax(Protocol):
    """How a family of models writes calls."""

    @property
    def opens(self) -> tuple[str, ...]:
        """Texts that open calls anywhere in an answer."""
        ...

    @property
    def spoken(self) -> tuple[str, ...]:
        """All control texts of the syntax, which the tokenizer must give as text."""
        ...

    @property
    def bare(self) -> bool:
        """Calls also stand at the start of an answer without any marker."""
        ...

    def read(self, reader: Reader, calls: Calls, opened: str) -> Parse[None]:
        """Read calls behind the open marker `opened`, or bare ones where that is empty.

        Raises `NotACallError`, `MalformedCallError`, `CallCutError` and `AnswerEnded`.
        """
        ...


def _declared(tool: Tool) -> Declared:
    try:
        return Declared(msgspec.json.decode(tool.parameters))
    except msgspec.DecodeError:
        return _UNKNOWN


def expect_more(character: str) -> str:
    """The character itself. Raises `CallCutError` where there is none, for the answer ended."""
    if not character:
        raise CallCutError
    return character
