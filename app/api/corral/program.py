"""What the terminal asks of the running program: its state, its models, answers, its end."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from app import __version__
from app.api.body import read_json
from app.api.errors import ApiError, api_error
from app.api.openai.errors import error_body
from app.api.operations import Operation
from app.api.streams import StreamedResponse, json_response, ndjson, primed, while_connected
from app.api.work import Client, Work, client_of
from app.core.loaded_model import LoadedModel
from backends.types import GenerationEvent, GenerationRequest, LoadConfig, ModelInfo

NDJSON = "application/x-ndjson"


class LoadedRow(Struct):
    """A model that is loading or loaded."""

    id: str
    name: str
    state: str
    fraction: float
    size: int
    context_length: int
    idle_seconds: float
    ttl: float | None
    """Seconds without use after which it is ejected; None as the settings say, 0 never."""
    resident_bytes: int
    on_gpu: bool


class Status(Struct):
    """What the program is and does."""

    version: str
    window: bool
    loaded: list[LoadedRow]


class LoadRequest(Struct):
    """Which model to load and how."""

    model: str
    config: LoadConfig | None = None
    ttl: float | None = None


class LoadStep(Struct, omit_defaults=True):
    """A line of a load: how far it is, at last what was loaded."""

    fraction: float
    id: str = ""
    info: ModelInfo | None = None
    config: LoadConfig | None = None
    warning: str = ""


class UnloadRequest(Struct):
    """Which model to eject."""

    model: str


class GenerateRequest(Struct):
    """An answer, asked in the engine's own terms."""

    model: str
    request: GenerationRequest
    config: LoadConfig | None = None
    ttl: float | None = None


class ProgramOperations:
    """What the terminal asks."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._parts = work.parts

    def operations(self) -> Sequence[Operation]:
        """What is asked where."""
        base = "/corral/v1"
        return (
            Operation("GET", f"{base}/status", self.status, "chat", "State.", response=Status),
            Operation(
                "POST",
                f"{base}/load",
                self.load,
                "models",
                "Load a model; tells how far it is, line by line.",
                request=LoadRequest,
                stream=LoadStep,
            ),
            Operation(
                "POST",
                f"{base}/unload",
                self.unload,
                "models",
                "Eject a model.",
                request=UnloadRequest,
            ),
            Operation(
                "POST",
                f"{base}/generate",
                self.generate,
                "chat",
                "The events of an answer, line by line.",
                request=GenerateRequest,
                stream=GenerationEvent,
            ),
            Operation("POST", f"{base}/shutdown", self.shutdown, "admin", "End the program."),
        )

    async def status(self, _: Request) -> Response:
        """What is loaded, and by which program."""
        loaded = await asyncio.to_thread(
            lambda: [_row(each) for each in self._parts.runtime.loaded()]
        )
        return json_response(Status(__version__, self._parts.window, loaded))

    async def load(self, request: Request) -> Response:
        """Load a model and tell of it."""
        asked = await read_json(request, LoadRequest)
        model = self._work.names.find(asked.model)

        async def steps() -> AsyncGenerator[bytes, None]:
            fractions: asyncio.Queue[float] = asyncio.Queue()
            load = asyncio.ensure_future(
                self._work.loaded(
                    model, asked.config, ttl=asked.ttl, on_progress=fractions.put_nowait
                )
            )
            while not load.done():
                step = asyncio.ensure_future(fractions.get())
                await asyncio.wait({load, step}, return_when=asyncio.FIRST_COMPLETED)
                if step.done():
                    yield ndjson(LoadStep(step.result()))
                step.cancel()
            try:
                loaded = load.result()
            except Exception as error:  # noqa: BLE001 - the last line tells of it
                yield ndjson(error_body(api_error(error)))
                return
            yield ndjson(LoadStep(1.0, model.id, loaded.info, loaded.config, loaded.warning))

        return StreamedResponse(steps(), NDJSON)

    async def unload(self, request: Request) -> Response:
        """Eject a model; one that is not loaded is no error."""
        asked = await read_json(request, UnloadRequest)
        model = self._work.names.find(asked.model)
        await asyncio.to_thread(self._parts.runtime.eject, model.id)
        return Response(status_code=204)

    async def generate(self, request: Request) -> Response:
        """Answer in the engine's own terms."""
        asked = await read_json(request, GenerateRequest)
        model = self._work.names.find(asked.model)
        loaded = await while_connected(
            request, self._work.loaded(model, asked.config, ttl=asked.ttl)
        )
        source = self._events(client_of(request), loaded, asked.request)
        return StreamedResponse(await while_connected(request, primed(source)), NDJSON)

    async def _events(
        self, client: Client, loaded: LoadedModel, request: GenerationRequest
    ) -> AsyncGenerator[bytes, None]:
        begun = False
        try:
            async for event in self._work.answer(client, loaded, request):
                begun = True
                yield ndjson(event)
        except Exception as error:
            if not begun:
                raise
            yield ndjson(error_body(api_error(error)))

    async def shutdown(self, _: Request) -> Response:
        """End the program soon."""
        end = self._parts.shut_down
        if end is None:
            raise ApiError("unsupported", "This program cannot be ended from outside.")
        end()
        return Response(status_code=202)


def _row(loaded: LoadedModel) -> LoadedRow:
    info = loaded.info
    return LoadedRow(
        loaded.model.id,
        loaded.model.name,
        loaded.state,
        loaded.fraction,
        loaded.model.size,
        info.context_length if info is not None else loaded.config.context_length or 0,
        loaded.engine.idle_seconds,
        loaded.ttl,
        loaded.engine.resident_bytes,
        loaded.mostly_on_gpu,
    )
