"""A connection of a client: as uvicorn treats it, but not for ever and not without number."""

import asyncio
import logging

from uvicorn.protocols.http.h11_impl import H11Protocol

from app.api.body import LONGEST_PAUSE

log = logging.getLogger(__name__)

MOST_CONNECTIONS = 512
"""Of one listener at once: each takes one of the files that the system lets a program open."""


class Connection(H11Protocol):
    """Closed where the head of a request does not come to its end in `LONGEST_PAUSE` seconds.

    uvicorn itself limits only the time between requests. Bodies and answers have their own limits,
    in `app.api.body` and `app.api.streams`.
    """

    pause = LONGEST_PAUSE
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn declares it
        """Begin to wait for the first request."""
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            log.warning("more than %s connections: one was refused", MOST_CONNECTIONS)
            transport.abort()
            return
        self._watch_head()

    def data_received(self, data: bytes) -> None:
        """Take up what came; a request whose head is complete is waited for no longer."""
        super().data_received(data)
        self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the time limit."""
        self._stop_watching()
        super().connection_lost(exc)

    def _watch_head(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_watching()
        elif self._head_timer is None:  # pieces do not prolong it
            self._head_timer = self.loop.call_later(self.pause, self.transport.abort)

    def _stop_watching(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
