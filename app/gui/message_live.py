"""An answer while it is being written."""

import time
from dataclasses import replace

from app.gui.markdown_stream import StreamingMarkdown
from app.gui.message_item import MessageItem
from backends.types import DeltaKind


class LiveAnswer:
    """Text and reasoning so far, parsed as they grow, and how long the reasoning took."""

    def __init__(self, item: MessageItem) -> None:
        self.text = StreamingMarkdown()
        self.reasoning = StreamingMarkdown()
        self.reasoning_tokens = 0
        self._reasoning_began: float | None = None
        self._reasoning_ended: float | None = None
        if item.text:
            self.text.append(item.text)
        if item.reasoning:
            self.reasoning.append(item.reasoning)

    def add(self, text: str, kind: DeltaKind, tokens: int = 0) -> None:
        """Take a piece of the answer."""
        if kind == "reasoning":
            if self._reasoning_began is None:
                self._reasoning_began = time.monotonic()
            self.reasoning_tokens += tokens
            self.reasoning.append(text)
            return
        if self._reasoning_began is not None and self._reasoning_ended is None:
            self._reasoning_ended = time.monotonic()
        self.text.append(text)

    @property
    def is_reasoning(self) -> bool:
        """Whether the model reasons at the moment."""
        return self._reasoning_began is not None and self._reasoning_ended is None

    @property
    def reasoning_seconds(self) -> float | None:
        """How long the reasoning took; None if none was seen to begin and end."""
        if self._reasoning_began is None:
            return None
        return (self._reasoning_ended or time.monotonic()) - self._reasoning_began

    def timed(self, item: MessageItem) -> MessageItem:
        """The stored answer with what was seen of its reasoning."""
        if item.reasoning_seconds is not None or self._reasoning_began is None:
            return item
        return replace(
            item,
            reasoning_seconds=self.reasoning_seconds,
            reasoning_tokens=self.reasoning_tokens or None,
        )
