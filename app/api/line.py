"""The line in front of a model: how many answers at once, who is next, how many may wait."""

import asyncio
from collections import OrderedDict, deque

from app.api.errors import ApiError


class WaitingLine:
    """For one model. Clients take turns: one that asks a lot does not keep the others waiting.

    Used from one event loop only.
    """

    def __init__(self, at_once: int, longest: int) -> None:
        """`at_once` answers are under way at most; `longest` requests may wait for them."""
        self.at_once = max(1, at_once)
        self.longest = longest
        self.running = 0
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        """Those who wait, by client; the first client is next."""

    @property
    def waiting(self) -> int:
        """How many stand in the line."""
        return sum(len(each) for each in self._waiting.values())

    @property
    def empty(self) -> bool:
        """Whether nobody is answered and nobody waits."""
        return self.running == 0 and not self._waiting

    def leave(self) -> None:
        """Give back the turn that one had; the next one may go on."""
        self.running -= 1
        self._call_next()

    async def enter(self, client: str) -> None:
        """Wait for one's turn and have it until `leave`. Raises ApiError where the line is full.

        Leaving the line, by being cancelled, lets the next one pass.
        """
        if self.running < self.at_once and not self._waiting:
            self.running += 1
            return
        if self.waiting >= self.longest:
            raise ApiError(
                "busy",
                f"{self.running} answers are under way and {self.waiting} requests wait: "
                "the line is full. Try again in a moment.",
                retry_after=5,
            )
        place = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(client, deque()).append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():  # called, and gone in the same moment
                self.leave()
            else:
                self._step_out(client, place)
            raise

    def _step_out(self, client: str, place: asyncio.Future[None]) -> None:
        places = self._waiting.get(client)
        if places is not None and place in places:
            places.remove(place)
            if not places:
                del self._waiting[client]

    def _call_next(self) -> None:
        while self._waiting and self.running < self.at_once:
            client, places = next(iter(self._waiting.items()))
            place = places.popleft()
            del self._waiting[client]
            if places:
                self._waiting[client] = places  # behind the others
            if not place.done():
                self.running += 1
                place.set_result(None)
