"""The engine for models on other machines: `backends.base.Backend` over OpenAI's HTTP API."""

import math
import threading
from collections.abc import Sequence

import msgspec
import psutil

from backends.base import LoadProgressCallback
from backends.contacts import Tell
from backends.errors import BadRequest, LoadCancelled, ServerProblem, ServerUnreachable
from backends.remote.answer import News, RemoteAnswer, interruptible
from backends.remote.connection import Connection
from backends.remote.descriptor import RemoteAccess, is_loopback, read_descriptor
from backends.remote.failures import host_of
from backends.remote.server import LOOK_SECONDS, Server, look
from backends.types import (
    ChatMessage,
    EmbeddingRequest,
    Embeddings,
    EngineStats,
    GenerationEvents,
    GenerationRequest,
    LoadConfig,
    ModelInfo,
    Tool,
)


class RemoteBackend:
    """Implements `backends.base.Backend`; nothing is loaded but the knowledge of a server.

    Of `LoadConfig` only `context_length` (where nobody else tells it), `slots` and `embedding`
    mean something. Failures of the server are `backends.errors.ServerProblem`s.
    """

    def __init__(self, tell: Tell | None = None) -> None:
        """`tell` hears of every connection to the server."""
        self._tell = tell
        self._server: Server | None = None
        self._news = News()
        self._lock = threading.Lock()
        self._answers: dict[str, RemoteAnswer] = {}

    def load(self, path: str, config: LoadConfig, on_progress: LoadProgressCallback) -> ModelInfo:
        """Ask the server that `path` names (`backends.remote.descriptor`) for its model."""
        self.unload()
        access = read_descriptor(path)
        if access.loopback_only and not is_loopback(access.base_url):
            raise ServerUnreachable(
                f"Corral is offline and {host_of(access)} is another computer, so it was not asked"
            )
        if access.context_length is None:
            access = msgspec.structs.replace(access, context_length=config.context_length)
        with Connection(access, patience=LOOK_SECONDS, tell=self._tell) as connection:
            server = interruptible(
                lambda link: look(link, access), connection, lambda: on_progress(0.0)
            )
        if server is None:
            raise LoadCancelled("The load was cancelled")
        info = server.info
        info = msgspec.structs.replace(info, slots=min(info.slots, config.slots))
        if config.embedding:
            length = len(_embed(access, EmbeddingRequest(("a",)), self._tell).vectors[0])
            info = msgspec.structs.replace(info, embedding_length=length)
        if not on_progress(1.0):
            raise LoadCancelled("The load was cancelled")
        self._server = server
        return info

    def count_tokens(self, messages: Sequence[ChatMessage], tools: Sequence[Tool] = ()) -> int:
        """Tokens of the whole prompt. Raises `BadRequest` where the server does not count.

        Servers count messages only, so tools are counted as a message that tells of them.
        """
        server = self._loaded()
        with Connection(server.access, patience=LOOK_SECONDS, tell=self._tell) as connection:
            if tools:
                told = "\n".join(f"{t.name}: {t.description}\n{t.parameters}" for t in tools)
                messages = (*messages, ChatMessage("system", told))
            return server.count(connection, messages)

    def generate(self, request: GenerationRequest) -> GenerationEvents:
        """Answer `request`; `next` returns within a tenth of a second or so.

        Until the server tells it, the length of the prompt in `Progress` is a guess. Where the
        server cannot do what is asked, `BadRequest` is raised. Limits of the reasoning are its
        own business: a budget is not sent.
        """
        answer = RemoteAnswer(self._loaded(), request, self._news, self._tell)
        with self._lock:
            self._answers[request.id] = answer
        try:
            yield from answer.events()
        finally:
            with self._lock:
                del self._answers[request.id]

    def embed(self, request: EmbeddingRequest) -> Embeddings:
        """Embed texts on the server."""
        return _embed(self._loaded().access, request, self._tell)

    def cancel(self, request_id: str) -> None:
        """End that answer and cut its connection, so that the server stops as well."""
        with self._lock:
            answer = self._answers.get(request_id)
        if answer is not None:
            answer.cancel()

    def stats(self) -> EngineStats:
        """Memory of this process; the KV cache is the server's."""
        memory = psutil.Process().memory_info().rss
        return EngineStats(memory, cached_tokens=0, running=len(self._answers))

    def unload(self) -> None:
        """Forget the server and its key."""
        self._server = None

    def _loaded(self) -> Server:
        if self._server is None:
            raise BadRequest("No model is loaded")
        return self._server


def _embed(access: RemoteAccess, request: EmbeddingRequest, tell: Tell | None) -> Embeddings:
    with Connection(access, tell=tell) as connection, connection.explained():
        answer = connection.client.embeddings.create(
            model=access.model, input=list(request.texts), encoding_format="float"
        )
        vectors = [tuple(each.embedding) for each in sorted(answer.data, key=lambda e: e.index)]
        tokens = answer.usage.prompt_tokens
    if len(vectors) != len(request.texts) or not all(vectors):
        raise ServerProblem(f"{host_of(access)} sent another number of embeddings than was asked")
    if request.normalize:
        vectors = [_normalized(vector) for vector in vectors]
    return Embeddings(tuple(vectors), tokens)


def _normalized(vector: tuple[float, ...]) -> tuple[float, ...]:
    length = math.hypot(*vector)
    return tuple(value / length for value in vector) if length else vector
