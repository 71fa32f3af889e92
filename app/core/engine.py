"""One engine in a child process, used like the engine itself.

`EngineProcess` offers the calls of `backends.base.Backend`; several threads may use it at once.
A crash of native code ends the child and nothing else: every waiting call then raises
`EngineDied`, which says what happened in words for a person.
"""

from collections.abc import Sequence
from types import TracebackType

from app.core.errors import EngineDied
from app.core.events import EventHook
from backends.base import LoadProgressCallback
from backends.types import (
    ChatMessage,
    EngineStats,
    GenerationEvents,
    GenerationRequest,
    LoadConfig,
    ModelInfo,
)


class EngineProcess:
    """An engine child: started, asked, cancelled, closed.

    Calls raise what the engine raises (`backends.errors.BackendError`), `EngineDied` when the
    child is gone by itself, and `ModelError` when it was closed.
    """

    def __init__(
        self,
        backend: str,
        *,
        command: Sequence[str] | None = None,
        start_deadline: float = 60.0,
        cancel_deadline: float = 10.0,
    ) -> None:
        """Prepare; nothing runs until `start`. `command` replaces the program's own child."""
        self.backend = backend
        self.died: EventHook[[EngineDied]] = EventHook()

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
        raise NotImplementedError

    @property
    def alive(self) -> bool:
        """Whether the child is started and takes calls."""
        raise NotImplementedError

    @property
    def idle_seconds(self) -> float:
        """Seconds since the last call ended; 0 while one is running."""
        raise NotImplementedError

    def start(self) -> None:
        """Start the child and wait until its engine is set up.

        Raises:
            EngineDied: it ended or gave no sign within the deadline.
            BackendError: the engine is not installed.
        """
        raise NotImplementedError

    def load(self, path: str, config: LoadConfig, on_progress: LoadProgressCallback) -> ModelInfo:
        """Load a model. `on_progress` runs in the calling thread; False cancels the load."""
        raise NotImplementedError

    def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        """Tokens of the whole prompt; answered between two tokens while the engine generates."""
        raise NotImplementedError

    def generate(self, request: GenerationRequest) -> GenerationEvents:
        """Events of one answer. The request is sent at the first `next`.

        Closing the iterator early cancels the request and waits until the engine let go of it.
        When the engine dies the iterator raises `EngineDied`; when it is closed on purpose the
        last event is `Finish("cancelled")`.
        """
        raise NotImplementedError

    def cancel(self, request_id: str) -> None:
        """End a running or waiting request soon; from any thread, unknown ids are ignored.

        An engine that does not let go within the cancel deadline is killed.
        """
        raise NotImplementedError

    def stats(self) -> EngineStats:
        """Memory and cache of the engine now."""
        raise NotImplementedError

    def unload(self) -> None:
        """Free the model; the child stays and may load another one."""
        raise NotImplementedError

    def last_words(self) -> tuple[str, ...]:
        """The last lines of the child's log, oldest first."""
        raise NotImplementedError

    def close(self) -> None:
        """End the child: ask, terminate, kill. Returns when it is gone; may be called twice."""
        raise NotImplementedError
