"""An answer while it is being written."""

import time
from collections.abc import Sequence
from dataclasses import replace

from app.gui.answer_blocks import JSON_FENCE, is_json
from app.gui.markdown import Block
from app.gui.markdown_stream import StreamingMarkdown
from app.gui.message_item import MessageItem
from backends.types import DeltaKind


class LiveAnswer:
    """Text and reasoning so far, parsed as they grow, and how long the reasoning took."""

    def __init__(self, item: MessageItem) -> None:
        self.text = StreamingMarkdown()
        self._is_json = item.is_json
        self.reasoning = StreamingMarkdown()
        self.reasoning_tokens = 0
        self._reasoning_began: float | None = None
        self._reasoning_ended: float | None = None
        if item.text:
            self._write(item.text)
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
        self._write(text)

    def _write(self, text: str) -> None:
        if self._is_json and not self.text.text:
            self.text.append(JSON_FENCE)
        self.text.append(text)

    @property
    def written(self) -> str:
        """The text so far, as the model wrote it."""
        return self.text.text.removeprefix(JSON_FENCE) if self._is_json else self.text.text

    def finish(self, text: str) -> Sequence[Block] | None:
        """The blocks of the whole answer; None if they are others than those shown so far."""
        if self._is_json or self.text.text != text or is_json(text):
            return None
        return self.text.finish()

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
