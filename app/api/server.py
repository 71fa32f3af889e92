"""The server: an event loop in a thread of its own, sockets as the settings say."""

import asyncio
import contextlib
import logging
import secrets
import socket
import ssl
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import uvicorn

from app import __version__
from app.api.application import Application, build_application
from app.api.connection import Connection
from app.core import running
from app.core.errors import AppError
from app.core.events import EventHook
from app.core.local_server import ServerError, ServerParts
from app.core.settings import Server as ServerSettings
from app.core.settings import Settings

log = logging.getLogger(__name__)

OLLAMA_PORT = 11434
LMSTUDIO_PORT = 1234
MOST_THREADS = 16
"""For what blocks: loading, counting, embedding."""
CLOSE_SECONDS = 5.0
"""In which answers must have ended when the server does."""
_GRACE = 1
"""Seconds that uvicorn waits for connections before it breaks them off."""


class ApiServer:
    """Listens for this computer's own commands always, for other programs while it is set on."""

    def __init__(self, parts: ServerParts) -> None:
        self.changed: EventHook[[]] = EventHook()
        self._parts = parts
        self._secret = secrets.token_urlsafe(32)
        self._application: Application = build_application(parts, self._secret)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._own: _Listener | None = None
        self._public: _Listener | None = None
        self._parting: set[_Listener] = set()
        """They listen no more and bring the answers under way to their end."""
        self._wanted: ServerSettings | None = None
        self._problem: AppError | None = None
        self._refused_ports: tuple[int, ...] = ()
        self._changing: asyncio.Lock | None = None
        self._closing = False

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where other programs reach it; empty while it is off."""
        public = self._public
        return () if public is None else public.addresses

    @property
    def refused_ports(self) -> tuple[int, ...]:
        """The usual ports that were wanted and that another program has."""
        return self._refused_ports

    @property
    def own_address(self) -> str:
        """Where this computer's own commands reach it; empty while it does not run."""
        own = self._own
        return "" if own is None else own.addresses[0]

    @property
    def own_secret(self) -> str:
        """The secret of this computer's own commands."""
        return self._secret

    @property
    def problem(self) -> AppError | None:
        """Why it does not listen although the settings want it to."""
        return self._problem

    def start(self) -> None:
        """Listen, and follow the settings. Raises `ServerError` or `StorageError`."""
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="server", daemon=True)
        self._thread.start()
        ready.wait()
        try:
            self._await(self._listen_for_own())
            self._await(self._follow(self._parts.settings.current))
        except BaseException:
            self.close()
            raise
        self._parts.settings.changed.connect(self._settings_changed)

    def close(self) -> None:
        """End all answers and stop listening; may be called twice."""
        loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return
        self._parts.settings.changed.disconnect(self._settings_changed)
        running.withdraw(self._parts.paths)
        with contextlib.suppress(TimeoutError):
            self._await(self._stop_listening())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(CLOSE_SECONDS)
        self._loop = self._thread = None
        self._application.close()
        self.changed()

    def _run(self, ready: threading.Event) -> None:
        loop = asyncio.new_event_loop()
        pool = ThreadPoolExecutor(MOST_THREADS, "server")
        loop.set_default_executor(pool)
        asyncio.set_event_loop(loop)
        self._loop, self._closing = loop, False
        self._changing = asyncio.Lock()
        loop.call_soon(ready.set)
        try:
            loop.run_forever()
        finally:
            tasks = asyncio.all_tasks(loop)
            for task in tasks:
                task.cancel()
            if tasks:
                loop.run_until_complete(asyncio.wait(tasks, timeout=CLOSE_SECONDS))
            loop.run_until_complete(loop.shutdown_asyncgens())
            pool.shutdown(wait=False, cancel_futures=True)  # a load ends when the runtime does
            loop.close()

    def _await(self, work: Coroutine[Any, Any, None]) -> None:
        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(work, self._loop).result(2 * CLOSE_SECONDS)

    async def _listen_for_own(self) -> None:
        sock = _bound("127.0.0.1", 0)
        self._own = _Listener(self._application, [sock], "http", None)
        self._application.guard.own_port = sock.getsockname()[1]
        await self._own.start()
        running.announce(
            self._parts.paths,
            self.own_address,
            self._secret,
            __version__,
            window=self._parts.window,
        )

    def _settings_changed(self, settings: Settings) -> None:
        if self._loop is not None:
            asyncio.run_coroutine_threadsafe(self._follow(settings), self._loop)

    async def _follow(self, settings: Settings) -> None:
        """Listen as the settings say; what is looked at anew for each request needs nothing."""
        assert self._changing is not None
        async with self._changing:
            wanted = self._parts.settings.current.server
            unchanged = self._wanted is not None and _same_sockets(wanted, self._wanted)
            # What could not listen tries again: the port may be free by now.
            if self._closing or (unchanged and self._problem is None):
                return
            self._wanted = wanted
            self._problem = None
            if wanted.on:
                self._part_with_public()
                try:
                    self._public = await self._opened_soon(wanted)
                except AppError as error:
                    log.warning("%s", error)
                    self._problem = error
            else:
                await self._close_public()
        self.changed()

    async def _opened_soon(self, wanted: ServerSettings) -> "_Listener":
        """Listen, if need be once the answers of before are broken off."""
        try:
            return await self._opened(wanted)
        except ServerError:
            if not self._parting:
                raise
        await self._close_parting()  # Windows gives a port back with its last connection
        return await self._opened(wanted)

    async def _opened(self, wanted: ServerSettings) -> "_Listener":
        certificate = _certificate(wanted)
        sockets = [_bound(wanted.address, wanted.port)]
        twin = {"127.0.0.1": "::1", "0.0.0.0": "::"}.get(wanted.address)
        if twin is not None:  # "localhost" may mean either
            with contextlib.suppress(ServerError):
                sockets.append(_bound(twin, wanted.port))
        self._refused_ports = ()
        usual = {OLLAMA_PORT: wanted.ollama_port, LMSTUDIO_PORT: wanted.lmstudio_port}
        for port in (each for each, on in usual.items() if on and each != wanted.port):
            try:
                sockets.append(_bound("127.0.0.1", port))
            except ServerError as error:
                log.info("%s", error)
                self._refused_ports += (port,)
        scheme = "http" if certificate is None else "https"
        listener = _Listener(self._application, sockets, scheme, certificate)
        await listener.start()
        return listener

    def _part_with_public(self) -> None:
        """Stop listening; answers go on."""
        parting, self._public = self._public, None
        if parting is not None:
            self._parting.add(parting)
            parting.part(lambda: self._parting.discard(parting))

    async def _close_public(self) -> None:
        if self._public is not None:
            await self._public.close()
            self._public = None
        await self._close_parting()

    async def _close_parting(self) -> None:
        for listener in list(self._parting):
            await listener.close()

    async def _stop_listening(self) -> None:
        self._closing = True
        assert self._changing is not None
        async with self._changing:
            await self._close_public()
            if self._own is not None:
                own, self._own = self._own, None
                await own.close()


