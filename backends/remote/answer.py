"""One answer on its way from a server: a thread reads it, the engine's iterator takes it.

A server may be silent for minutes, and meanwhile the engine must hear of new requests and move
other answers on. So each answer is read by a thread of its own, and `next` never waits longer than
`PATIENCE`: with nothing new it repeats how far the prompt is, or gives an empty delta.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

import msgspec
import openai

from backends.contacts import Tell
from backends.errors import (
    BackendError,
    BadRequest,
    EngineFailure,
    PromptTooLong,
    ServerUnreachable,
)
from backends.remote.chunks import read_chunk
from backends.remote.connection import Connection
from backends.remote.events import EventReader
from backends.remote.failures import host_of
from backends.remote.request import Body, LeftOut
from backends.remote.server import Server
from backends.remote.trimming import Trimming
from backends.types import (
    ContextCut,
    Delta,
    GenerationEvent,
    GenerationEvents,
    GenerationRequest,
    Note,
    Progress,
)

PATIENCE = 0.1
"""Seconds that `next` waits at most when no answer has anything new."""
PARTING = 1.0
"""Seconds that are waited for the thread; one that is still looking for a way to the server is left
behind and ends when its time is up."""
NOTHING = Delta("", tokens=0)
_LESS: tuple[LeftOut, ...] = (
    frozenset(("reasoning",)),
    frozenset(("sampling",)),
    frozenset(("reasoning", "sampling")),
)
"""What a server that refuses is asked without, one after the other."""
CHARACTERS_PER_TOKEN = 4
"""For guessing how long a prompt is until the server tells."""


class News:
    """Tells whoever waits for one of several answers that one of them has something new."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.answers: set[RemoteAnswer] = set()
        """Those under way."""

    def wait(self, own: RemoteAnswer) -> None:
        """Until `own` or any other answer has something, `PATIENCE` at most."""
        with self.changed:
            self.changed.wait_for(
                lambda: own.waiting or any(each.waiting for each in self.answers), PATIENCE
            )


