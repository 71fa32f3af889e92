"""From a request to events: the model is loaded, a turn waited for, the answer followed."""

import asyncio
import contextlib
import time
import uuid
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial

from msgspec import structs
from starlette.requests import Request

from app.api.answers import events_of
from app.api.embedding import in_turns
from app.api.errors import ApiError, api_error
from app.api.line import WaitingLine
from app.api.model_names import ModelNames
from app.core.engine_errors import refusal
from app.core.errors import AppError
from app.core.given_names import GivenNames
from app.core.library_types import LocalModel
from app.core.loaded_model import LoadedModel
from app.core.local_server import ServerParts
from app.core.model_sampling import sampling_for
from app.core.preset_of_model import own_preset
from backends.errors import BackendError
from backends.types import (
    ChatMessage,
    Delta,
    EmbeddingRequest,
    Embeddings,
    Finish,
    GenerationEvent,
    GenerationRequest,
    LoadConfig,
    SamplingParams,
    Tool,
    ToolCallStart,
)

EMBEDDING_SUFFIX = "#embeddings"
"""Of the id under which the runtime knows a model that is loaded for embeddings."""
MOST_MESSAGES = 10_000
"""In one request."""
MOST_TOOLS = 512
EMBEDDED_AT_ONCE = 2048
"""Tokens of the longest text that is embedded, where the model takes so many."""


@dataclass(frozen=True)
class Client:
    """Who asks, as far as the line and the request log are concerned."""

    key: str
    """The token's id or the address: each takes its turn."""
    record: int
    """Number of the request in the log."""
    began: float
    """When the request came, monotonic seconds."""


def client_of(request: Request) -> Client:
    """Who sent `request`; the guard has looked at it before."""
    client: Client = request.scope["state"]["client"]
    return client


