"""The messages of gpt-oss (harmony): channels for reasoning and answer, recipients for calls.

A message is `<|channel|>CHANNEL to=RECIPIENT<|message|>BODY` and an end; `analysis` is reasoning,
and a body for a recipient is the arguments of a call.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from backends.chat.reader import Parse, Reader, TrailingBlanks, Write, needles
from backends.chat.tool_calls.calls import Calls, MalformedCallError, Syntax
from backends.chat.tool_calls.lenient_json import LenientJson

_HEADER_STARTS = ("<|start|>", "<|channel|>", "<|constrain|>", "<|message|>", " to=")
_ENDS = ("<|end|>", "<|return|>", "<|call|>", "<|start|>", "<|channel|>")
_MESSAGE = needles("<|message|>")
_MAX_HEADER = 300
_CHANNEL = re.compile(r"<\|channel\|>(\w+)")
_RECIPIENT = re.compile(r"to=([\w.\-/]+)")
SPOKEN = (*_HEADER_STARTS[:-1], *_ENDS[:3])
"""All control texts of the form."""


@dataclass(frozen=True)
class HarmonyCall:
    """The body of a message to a tool."""

    name: str
    opens: tuple[str, ...] = ()
    spoken: tuple[str, ...] = SPOKEN
    bare: bool = False

    def read(self, reader: Reader, calls: Calls, opened: str) -> Parse[None]:
        """Read the arguments. See `Syntax.read`."""
        json = LenientJson(reader, calls.arguments, ends=_ENDS)
        if (yield from json.next()) != "{":
            raise MalformedCallError
        calls.start(self.name)
        yield from json.value()
        calls.end(repaired=json.repaired)
        yield from reader.skip_blanks()


class Harmony:
    """Reads the messages of one answer."""

    def __init__(
        self,
        *,
        inside: bool,
        reasoning: Write,
        text: Write,
        calls: Callable[[Syntax], Parse[None]] | None,
    ) -> None:
        """`inside` says that the prompt has begun a message of reasoning.

        `calls` reads a call; None where no tools were given.
        """
        self._reasoning, self._text, self._calls = reasoning, text, calls
        self._spoke = False
        self._in_body, self._in_header = inside, False
        self.active = True
        """No message for the person has begun: constraints do not apply yet."""

    @property
    def closing(self) -> str:
        """What ends the reasoning and begins the answer; empty in the middle of a header."""
        final = "<|channel|>final<|message|>"
        if self._in_body:
            return f"<|end|><|start|>assistant{final}"
        return "" if self._in_header else final

    def read(self, reader: Reader) -> Parse[None]:
        """Read to the end of the answer."""
        end = (yield from self._reason(reader)) if self._in_body else ""
        while True:
            if end in ("<|start|>", "<|channel|>"):
                reader.skip(-len(end))
            if not (yield from reader.peek()):
                return
            end = yield from self._next_message(reader)

    def _next_message(self, reader: Reader) -> Parse[str]:
        """Read a message; what ended it."""
        opened = yield from reader.take(*_HEADER_STARTS)
        if opened in ("", "<|message|>"):
            return (yield from self._speak(reader))
        self._in_header = True
        header, message = yield from reader.up_to(_MESSAGE, _MAX_HEADER)
        self._in_header = False
        if message:
            return (yield from self._message(reader, opened + header))
        if opened == " to=":
            self._text(opened)
        return (yield from self._speak(reader))

    def _message(self, reader: Reader, header: str) -> Parse[str]:
        channel, recipient = _CHANNEL.search(header), _RECIPIENT.search(header)
        if recipient and self._calls is not None and recipient[1] != "assistant":
            self.active = False
            yield from self._calls(HarmonyCall(recipient[1].removeprefix("functions.")))
            return (yield from reader.take(*_ENDS))
        if channel and channel[1] == "analysis":
            return (yield from self._reason(reader))
        return (yield from self._speak(reader))

    def _reason(self, reader: Reader) -> Parse[str]:
        self._in_body = True
        held = TrailingBlanks(self._reasoning, "\n")
        end = yield from reader.until(needles(*_ENDS), held)
        if end:
            held.drop()
        else:
            held.release()
        self._in_body = not end
        return end

    def _speak(self, reader: Reader) -> Parse[str]:
        self.active = False
        again, self._spoke = self._spoke, True

        def write(text: str) -> None:
            nonlocal again
            # The preamble to a call and the answer are messages of their own.
            self._text("\n\n" + text if again else text)
            again = False

        return (yield from reader.until(needles(*_ENDS), write))
