"""A connection of a client: as uvicorn treats it, but not for ever and not without number."""

import asyncio
import logging
import socket
import sys

from uvicorn.protocols.http.h11_impl import H11Protocol

from app.api.body import LONGEST_PAUSE

log = logging.getLogger(__name__)


def most_connections() -> int:
    """How many a listener has at once: each takes one of the files that a program may open.

    Half of those at most, as models, downloads and chats need some too. macOS allows 256 by itself.
    """
    if sys.platform == "win32":  # there is no such limit
        return 512
    import resource

    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 512 if allowed == resource.RLIM_INFINITY else min(512, max(1, allowed // 2))


MOST_CONNECTIONS = most_connections()
_UNSENT = 64 * 1024
"""Bytes of an answer that the system takes ahead of what it has sent.

By itself it takes megabytes, and so much must go before it is seen that a slow client takes any.
"""


class Connection(H11Protocol):
    """Broken off where a client is there but does nothing for `LONGEST_PAUSE` seconds.

    That is: it does not bring the head of a request to its end, or takes nothing of what it is
    sent. uvicorn itself limits only the time between requests, and what is closed while something
    waits to be sent stays open until that is taken. Bodies have their own limit, in `app.api.body`.
    """

    pause = LONGEST_PAUSE
    _head_timer: asyncio.TimerHandle | None = None
    _taking_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn declares it
        """Begin to wait for the first request."""
        super().connection_made(transport)
        # `pause_writing` tells as soon as something waits; 0 as `high` would mean always with TLS.
        transport.set_write_buffer_limits(high=1, low=0)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            sock = transport.get_extra_info("socket")
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT)
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
        """Forget the time limits."""
        self._stop_watching_head()
        self._stop_watching_taking()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Something waits to be sent: see to it that the client takes it."""
        super().pause_writing()
        self._watch_taking(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """Everything was taken."""
        self._stop_watching_taking()
        super().resume_writing()

    def _watch_head(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_watching_head()
        elif self._head_timer is None:  # pieces do not prolong it
            self._head_timer = self.loop.call_later(self.pause, self.transport.abort)

    def _watch_taking(self, waiting: int) -> None:
        self._taking_timer = self.loop.call_later(self.pause, self._look_at_taking, waiting)

    def _look_at_taking(self, waited: int) -> None:
        waiting = self.transport.get_write_buffer_size()
        if waiting < waited:
            self._watch_taking(waiting)
        else:
            self.transport.abort()

    def _stop_watching_taking(self) -> None:
        if self._taking_timer is not None:
            self._taking_timer.cancel()
            self._taking_timer = None

    def _stop_watching_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