class _Listener:
    """One uvicorn server with its sockets."""

    def __init__(
        self,
        application: Application,
        sockets: list[socket.socket],
        scheme: str,
        certificate: ssl.SSLContext | None,
    ) -> None:
        self.addresses = tuple(_url(scheme, sock) for sock in sockets)
        self._sockets = sockets
        factory: Callable[..., ssl.SSLContext] | None = None
        if certificate is not None:
            factory = lambda *_: certificate  # noqa: E731 - uvicorn asks for a function
        config = uvicorn.Config(
            application,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            http=Connection,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=_GRACE,
            ssl_context_factory=factory,
        )
        self._server = _Server(config)
        self._task: asyncio.Task[None] | None = None
        self._parting = False

    async def start(self) -> None:
        """Return once it accepts connections."""
        self._task = asyncio.create_task(self._server.serve(sockets=self._sockets))
        listening = asyncio.ensure_future(self._server.listening.wait())
        await asyncio.wait({self._task, listening}, return_when=asyncio.FIRST_COMPLETED)
        if not listening.done():
            listening.cancel()
            for sock in self._sockets:
                sock.close()
            self._task.result()
            raise ServerError("The server did not begin to listen")

    def part(self, on_closed: Callable[[], object]) -> None:
        """Stop accepting at once; `on_closed` is called when the last answer has ended."""
        for server in self._server.servers:
            server.close()
        self._server.config.timeout_graceful_shutdown = None
        self._server.should_exit = self._parting = True
        if self._task is not None:
            self._task.add_done_callback(lambda _: on_closed())

    async def close(self) -> None:
        """Stop accepting, break off what goes on, return when all is closed."""
        if self._parting:
            self._server.force_exit = True
            self._break_off()
        self._server.should_exit = True
        try:
            if self._task is not None:
                await self._task
        finally:  # also where this takes so long that it is broken off
            for sock in self._sockets:
                sock.close()
            self._break_off()

    def _break_off(self) -> None:
        for connection in list(self._server.server_state.connections):
            if isinstance(connection, Connection):  # it does not read its answer to the end
                connection.transport.abort()


class _Server(uvicorn.Server):
    """uvicorn's, which tells when it listens and leaves signals to the program."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        """The program has handlers of its own."""
        yield


def _same_sockets(one: ServerSettings, other: ServerSettings) -> bool:
    names = (
        *("on", "address", "port", "ollama_port", "lmstudio_port"),
        *("certificate", "certificate_key"),
    )
    return all(getattr(one, name) == getattr(other, name) for name in names)


def _bound(address: str, port: int) -> socket.socket:
    """A socket that listens there. Raises `ServerError`."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # Windows: nobody else may take it over
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((address, port))
        sock.listen(256)
    except OSError as error:
        sock.close()
        raise ServerError(
            f"The server cannot listen at {address}, port {port}",
            f"The system says: {error.strerror or error}.",
            "Another program may use the port. Choose another one, or end that program.",
            str(error),
        ) from error
    return sock


def _url(scheme: str, sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _certificate(wanted: ServerSettings) -> ssl.SSLContext | None:
    """What TLS is spoken with; None for plain HTTP. Raises `ServerError`."""
    if wanted.certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        key = Path(wanted.certificate_key) if wanted.certificate_key else None
        context.load_cert_chain(Path(wanted.certificate), key, password="")
    except (OSError, ssl.SSLError, ValueError) as error:
        raise ServerError(
            "The certificate of the server cannot be used",
            f"The system says: {error}.",
            "It must be a PEM file with the certificate and its chain, and the key, without a "
            "password, in the same or in another file.",
        ) from error
    return context
