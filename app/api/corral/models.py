"""What commands ask of models: load, eject, answer, count, make, delete."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from typing import Any

from msgspec import structs
from starlette.requests import Request
from starlette.responses import Response

from app.api.body import read_json
from app.api.corral.failing import failure, telling
from app.api.errors import ApiError
from app.api.load_steps import steps_of
from app.api.operations import Operation
from app.api.requests import check_pictures, pictures_in
from app.api.streams import StreamedResponse, json_response, ndjson, primed, while_connected
from app.api.work import Client, Work, client_of, new_id
from app.core.access_tokens import AccessToken
from app.core.library_types import LocalModel
from app.core.loaded_model import LoadedModel
from app.core.own_models import OwnModels
from app.core.removal import remove_model
from app.core.running_wire import (
    BASE,
    Counted,
    CountRequest,
    GenerateLine,
    GenerateRequest,
    LoadLine,
    LoadRequest,
    LoadStep,
    Made,
    MakeRequest,
    RemoveRequest,
    UnloadRequest,
)
from backends.types import GenerationRequest, LoadConfig

NDJSON = "application/x-ndjson"


class ModelOperations:
    """Over the models of the program."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._parts = work.parts
        self._own = OwnModels(self._parts.library, self._parts.presets, self._parts.settings)

    def operations(self) -> Sequence[Operation]:
        """What is asked where."""
        work = self._work
        return (
            Operation(
                "POST",
                f"{BASE}/load",
                telling(work, self.load),
                "models",
                "Load a model; tells how far it is, line by line.",
                request=LoadRequest,
                stream=LoadLine,
            ),
            Operation(
                "POST",
                f"{BASE}/unload",
                telling(work, self.unload),
                "models",
                "Eject a model.",
                request=UnloadRequest,
            ),
            Operation(
                "POST",
                f"{BASE}/generate",
                telling(work, self.generate),
                "chat",
                "The events of an answer, line by line.",
                request=GenerateRequest,
                stream=GenerateLine,
            ),
            Operation(
                "POST",
                f"{BASE}/count",
                telling(work, self.count),
                "chat",
                "Tokens of a prompt.",
                request=CountRequest,
                response=Counted,
            ),
            Operation(
                "POST",
                f"{BASE}/make",
                telling(work, self.make),
                "models",
                "Make a model of another one.",
                request=MakeRequest,
                response=Made,
            ),
            Operation(
                "POST",
                f"{BASE}/remove",
                telling(work, self.remove),
                "models",
                "Delete a model.",
                request=RemoveRequest,
            ),
        )

    async def load(self, request: Request) -> Response:
        """Load a model and tell of it."""
        asked = await read_json(request, LoadRequest)
        if asked.config is not None and _names_files(asked.config):
            _check_admin(request)
        return StreamedResponse(self._load(await self._find(asked.model), asked), NDJSON)

    async def _load(self, model: LocalModel, asked: LoadRequest) -> AsyncGenerator[bytes, None]:
        def load(tell: Callable[[float], object]) -> Coroutine[Any, Any, LoadedModel]:
            return self._work.loaded(
                model, asked.config, ttl=asked.ttl, force=asked.force, on_progress=tell
            )

        try:
            async with contextlib.aclosing(steps_of(load)) as steps:
                async for step in steps:
                    yield ndjson(_line(step))
        except Exception as error:  # noqa: BLE001 - the last line tells of it
            yield ndjson(failure(error))

    async def unload(self, request: Request) -> Response:
        """Eject a model; one that is not loaded is no error."""
        asked = await read_json(request, UnloadRequest)
        model = await self._find(asked.model)
        await asyncio.to_thread(self._parts.runtime.eject, model.id)
        return Response(status_code=204)

    async def generate(self, request: Request) -> Response:
        """Answer in the engine's own terms."""
        asked = await read_json(request, GenerateRequest)
        if asked.config is not None:  # it may load the model anew for everybody
            _check_admin(request)
        loaded = await while_connected(request, self._loaded(asked))
        # Its id is this client's own affair: by another's, its leaving would end that one's answer.
        wanted = structs.replace(asked.request, id=new_id("command-"))
        check_pictures(pictures_in(wanted.messages), loaded.model, loaded, "messages")
        source = self._events(client_of(request), loaded, wanted)
        return StreamedResponse(await while_connected(request, primed(source)), NDJSON)

    async def _loaded(self, asked: GenerateRequest) -> LoadedModel:
        model = await self._find(asked.model)
        return await self._work.loaded(model, asked.config, ttl=asked.ttl)

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
            yield ndjson(failure(error))

    async def count(self, request: Request) -> Response:
        """Count the tokens of a prompt."""
        asked = await read_json(request, CountRequest)
        loaded = await self._work.loaded(await self._find(asked.model))
        return json_response(Counted(await self._work.count_tokens(loaded, asked.messages)))

    async def make(self, request: Request) -> Response:
        """Make a model of another one."""
        asked = await read_json(request, MakeRequest)
        if _names_files(asked.recipe.load):
            _check_admin(request)
        base = await self._find(asked.base)
        made = await asyncio.to_thread(self._own.create, asked.name, base, asked.recipe)
        return json_response(Made(made.id))

    async def remove(self, request: Request) -> Response:
        """Delete a model: to the trash, or off the list."""
        asked = await read_json(request, RemoveRequest)
        model = await self._find(asked.model)
        await asyncio.to_thread(self._remove, model)
        return Response(status_code=204)

    def _remove(self, model: LocalModel) -> None:
        parts = self._parts
        for each in parts.library.models():
            if model.id in (each.id, each.variant_of):
                parts.runtime.eject(each.id)
        remove_model(parts.library, parts.presets, parts.settings, model)

    async def _find(self, name: str) -> LocalModel:
        """The model, also one that a command has just put there. Raises ApiError."""
        try:
            return self._work.names.find(name)
        except ApiError as error:
            if error.kind != "model_not_found":
                raise
        await asyncio.to_thread(self._parts.library.scan)
        return self._work.names.find(name)


def _line(step: float | LoadedModel) -> LoadStep:
    if isinstance(step, LoadedModel):
        return LoadStep(1.0, step.model.id, step.info, step.config, step.warning)
    return LoadStep(step)


def _names_files(config: LoadConfig) -> bool:
    """Whether load settings name something besides the model: a file, or another computer."""
    return bool(
        config.lora
        or config.draft_model
        or config.projector
        or config.parking_folder
        or config.rpc_servers
    )


def _check_admin(request: Request) -> None:
    """Raise ApiError unless this computer's own commands ask, or somebody who may do everything."""
    token: AccessToken | None = request.scope["state"]["token"]
    if token is None or not token.allows("admin"):
        raise ApiError("forbidden", "Only a token that allows “admin” may choose such settings.")