class Work:
    """Everything that dialects ask of models. One per server; used from its event loop only."""

    def __init__(self, parts: ServerParts) -> None:
        self.parts = parts
        self.names = ModelNames(parts.library, GivenNames(parts.paths.names_file))
        self.reloading: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        """Held, by model id, by whoever may load a model anew with other settings."""
        self._loads: dict[tuple[str, LoadConfig | None], asyncio.Future[LoadedModel]] = {}
        self._lines: dict[str, tuple[LoadedModel, WaitingLine]] = {}
        self._parting: set[str] = set()
        """Models that are ejected once they answer nobody any more."""

    # Models

    def sampling(self, model: LocalModel) -> SamplingParams:
        """What is in force where a request says nothing: the values chosen for the model."""
        own = own_preset(model.id, self.parts.presets)
        given = own.sampling if own is not None else SamplingParams()
        return sampling_for(self.parts.settings.current, model.id, given)

    async def loaded(
        self,
        model: LocalModel,
        config: LoadConfig | None = None,
        *,
        ttl: float | None = None,
        force: bool = False,
        on_progress: Callable[[float], object] | None = None,
    ) -> LoadedModel:
        """The model, loaded if it was not. Several who want it share one load.

        `config`, `ttl` and `force` as for `ModelRuntime.load`; `on_progress` runs in the event
        loop.
        Raises what that raises.
        """
        if ttl is not None:  # somebody wants it kept
            self._parting.discard(model.id)
        present = self.parts.runtime.get(model.id)
        ready = present is not None and present.state == "ready"
        if present is not None and ready and (config is None or present.runs_with(config)):
            if ttl is not None and ttl != present.ttl:
                await asyncio.to_thread(self.parts.runtime.load, model, config, ttl=ttl)
            return present
        key = (model.id, config)
        load = self._loads.get(key)
        if load is None:
            self._parting.discard(model.id)
            loop = asyncio.get_running_loop()
            report = None
            if on_progress is not None:
                report = partial(_soon, loop, on_progress)
            call = partial(
                self.parts.runtime.load, model, config, ttl=ttl, force=force, on_progress=report
            )
            load = asyncio.ensure_future(asyncio.to_thread(call))
            self._loads[key] = load
            load.add_done_callback(partial(self._load_ended, key))
        # A client that leaves does not stop the load for the others.
        return await asyncio.shield(load)

    def _load_ended(
        self, key: tuple[str, LoadConfig | None], load: asyncio.Future[LoadedModel]
    ) -> None:
        self._loads.pop(key, None)
        if not load.cancelled():
            load.exception()  # whoever waits is told; nobody else need be

    def is_busy(self, loaded: LoadedModel) -> bool:
        """Whether it answers somebody, or somebody waits for that."""
        known = self._lines.get(loaded.model.id)
        in_line = known is not None and known[0] is loaded and not known[1].empty
        return in_line or loaded.engine.idle_seconds == 0

    async def part_with(self, model_id: str) -> None:
        """Eject a model; one that is busy once all in its line have been answered."""
        loaded = self.parts.runtime.get(model_id)
        if loaded is None:
            return
        if loaded.state == "loading" or self.is_busy(loaded):
            self._parting.add(model_id)
        else:
            await asyncio.to_thread(self.parts.runtime.eject, model_id)

    def _left(self, loaded: LoadedModel, line: WaitingLine) -> None:
        """An answer has ended."""
        line.leave()
        name = loaded.model.id
        if line.empty and name in self._parting and self.parts.runtime.get(name) is loaded:
            self._parting.discard(name)
            asyncio.get_running_loop().run_in_executor(None, self.parts.runtime.eject, name)

    # Answers

    async def answer(
        self,
        client: Client,
        loaded: LoadedModel,
        request: GenerationRequest,
    ) -> AsyncGenerator[GenerationEvent, None]:
        """The events of one answer, once it is the client's turn. Close it to cancel.

        Raises ApiError where the line is full, and what `EngineProcess.generate` raises.
        """
        if len(request.messages) > MOST_MESSAGES or len(request.tools) > MOST_TOOLS:
            raise ApiError(
                "too_large",
                f"A request may hold {MOST_MESSAGES} messages and {MOST_TOOLS} tools at most.",
            )
        asked = _as_text(request) if self.parts.settings.current.server.log_prompts else ""
        source = partial(events_of, loaded.engine, request)
        try:
            async with aclosing(self.follow(client, loaded, source, asked)) as events:
                async for event in events:
                    if isinstance(event, Finish):
                        if event.reason == "cancelled":  # whoever asked has not done that
                            raise ApiError(
                                "engine", f"{loaded.model.name} was ejected while it answered."
                            )
                        self._learn(loaded, event)
                    yield event
        except BackendError as error:
            told = refusal(error)
            self._note_failure(client, told)
            raise told from error
        except (ApiError, AppError) as error:
            self._note_failure(client, error)
            raise

    def _note_failure(self, client: Client, error: Exception) -> None:
        """Of a stream that has begun, the log would show nothing but that it was answered."""
        self.parts.log.update(client.record, error=api_error(error).message)

    async def follow(
        self,
        client: Client,
        loaded: LoadedModel,
        source: Callable[[Callable[[], object]], AsyncGenerator[GenerationEvent, None]],
        asked: str = "",
    ) -> AsyncGenerator[GenerationEvent, None]:
        """The events of `source`, which begins an answer once it is the client's turn.

        `source` gets what it has to call, once, when the engine has let go of the answer: the turn
        ends then, so that a client that reads slowly takes nobody's place. What the events tell is
        noted in the request log, with texts where the person wants that; `asked` is one. Raises
        ApiError where the line is full, and what the events raise.
        """
        log, began = self.parts.log, time.monotonic()
        line = self._line(loaded)
        await line.enter(client.key)
        log.update(client.record, model=loaded.model.id, waited=time.monotonic() - began)
        with_text, first = self.parts.settings.current.server.log_prompts, True
        if asked:
            log.add(client.record, asked=asked)
        async with aclosing(source(partial(self._left, loaded, line))) as events:
            async for event in events:
                if with_text and isinstance(event, Delta):
                    log.add(client.record, answered=event.text)
                if first and isinstance(event, Delta | ToolCallStart):
                    first = False
                    since = time.monotonic() - client.began
                    log.update(client.record, time_to_first_token=since)
                elif isinstance(event, Finish):
                    self._note_end(client, loaded, event)
                yield event

    def _note_end(self, client: Client, loaded: LoadedModel, end: Finish) -> None:
        usage = end.usage
        self.parts.log.update(
            client.record,
            prompt_tokens=usage.prompt_tokens,
            cached_tokens=usage.cached_tokens,
            tokens_per_second=usage.tokens_per_second,
        )
        self.parts.log.add(client.record, completion_tokens=usage.completion_tokens)

    def _learn(self, loaded: LoadedModel, end: Finish) -> None:
        """Keep how fast the answer was; the book writes to the disk, so nobody waits for it."""
        if self.parts.speeds is not None:
            learn = partial(
                self.parts.speeds.learn, loaded.model, end.usage, on_gpu=loaded.mostly_on_gpu
            )
            asyncio.get_running_loop().run_in_executor(None, learn)

    async def embed(
        self, client: Client, model: LocalModel, request: EmbeddingRequest
    ) -> Embeddings:
        """Embeddings by `model`, which is loaded for that beside its other self if need be.

        Raises like `loaded` and `answer`.
        """
        loaded = await self.loaded_for_embeddings(model)
        line = self._line(loaded)
        self.parts.log.update(client.record, model=model.id)
        if self.parts.settings.current.server.log_prompts:
            self.parts.log.add(client.record, asked="\n\n".join(request.texts))
        leave = partial(self._left, loaded, line)
        try:
            answer = await in_turns(line, client.key, leave, loaded.engine.embed, request)
        except BackendError as error:
            raise refusal(error) from error
        self.parts.log.update(client.record, prompt_tokens=answer.prompt_tokens)
        return answer

    async def loaded_for_embeddings(
        self, model: LocalModel, *, ttl: float | None = None
    ) -> LoadedModel:
        """The model as it embeds texts. Raises like `loaded`."""
        settings = self.parts.settings.current
        chosen = settings.models.load.get(model.id, settings.engine.default_load)
        # A text must fit into one batch.
        batch = max(chosen.batch_size, min(model.context_length or 0, EMBEDDED_AT_ONCE))
        config = structs.replace(chosen, embedding=True, batch_size=batch)
        return await self.loaded(for_embeddings(model), config, ttl=ttl)

    async def count_tokens(
        self, loaded: LoadedModel, messages: tuple[ChatMessage, ...], tools: tuple[Tool, ...] = ()
    ) -> int:
        """Tokens of the prompt that these messages make. Raises a ModelError."""
        try:
            return await asyncio.to_thread(loaded.engine.count_tokens, messages, tools)
        except BackendError as error:
            raise refusal(error) from error

    def lines(self) -> dict[str, WaitingLine]:
        """The lines in front of the models that are loaded now, by model id."""
        gone = [
            name
            for name, (loaded, _) in self._lines.items()
            if self.parts.runtime.get(name) is not loaded
        ]
        for name in gone:
            del self._lines[name]
        return {name: line for name, (_, line) in self._lines.items()}

    def _line(self, loaded: LoadedModel) -> WaitingLine:
        """The line in front of a model as it is loaded now."""
        longest = self.parts.settings.current.server.queue
        known = self._lines.get(loaded.model.id)
        if known is not None and known[0] is loaded:
            known[1].longest = longest
            return known[1]
        slots = loaded.info.slots if loaded.info is not None else 1
        # Beside a window one slot is left to it, so that a chat there never waits for others.
        at_once = slots - 1 if self.parts.window and slots > 1 else slots
        line = WaitingLine(at_once, longest)
        self._lines[loaded.model.id] = (loaded, line)
        return line


def _soon(
    loop: asyncio.AbstractEventLoop, call: Callable[[float], object], fraction: float
) -> None:
    with contextlib.suppress(RuntimeError):  # the server has closed; the load goes on
        loop.call_soon_threadsafe(call, fraction)


def _as_text(request: GenerationRequest) -> str:
    if request.prompt is not None:
        return request.prompt
    return "\n\n".join(f"{each.role}: {each.content}" for each in request.messages)


def for_embeddings(model: LocalModel) -> LocalModel:
    """The same files under the id that the runtime knows them by when loaded for embeddings."""
    return structs.replace(model, id=model.id + EMBEDDING_SUFFIX)


def new_id(prefix: str) -> str:
    """An id of a request or an answer that was never used before."""
    return f"{prefix}{uuid.uuid4().hex}"