class RemoteAnswer:
    """Reads one answer; `events` is for one thread, `cancel` for any."""

    def __init__(
        self, server: Server, request: GenerationRequest, news: News, tell: Tell | None = None
    ) -> None:
        """Begins to read at once. Raises `BadRequest`."""
        self.request = request
        self._server = server
        self._news = news
        self._body = server.body(request, server.left_out)
        self._reader = EventReader(request, guess_tokens(request))
        self._events: deque[GenerationEvent] = deque()
        self._problem: BackendError | None = None
        self._shown: Progress | Delta = self._reader.progress
        """What is given again when there is nothing new."""
        self._ended = False
        self._cancelled = False
        self._connection = Connection(server.access, tell=tell)
        self._thread = threading.Thread(target=self._read, name="remote-answer", daemon=True)

    @property
    def waiting(self) -> bool:
        """Whether there is something to take."""
        return bool(self._events) or self._ended

    def cancel(self) -> None:
        """End it now: the connection is cut."""
        self._cancelled = True
        self._connection.cut()
        with self._news.changed:
            self._news.changed.notify_all()

    def events(self) -> GenerationEvents:
        """What comes, until `Finish`. Raises `BackendError`."""
        self._news.answers.add(self)
        self._thread.start()
        try:
            yield self._shown
            while not self._cancelled:
                yield from self._taken()
                if self._ended and not self._events:
                    break
                self._news.wait(self)
                if not self._events and not self._ended and not self._cancelled:
                    yield self._shown
            self._thread.join(PARTING)  # it writes the counts
            if self._problem is not None and not self._cancelled:
                raise self._problem
            yield from self._reader.finish("cancelled" if self._cancelled else None)
        finally:
            self._news.answers.discard(self)
            self._connection.cut()
            self._thread.join(PARTING)

    def _taken(self) -> GenerationEvents:
        """What came since, texts that follow each other joined."""
        while self._events and not self._cancelled:
            event = self._events.popleft()
            while isinstance(event, Delta) and self._events:
                following = self._events[0]
                if not isinstance(following, Delta) or following.kind != event.kind:
                    break
                self._events.popleft()
                event = Delta(
                    event.text + following.text,
                    event.kind,
                    event.tokens + following.tokens,
                    event.logprobs + following.logprobs,
                )
            if isinstance(event, Progress):
                self._shown = event
            elif not isinstance(event, ContextCut):
                self._shown = NOTHING
            yield event

    # In the thread

    def _read(self) -> None:
        try:
            with self._connection:
                self._read_mended()
        except BackendError as error:
            self._problem = error
        except Exception as error:  # noqa: BLE001 - carried to the thread that waits
            self._problem = EngineFailure("The answer could not be read", repr(error))
        finally:
            with self._news.changed:
                self._ended = True
                self._news.changed.notify_all()

    def _read_mended(self) -> None:
        """Read the answer; ask again with less of the prompt, or fewer settings, where it helps."""
        trimming = Trimming(self.request.messages, self.request.context_policy)
        request, left_out = self.request, self._server.left_out
        less, refused = iter(_LESS), list[Body]()
        body = self._body
        while True:
            try:
                self._read_stream(body)
            except PromptTooLong as error:
                shorter = trimming.shorter()
                if shorter is None or self._reader.answering:
                    raise error from None
                messages, cut = shorter
                self._put(cut)
                request = msgspec.structs.replace(request, messages=messages)
                body = self._server.body(request, left_out)
            except BadRequest as error:
                refused.append(body)
                if self._reader.answering:
                    raise error from None
                for each in less:
                    left_out = self._server.left_out | each
                    fewer = self._server.body(request, left_out)
                    if fewer not in refused:
                        break
                else:
                    raise error from None
                body = fewer
            else:
                if refused and (new := left_out - self._server.left_out):
                    self._server.left_out |= left_out
                    self._put(Note("sampling_left_out", _told_without(new)))
                return

    def _read_stream(self, body: Body) -> None:
        client = self._connection.client
        path = "/completions" if "prompt" in body else "/chat/completions"
        with self._connection.explained():
            stream = client.post(
                path,
                body=body,
                cast_to=dict[str, object],
                stream=True,
                stream_cls=openai.Stream[dict[str, object]],
            )
            with stream:
                for raw in stream:
                    self._put(*self._reader.push(read_chunk(raw)))
                    if self._reader.stopped or self._connection.is_cut:
                        return
        if not self._reader.complete and not self._connection.is_cut:
            host = host_of(self._server.access)
            raise ServerUnreachable(f"{host} closed the connection in the middle of the answer")

    def _put(self, *events: GenerationEvent) -> None:
        if events:
            with self._news.changed:
                self._events.extend(events)
                self._news.changed.notify_all()


def _told_without(left_out: LeftOut) -> str:
    what = " and ".join(sorted(left_out))
    return (
        f"The server does not know some of the settings of this chat for {what}; it was asked "
        "without them and used its own."
    )


def guess_tokens(request: GenerationRequest) -> int:
    """Roughly how long the prompt is, in tokens; at least 1."""
    text = len(request.prompt or "") + sum(len(message.content) for message in request.messages)
    return max(1, text // CHARACTERS_PER_TOKEN)


def interruptible(
    work: Callable[[Connection], Server], connection: Connection, keep_on: Callable[[], bool]
) -> Server | None:
    """Do `work` in a thread; cut the connection and answer None when `keep_on` says False."""
    outcome: list[Server | BackendError | Exception] = []

    def run() -> None:
        try:
            outcome.append(work(connection))
        except Exception as error:  # noqa: BLE001 - raised again below
            outcome.append(error)

    thread = threading.Thread(target=run, name="remote-look", daemon=True)
    thread.start()
    wanted = keep_on()
    while wanted and thread.is_alive():
        thread.join(PATIENCE)
        wanted = keep_on()
    if not wanted:
        connection.cut()
        thread.join(PARTING)
        return None
    (found,) = outcome
    if isinstance(found, Exception):
        raise found
    return found
