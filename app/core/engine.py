"""One engine in a child process, used like the engine itself.

`EngineProcess` offers the calls of `backends.base.Backend`; several threads may use it at once.
A crash of native code ends the child and nothing else: every waiting call then raises
`EngineDied`, which says what happened in words for a person.
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import TypeVar

import psutil

from app.core.children import child_command
from app.core.engine_link import Call, EngineClosed, EngineLink
from app.core.errors import ModelError
from app.core.installed_engines import usual_environment
from backends import wire
from backends.base import LoadProgressCallback
from backends.contacts import Tell
from backends.errors import (
    BackendError,
    BadLoadSetting,
    BadRequest,
    EngineFailure,
    LoadCancelled,
)
from backends.types import (
    ChatMessage,
    EmbeddingRequest,
    Embeddings,
    EngineBuild,
    EngineStats,
    Finish,
    GenerationEvent,
    GenerationRequest,
    LoadConfig,
    LoadProgress,
    ModelInfo,
    Tool,
)

Answer = TypeVar("Answer", wire.Counted, wire.Embedded, wire.StatsTaken, wire.Unloaded)


class EngineProcess:
    """An engine child: started, asked, cancelled, closed.

    Calls raise what the engine raises (`backends.errors.BackendError`; `engine_errors.refusal`
    puts it into words), `EngineDied` when the child is gone by itself, and `EngineClosed` when it
    was closed or never started. The other two are `ModelError`s.
    """

    def __init__(
        self,
        backend: str,
        *,
        command: Sequence[str] | None = None,
        start_deadline: float = 60.0,
        cancel_deadline: float = 10.0,
        longest_silence: float = 30.0,
        tell: Tell | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare; nothing runs until `start`.

        `command` replaces the program's own child. The deadlines are seconds in which the child
        must be ready, and must let go of cancelled work; one that misses them is killed. After
        `longest_silence` seconds without a word of the child `count_tokens`, `stats` and `unload`
        give up and raise `EngineSilent`, a `ModelError`; the child lives on. `tell` hears of the
        child's connections to other computers. `environment` tells the child which installed
        engine to run (`EngineChoice`); None is the best one.
        """
        self.backend = backend
        command = command or child_command("--engine-host", "--backend", backend)
        if environment is None and backend == "llamacpp":
            environment = usual_environment()
        self._link = EngineLink(command, tell, environment)
        self._start_deadline = start_deadline
        self._cancel_deadline = cancel_deadline
        self._longest_silence = longest_silence
        self.died = self._link.died
        """Hook, gets an `EngineDied`: the child ended by itself after `start`."""

    def __enter__(self) -> "EngineProcess":
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """Process id of the child; None before `start`."""
        return self._link.pid

    @property
    def build(self) -> EngineBuild | None:
        """Which build of the engine runs; None before `start`, and where it is not told."""
        return self._link.build

    @property
    def alive(self) -> bool:
        """Whether the child is started and takes calls."""
        return self._link.alive

    @property
    def idle_seconds(self) -> float:
        """Seconds since the last call ended; 0 while one is running."""
        return self._link.idle_seconds

    @property
    def mapped_bytes(self) -> int:
        """Memory of the child that is a file's, such as a model's weights.

        Linux calls it available, since it could be read again; an engine that has to is slow.
        Elsewhere it is not called so, and this is 0.
        """
        return getattr(self._memory(), "shared", 0)

    @property
    def resident_bytes(self) -> int:
        """Memory of the child, with what is mapped."""
        return getattr(self._memory(), "rss", 0)

    def last_words(self) -> tuple[str, ...]:
        """The last lines of the child's log, oldest first."""
        return self._link.last_words()

    def start(self) -> None:
        """Start the child and wait until its engine is set up. Once only.

        Raises:
            EngineDied: it could not be started, ended, or gave no sign within the deadline.
            BackendError: the engine is not installed.
            EngineClosed: it was closed already.
        """
        self._link.start(self._start_deadline)

    def load(self, path: str, config: LoadConfig, on_progress: LoadProgressCallback) -> ModelInfo:
        """Load a model. `on_progress` runs in the calling thread; False cancels the load."""
        try:
            call = self._link.ask(lambda number: wire.Load(number, path, config))
        except wire.WireError as error:
            raise BadLoadSetting("A load setting is out of its range", str(error)) from error
        wanted = True
        with self._settled(call):
            while not call.done:
                match self._link.next(call):
                    case wire.Event(event=LoadProgress(fraction=fraction)):
                        if not on_progress(fraction):
                            wanted = False
                            self._link.cancel(call, self._cancel_deadline)
                    case wire.Loaded(info=info):
                        call.done = True
        if not wanted:  # it was loaded before it heard of that
            self.unload()
            raise LoadCancelled("The load was cancelled")
        return info

    def count_tokens(self, messages: Sequence[ChatMessage], tools: Sequence[Tool] = ()) -> int:
        """Tokens of the whole prompt; answered between two tokens while the engine generates."""
        command = wire.CountTokens
        counted = self._get(
            lambda number: command(number, tuple(messages), tuple(tools)),
            wire.Counted,
            self._longest_silence,
        )
        return counted.tokens

    def generate(self, request: GenerationRequest) -> Generator[GenerationEvent, None, None]:
        """Events of one answer. The request is sent at the first `next`.

        Closing the iterator early cancels the request and waits until the engine let go of it.
        When the engine dies the iterator raises `EngineDied`; when it is closed on purpose the
        last event is `Finish("cancelled")`.
        """
        call = self._ask(lambda number: wire.Generate(number, request), request.id)
        with self._settled(call):
            while not call.done:
                try:
                    reply = self._link.next(call)
                except EngineClosed:
                    reply = wire.Event(call.number, Finish("cancelled"))
                if isinstance(reply, wire.Event) and not isinstance(reply.event, LoadProgress):
                    call.done = isinstance(reply.event, Finish)
                    yield reply.event

    def embed(self, request: EmbeddingRequest) -> Embeddings:
        """Embed texts with a model that was loaded for it; waits until no answer is under way."""
        return self._get(lambda number: wire.Embed(number, request), wire.Embedded).embeddings

    def cancel(self, request_id: str) -> None:
        """End a running or waiting request soon; from any thread, unknown ids are ignored.

        An engine that does not let go within the cancel deadline is killed.
        """
        for call in self._link.calls(request_id):
            self._link.cancel(call, self._cancel_deadline)

    def stats(self) -> EngineStats:
        """Memory and cache of the engine now."""
        return self._get(wire.Stats, wire.StatsTaken, self._longest_silence).stats

    def unload(self) -> None:
        """Free the model; the child stays and may load another one."""
        self._get(wire.Unload, wire.Unloaded, self._longest_silence)

    def close(self) -> None:
        """End the child: ask, terminate, kill. Returns when it is gone; may be called twice."""
        self._link.close()

    def _ask(self, command: Callable[[int], wire.Command], request_id: str = "") -> Call:
        try:
            return self._link.ask(command, request_id)
        except wire.WireError as error:
            raise BadRequest("A value of the request is not valid", str(error)) from error

    def _get(
        self,
        command: Callable[[int], wire.Command],
        kind: type[Answer],
        silence: float | None = None,
    ) -> Answer:
        """Send a command that has one answer; `silence` is how long the child may say nothing."""
        call = self._ask(command)
        try:
            reply = self._link.next(call, silence)
        finally:
            self._link.forget(call)
        if isinstance(reply, kind):
            return reply
        raise EngineFailure("The engine gave an answer to another question", repr(reply)[:200])

    def _memory(self) -> object:
        """What the system says of the child's memory; None when there is no child."""
        try:
            return psutil.Process(self.pid).memory_info() if self.pid else None
        except psutil.Error:
            return None

    @contextmanager
    def _settled(self, call: Call) -> Iterator[None]:
        """Leave no work behind in the engine when the caller loses interest in `call`."""
        try:
            yield
        finally:
            # Whoever left early does not want to hear how the rest went.
            with suppress(BackendError, ModelError):
                self._link.cancel(call, self._cancel_deadline)
                while not call.done:
                    reply = self._link.next(call)
                    call.done = isinstance(reply, wire.Loaded) or (
                        isinstance(reply, wire.Event) and isinstance(reply.event, Finish)
                    )
            self._link.forget(call)
