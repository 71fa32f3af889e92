"""What the local server was asked, for people to watch: who, what, how long, how many tokens."""

import itertools
import threading
from collections import deque
from collections.abc import Callable

from msgspec import Struct, structs

from app.core.events import EventHook

KEPT = 500
"""Requests that are remembered."""
LONGEST_TEXT = 20_000
"""Characters kept of what was asked, and of what was answered."""


class RequestRecord(Struct, frozen=True):
    """One request, as far as it has come."""

    number: int
    """Counts from 1 in each run of the program."""
    time: float
    """When it came, Unix seconds."""
    client: str
    """Address it came from."""
    token: str
    """Name of the token it carried; empty without one."""
    method: str
    path: str
    dialect: str = ""
    """"openai", "anthropic", "ollama", "lmstudio" or "corral"."""
    model: str = ""
    """Id of the model it was about."""
    status: int = 0
    """HTTP status; 0 while nothing was answered yet. 499: the client left before the end."""
    seconds: float | None = None
    """From its arrival to the end of the answer; None while it is under way."""
    waited: float = 0.0
    """Seconds in the line for the model."""
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    time_to_first_token: float | None = None
    """Seconds from its arrival."""
    tokens_per_second: float | None = None
    error: str = ""
    asked: str = ""
    """What was asked, only where the person wants the log to hold it."""
    answered: str = ""


class RequestLog:
    """The last requests, oldest first. Thread-safe.

    `changed` gets each record when it is begun, when it is told something new, and at its end;
    `told` gets what was known before and what is known now. Both in the calling thread. An answer
    that goes on without its client is told of behind its request's end.
    """

    def __init__(self) -> None:
        self.changed: EventHook[[RequestRecord]] = EventHook()
        self.told: EventHook[[RequestRecord, RequestRecord]] = EventHook()
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._records: deque[int] = deque()
        self._by_number: dict[int, RequestRecord] = {}

    def records(self) -> tuple[RequestRecord, ...]:
        """All that are remembered, oldest first."""
        with self._lock:
            return tuple(self._by_number[number] for number in self._records)

    def begin(self, time: float, client: str, token: str, method: str, path: str) -> RequestRecord:
        """A request has come."""
        record = RequestRecord(next(self._numbers), time, client, token, method, path[:300])
        with self._lock:
            if len(self._records) >= KEPT:
                self._by_number.pop(self._records.popleft())
            self._records.append(record.number)
            self._by_number[record.number] = record
        self.changed(record)
        return record

    def update(self, number: int, **news: object) -> None:
        """More is known of a request; one that is no longer remembered is left alone."""
        self._change(number, lambda _: news)

    def add(self, number: int, **more: int | str) -> None:
        """Add to what is known of a request: numbers are summed, texts joined."""
        self._change(
            number,
            lambda known: {name: getattr(known, name) + value for name, value in more.items()},
        )

    def _change(self, number: int, news_of: Callable[[RequestRecord], dict[str, object]]) -> None:
        with self._lock:
            before = self._by_number.get(number)
            if before is None:
                return
            news = news_of(before)
            for name in ("asked", "answered"):
                if isinstance(text := news.get(name), str):
                    news[name] = text[:LONGEST_TEXT]
            record = self._by_number[number] = structs.replace(before, **news)
        self.told(before, record)
        self.changed(record)

    def clear(self) -> None:
        """Forget what has ended."""
        with self._lock:
            open_ones = [n for n in self._records if self._by_number[n].seconds is None]
            self._records = deque(open_ones)
            self._by_number = {number: self._by_number[number] for number in open_ones}
