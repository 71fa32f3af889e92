"""Reads whole answers, and joins the events of one to what a person would compare."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field

from backends.chat.answer import AnswerParser
from backends.types import Delta, GenerationEvent, Note, ToolCallDelta, ToolCallEnd, ToolCallStart


@dataclass
class Call:
    name: str
    arguments: str = ""
    id: str = ""
    ended: bool = False
    complete: bool = False
    repaired: bool = False


@dataclass
class Answer:
    """Everything that was said, with neighbouring pieces joined."""

    parts: list[tuple[str, str]] = field(default_factory=list)
    """Kinds and texts; of a call the kind is "call" and the text its index, of a note its code."""
    calls: list[Call] = field(default_factory=list)
    tokens: int = 0

    @property
    def text(self) -> str:
        return self.joined("text")

    @property
    def reasoning(self) -> str:
        return self.joined("reasoning")

    @property
    def notes(self) -> list[str]:
        return [text for kind, text in self.parts if kind == "note"]

    def joined(self, kind: str) -> str:
        return "".join(text for of, text in self.parts if of == kind)

    def add(self, event: GenerationEvent) -> None:
        if isinstance(event, Delta):
            assert event.text
            self.tokens += event.tokens
            if self.parts and self.parts[-1][0] == event.kind:
                self.parts[-1] = (event.kind, self.parts[-1][1] + event.text)
            else:
                self.parts.append((event.kind, event.text))
        elif isinstance(event, ToolCallStart):
            assert event.index == len(self.calls)
            assert all(call.ended for call in self.calls)
            self.parts.append(("call", str(event.index)))
            self.calls.append(Call(event.name, id=event.id))
        elif isinstance(event, ToolCallDelta):
            assert event.index == len(self.calls) - 1
            assert event.arguments
            assert not self.calls[-1].ended
            self.calls[-1].arguments += event.arguments
        elif isinstance(event, ToolCallEnd):
            assert event.index == len(self.calls) - 1
            call = self.calls[-1]
            call.ended, call.complete, call.repaired = True, event.complete, event.repaired
        elif isinstance(event, Note):
            self.parts.append(("note", event.code))


def collect(events: Iterable[GenerationEvent]) -> Answer:
    answer = Answer()
    for event in events:
        answer.add(event)
    return answer


def read(parser: AnswerParser, pieces: Iterable[bytes]) -> Answer:
    """All a parser makes of an answer; like an engine, it stops where the parser has."""
    answer = Answer()
    for piece in pieces:
        for event in parser.push(piece):
            answer.add(event)
        if parser.stopped:
            break
    for event in parser.finish():
        answer.add(event)
    return answer


def every_cut(whole: bytes) -> Iterable[list[bytes]]:
    """In two pieces at every place, and in single bytes."""
    for at in range(1, len(whole)):
        yield [whole[:at], whole[at:]]
    yield [whole[at : at + 1] for at in range(len(whole))]


def random_cut(whole: bytes, rng: random.Random) -> list[bytes]:
    """In pieces of about the length of a token."""
    pieces = []
    while whole:
        length = rng.randint(1, 7)
        pieces.append(whole[:length])
        whole = whole[length:]
    return pieces
