"""Tool calls from the pieces in which servers stream them.

By the protocol `index` tells the calls of one answer apart, the id and the name come with the
first piece of each, and the pieces of the arguments join to JSON text. In the wild every parallel
call has index 0 (Ollama), so a new id on a known index is a new call; some servers send no id,
repeat id and name with every piece, or give the arguments as an object.
"""

import secrets
import string
from collections.abc import Iterable

import msgspec

from backends.remote.chunks import CallPiece
from backends.types import GenerationEvent, Note, ToolCallDelta, ToolCallEnd, ToolCallStart

_ID_LETTERS = string.ascii_letters + string.digits


class _Call:
    def __init__(self, number: int, theirs: int | None, id: str) -> None:
        self.number = number
        self.theirs = theirs
        """The server's index."""
        self.id = id
        self.name = ""
        self.arguments = ""


class CallReader:
    """Reads the calls of one answer."""

    def __init__(self) -> None:
        self._calls: list[_Call] = []

    @property
    def any(self) -> bool:
        """Whether there was one."""
        return bool(self._calls)

    def push(self, pieces: Iterable[CallPiece]) -> list[GenerationEvent]:
        """The events of the pieces in one chunk."""
        events: list[GenerationEvent] = []
        for piece in pieces:
            events += self._push(piece)
        return events

    def finish(self, *, cut_off: bool) -> list[GenerationEvent]:
        """The ends of all calls. `cut_off`: the answer did not come to an end by itself."""
        events: list[GenerationEvent] = []
        for call in self._calls:
            if not call.name:  # it was never told of
                if not cut_off:
                    events.append(_malformed("A tool was called without its name."))
                continue
            if not call.arguments and not cut_off:
                events.append(ToolCallDelta(call.number, "{}"))
                call.arguments = "{}"
            valid = _is_object(call.arguments)
            if not valid and not cut_off:
                events.append(
                    _malformed(
                        f"The arguments for the tool “{call.name}” are no valid JSON object, so it "
                        "was not called."
                    )
                )
            last = call is self._calls[-1]
            events.append(ToolCallEnd(call.number, valid and not (cut_off and last)))
        return events

    def _push(self, piece: CallPiece) -> list[GenerationEvent]:
        events: list[GenerationEvent] = []
        function = piece.function
        call = self._find(piece)
        if call is None:
            call = _Call(len(self._calls), piece.index, piece.id or _new_id())
            self._calls.append(call)
        if function is None:
            return events
        if function.name and not call.name:
            call.name = function.name
            events.append(ToolCallStart(call.number, call.id, call.name))
            if call.arguments:  # they came before the name
                events.append(ToolCallDelta(call.number, call.arguments))
        arguments = function.arguments or ""
        if not isinstance(arguments, str):
            arguments = msgspec.json.encode(arguments).decode()
        if arguments:
            call.arguments += arguments
            if call.name:
                events.append(ToolCallDelta(call.number, arguments))
        return events

    def _find(self, piece: CallPiece) -> _Call | None:
        """The call that a piece belongs to; None for a new one."""
        if piece.id:
            return next((call for call in self._calls if call.id == piece.id), None)
        if piece.index is None:
            named = piece.function is not None and piece.function.name
            return None if named or not self._calls else self._calls[-1]
        # The last one: where every call has the same index, it is the one that goes on.
        return next((call for call in reversed(self._calls) if call.theirs == piece.index), None)


def _malformed(text: str) -> Note:
    return Note("malformed_tool_call", text)


def _new_id() -> str:
    return "call_" + "".join(secrets.choice(_ID_LETTERS) for _ in range(24))


def _is_object(text: str) -> bool:
    try:
        return isinstance(msgspec.json.decode(text), dict)
    except (msgspec.DecodeError, RecursionError):
        return False
