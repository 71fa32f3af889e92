"""Load for the transcript: what `make bench` measures and a test holds to.

Times are CPU seconds of the GUI thread, which other programs on the computer disturb little.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from PySide6.QtCore import QEventLoop, QObject, QTimer
from PySide6.QtWidgets import QApplication

from app.gui.message_item import MessageItem
from app.gui.transcript import TranscriptView
from backends.types import Usage

QUESTION = "How do I find the first entry after midnight without looking at every entry? ({})"
ANSWER = """## Use bisect, number {}

The list is sorted, so a binary search needs only $O(\\log n)$ steps: **about twenty** for a
million entries, and `bisect_right` does it. See [the manual](https://docs.python.org).

```python
from bisect import bisect_right

def first_after(stamps: list[float], t: float) -> int | None:
    i = bisect_right(stamps, t)
    return i if i < len(stamps) else None
```

- `bisect_right` skips entries equal to *t*; `bisect_left` would include them.
- Add new entries with `insort` so that the list stays sorted.
  1. It costs a move of what comes after.
  2. That is fine below a few thousand.

| Approach | Steps | When it is right |
|---|---|---|
| Plain loop | $n$ | under a hundred entries |
| bisect | $\\log_2 n$ | sorted and in memory |

> Sorting first costs more than one look through the list does.

"""


@dataclass(frozen=True)
class StreamLoad:
    """What streaming cost the GUI thread."""

    flushes: int
    cpu_seconds: float
    block_p99_ms: float
    """CPU time between two looks at the clock of the GUI thread, 5 ms apart at best."""
    block_max_ms: float


def long_chat(count: int = 5_000) -> list[MessageItem]:
    """A chat of so many messages."""
    usage = Usage(completion_tokens=180, tokens_per_second=40.0, time_to_first_token=0.4)
    return [
        MessageItem(number + 1, "assistant", ANSWER.format(number), usage=usage, model_name="M")
        if number % 2
        else MessageItem(number + 1, "user", QUESTION.format(number))
        for number in range(count)
    ]


def open_chat(transcript: TranscriptView, items: list[MessageItem]) -> float:
    """Show a chat in a visible transcript; CPU seconds until it is painted."""
    before = time.thread_time()
    transcript.set_messages(items)
    transcript.viewport().repaint()
    QApplication.processEvents()
    return time.thread_time() - before


def stream(
    transcript: TranscriptView, *, tokens: int = 2_000, tokens_per_second: int = 200
) -> StreamLoad:
    """Add a streaming answer and write it at a steady speed, a flush every 30 ms."""
    last = transcript.items()[-1].id if transcript.items() else 0
    item = MessageItem(last + 1, "assistant", "", model_name="M", state="streaming")
    transcript.append(item)
    loop = QEventLoop()
    pace = _Pace(transcript, item, list(_tokens(tokens)), tokens_per_second, loop)
    pace.start()
    loop.exec()
    return pace.result()


def _tokens(count: int) -> Iterator[str]:
    text = ""
    number = 0
    while len(text) < count * 4:
        text += ANSWER.format(number)
        number += 1
    return (text[start : start + 3] for start in range(0, count * 3, 3))


class _Pace(QObject):
    """Feeds tokens by the clock and looks at the CPU time of its thread every 5 ms."""

    def __init__(
        self,
        transcript: TranscriptView,
        item: MessageItem,
        tokens: list[str],
        speed: int,
        loop: QEventLoop,
    ) -> None:
        super().__init__()
        self._transcript, self._item, self._tokens, self._speed = transcript, item, tokens, speed
        self._loop = loop
        self._sent = self._flushes = 0
        self._blocks: list[float] = []
        self._began = self._cpu_began = self._cpu_seen = 0.0
        self._flush = QTimer(self)
        self._flush.timeout.connect(self._write)
        self._look = QTimer(self)
        self._look.timeout.connect(self._note)

    def start(self) -> None:
        self._began = time.monotonic()
        self._cpu_began = self._cpu_seen = time.thread_time()
        self._flush.start(30)
        self._look.start(5)

    def result(self) -> StreamLoad:
        ordered = sorted(self._blocks)
        p99 = ordered[int(len(ordered) * 0.99)] if ordered else 0.0
        cpu = self._cpu_seen - self._cpu_began
        return StreamLoad(self._flushes, cpu, p99 * 1000, ordered[-1] * 1000)

    def _note(self) -> None:
        now = time.thread_time()
        self._blocks.append(now - self._cpu_seen)
        self._cpu_seen = now

    def _write(self) -> None:
        due = int((time.monotonic() - self._began) * self._speed)
        piece = "".join(self._tokens[self._sent : due])
        if not piece:
            return
        self._sent = min(due, len(self._tokens))
        self._flushes += 1
        self._transcript.stream_text(self._item.id, piece, tokens=due)
        if self._sent >= len(self._tokens):
            self._flush.stop()
            self._look.stop()
            self._note()
            self._loop.quit()
