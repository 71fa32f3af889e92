"""Splits an answer into reasoning and text by the model's markers, such as `<think>`."""

from collections.abc import Callable
from dataclasses import dataclass

from backends.chat.reader import Parse, Reader, TrailingBlanks, Write, needles


@dataclass(frozen=True)
class ReasoningMarkers:
    """The two texts around a model's reasoning."""

    open: str
    close: str


class Reasoning:
    """Reads the reasoning at the start of an answer.

    Reasoning is recognised only before the answer proper: at its start, blanks aside. Later the
    same characters are text, so that a model can talk about its own markers. Blank lines between
    the reasoning and the answer, and around the markers, belong to neither.
    """

    def __init__(self, markers: ReasoningMarkers, *, inside: bool, write: Write) -> None:
        """`inside` says that the prompt has opened the reasoning."""
        self._markers, self._write = markers, write
        self.active = inside
        """The reasoning is open."""

    @property
    def closing(self) -> str:
        """What ends the reasoning and begins the answer."""
        return f"\n{self._markers.close}\n\n"

    def read(
        self, reader: Reader, others: tuple[str, ...], read_other: Callable[[str], Parse[str]]
    ) -> Parse[None]:
        """Read up to where the answer proper begins.

        Where one of `others` comes inside the reasoning, `read_other` reads on and results in
        what is reasoning after all.
        """
        markers = (self._markers.open.lstrip(), self._markers.close)
        blanks = yield from reader.blanks()
        if found := (yield from reader.sees(markers, blanks)):
            # Where the prompt had opened the reasoning, a second marker is swallowed.
            reader.skip(blanks + len(found))
            self.active = found == markers[0]
        if self.active:
            yield from self._reasoning(reader, others, read_other)
        elif not found:
            return
        if not self.active:
            yield from reader.skip_blanks()

    def _reasoning(
        self, reader: Reader, others: tuple[str, ...], read_other: Callable[[str], Parse[str]]
    ) -> Parse[None]:
        while (yield from reader.peek()) == "\n":
            reader.skip(1)
        held = TrailingBlanks(self._write, "\n")
        ends = needles(self._markers.close, *others)
        while end := (yield from reader.until(ends, held)):
            if end == self._markers.close:
                held.drop()
                self.active = False
                return
            if unread := (yield from read_other(end)):
                held(unread)
            else:
                held.drop()
        held.release()
