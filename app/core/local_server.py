"""What the local server is made of, and how window and terminal hold it.

The server itself is `app.api`; window and command line know only what is here, and get it made by
`app.__main__`.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from app.core.access_tokens import AccessTokens
from app.core.downloads import DownloadManager
from app.core.errors import AppError
from app.core.events import EventHook
from app.core.hub import HubClient
from app.core.library import ModelLibrary
from app.core.paths import AppPaths
from app.core.presets import PresetStore
from app.core.request_log import RequestLog
from app.core.runtime import ModelRuntime
from app.core.settings import SettingsStore
from app.core.speeds import SpeedBook


class ServerError(AppError):
    """The local server cannot run as it is set."""

    code: ClassVar[str] = "server"


@dataclass(frozen=True)
class ServerParts:
    """The parts of the program that the server needs; it closes none of them."""

    paths: AppPaths
    settings: SettingsStore
    library: ModelLibrary
    runtime: ModelRuntime
    presets: PresetStore
    tokens: AccessTokens
    hub: HubClient
    downloads: DownloadManager
    speeds: SpeedBook | None = None
    window: bool = False
    """It runs beside a window, which keeps a share of each model to itself."""
    log: RequestLog = field(default_factory=RequestLog)
    shut_down: Callable[[], None] | None = None
    """Ends the program, when a command asks for that."""


class LocalServer(Protocol):
    """The server as its owner sees it. Safe to use from any thread."""

    changed: EventHook[[]]
    """It began or ceased to listen, or could not; in a thread of its own."""

    def start(self) -> None:
        """Begin: commands of this computer are answered, others where the settings say so.

        Follows the settings from then on. Raises `ServerError` where not even that is possible.
        """

    def close(self) -> None:
        """End all answers and stop listening. Returns when that is done; may be called twice."""

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where other programs reach it, as URLs, the main one first; empty while it is off."""

    @property
    def refused_ports(self) -> tuple[int, ...]:
        """The usual ports that were wanted and that another program has."""

    @property
    def problem(self) -> AppError | None:
        """Why it does not listen although the settings want it to."""


ServerFactory = Callable[[ServerParts], LocalServer]


class LaterServer:
    """A `LocalServer` that is made when it is started, so that nothing else waits for that."""

    def __init__(self, make: ServerFactory, parts: ServerParts) -> None:
        self.changed: EventHook[[]] = EventHook()
        self._make = make
        self._parts = parts
        self._lock = threading.Lock()
        self._server: LocalServer | None = None
        self._closed = False

    def start(self) -> None:
        """Make it and begin; a second call, or one after `close`, does nothing."""
        with self._lock:
            if self._closed or self._server is not None:
                return
            server = self._make(self._parts)
            server.changed.connect(self.changed)
            server.start()
            self._server = server
        self.changed()

    def close(self) -> None:
        """End it if it was begun; it cannot be begun again."""
        with self._lock:
            self._closed = True
            if self._server is not None:
                self._server.close()

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where other programs reach it."""
        return () if self._server is None else self._server.addresses

    @property
    def refused_ports(self) -> tuple[int, ...]:
        """The usual ports that another program has."""
        return () if self._server is None else self._server.refused_ports

    @property
    def problem(self) -> AppError | None:
        """Why it does not listen although it should."""
        return None if self._server is None else self._server.problem
