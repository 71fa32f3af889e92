"""Calls of FunctionGemma and Gemma 4: `call:f{city:<|"|>Oslo<|"|>,days:2}` between markers."""

from dataclasses import dataclass

from backends.chat.reader import Parse, Reader
from backends.chat.tool_calls.calls import NAME, Calls, MalformedCallError, NotACallError
from backends.chat.tool_calls.lenient_json import LenientJson


@dataclass(frozen=True)
class GemmaCalls:
    """Keys are bare, and strings stand between quotes that are tokens of their own."""

    open: str
    close: str
    quote: str

    @property
    def opens(self) -> tuple[str, ...]:
        """Texts that open calls."""
        return (self.open,)

    @property
    def spoken(self) -> tuple[str, ...]:
        """All control texts of the syntax."""
        return (self.open, self.close, self.quote)

    @property
    def bare(self) -> bool:
        """Never without a marker."""
        return False

    def read(self, reader: Reader, calls: Calls, opened: str) -> Parse[None]:
        """Read one call behind its open marker. See `Syntax.read`."""
        yield from reader.skip_blanks()
        if not (yield from reader.take("call:")):
            raise NotACallError
        name = yield from reader.run(NAME)
        json = LenientJson(reader, calls.arguments, ends=(self.close,), quote=self.quote)
        if (yield from json.next()) != "{" or not name:
            raise MalformedCallError
        calls.start(name)
        yield from json.value()
        calls.end(repaired=json.repaired)
        yield from reader.skip_blanks()
        yield from reader.take(self.close)
