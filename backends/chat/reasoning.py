"""Splits an answer into reasoning and text by the model's markers, such as `<think>`."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from backends.chat.stops import held_length
from backends.types import DeltaKind

Piece = tuple[DeltaKind, str]


@dataclass(frozen=True)
class ReasoningMarkers:
    """The two texts around a model's reasoning."""

    open: str
    close: str


_KNOWN = (
    ReasoningMarkers("<think>", "</think>"),
    ReasoningMarkers("[THINK]", "[/THINK]"),
    ReasoningMarkers("<seed:think>", "</seed:think>"),
    ReasoningMarkers("<mm:think>", "</mm:think>"),
    ReasoningMarkers("<|think|>", "<|/think|>"),
    ReasoningMarkers("<|START_THINKING|>", "<|END_THINKING|>"),
    ReasoningMarkers("<|inner_prefix|>", "<|inner_suffix|>"),
)


def find_markers(template: str, is_token: Callable[[str], bool]) -> ReasoningMarkers | None:
    """The markers this model uses: both are single tokens, or the template writes the close.

    A template that only mentions the close marker (to cut old reasoning) is enough: distilled
    models spell the markers with ordinary tokens.
    """
    for markers in _KNOWN:
        if markers.close in template or (is_token(markers.open) and is_token(markers.close)):
            return markers
    return None


def starts_inside(prompt: str, markers: ReasoningMarkers) -> bool:
    """Whether the end of a rendered prompt has opened the reasoning and not closed it."""
    return prompt.rstrip().endswith(markers.open)


class ReasoningSplitter:
    """A small state machine over the text of one answer.

    Reasoning is recognised only before the answer proper: at its start, blanks aside. Later the
    same characters are text, so that a model can talk about its own markers. Blank lines between
    the reasoning and the answer, and around the markers, belong to neither.
    """

    def __init__(self, markers: ReasoningMarkers, *, inside: bool) -> None:
        self._markers = markers
        self._state: Literal["start", "reasoning", "after", "text"] = "start"
        self._inside_at_start = inside
        self._reasoned = False
        self._held = ""

    @property
    def reasoning(self) -> bool:
        """Whether what comes next is reasoning, as far as is known."""
        return self._state == "reasoning" or (self._state == "start" and self._inside_at_start)

    def push(self, text: str) -> list[Piece]:
        """The pieces that are certain now, in order."""
        self._held += text
        return list(self._pieces(last=False))

    def finish(self) -> list[Piece]:
        """The rest, now that nothing more comes."""
        return list(self._pieces(last=True))

    def _pieces(self, *, last: bool) -> Iterator[Piece]:
        while self._held:
            before = (self._state, self._held)
            if self._state == "start":
                self._start(last=last)
            elif self._state == "reasoning":
                yield from self._reasoning(last=last)
            elif self._state == "after":
                self._after()
            else:
                yield "text", self._held
                self._held = ""
            if (self._state, self._held) == before:
                return

    def _start(self, *, last: bool) -> None:
        body = self._held.lstrip()
        marker = self._markers.open
        if body.startswith(marker):
            # Where the prompt had opened the reasoning, a second marker is swallowed.
            self._state, self._held = "reasoning", body[len(marker) :]
        elif body.startswith(self._markers.close):
            self._state, self._held = "after", body[len(self._markers.close) :]
        elif last or (body and not self._may_become_marker(body)):
            self._state = "reasoning" if self._inside_at_start else "text"

    def _may_become_marker(self, body: str) -> bool:
        return self._markers.open.startswith(body) or self._markers.close.startswith(body)

    def _reasoning(self, *, last: bool) -> Iterator[Piece]:
        if not self._reasoned:
            self._held = self._held.lstrip("\n")
        at = self._held.find(self._markers.close)
        if at >= 0:
            if thought := self._held[:at].rstrip("\n"):
                yield "reasoning", thought
            self._state, self._held = "after", self._held[at + len(self._markers.close) :]
            return
        keep = len(self._held)
        if not last:
            keep -= held_length(self._held, (self._markers.close,))
            keep = len(self._held[:keep].rstrip("\n"))
        if keep:
            self._reasoned = True
            yield "reasoning", self._held[:keep]
        self._held = self._held[keep:]

    def _after(self) -> None:
        self._held = self._held.lstrip()
        if self._held:
            self._state = "text"
