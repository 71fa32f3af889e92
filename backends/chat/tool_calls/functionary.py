"""Calls of Functionary 3.2: `>>>f`, a line break and JSON; text for the person goes to `all`."""

from dataclasses import dataclass

from backends.chat.reader import Parse, Reader
from backends.chat.tool_calls.calls import NAME, Calls, MalformedCallError, NotACallError
from backends.chat.tool_calls.lenient_json import LenientJson


@dataclass(frozen=True)
class FunctionaryCalls:
    """The prompt ends with the first marker, so that an answer begins with a recipient."""

    opens: tuple[str, ...] = (">>>",)
    spoken: tuple[str, ...] = ()
    bare: bool = True

    def read(self, reader: Reader, calls: Calls, opened: str) -> Parse[None]:
        """Read a recipient, and where it is a tool, its arguments. See `Syntax.read`."""
        name = yield from reader.run(NAME)
        if not (name == "all" or calls.is_known(name)) or (yield from reader.peek()) != "\n":
            raise NotACallError
        reader.skip(1)
        if name == "all":
            return
        json = LenientJson(reader, calls.arguments, ends=self.opens)
        if (yield from json.next()) != "{":
            raise MalformedCallError
        calls.start(name)
        yield from json.value()
        calls.end(repaired=json.repaired)
        yield from reader.skip_blanks()
