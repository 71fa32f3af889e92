"""What there is: `/api/tags`, `/api/ps`, `/api/version`, `/api/status` and `/`."""

import asyncio
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from app.api.ollama.model_facts import capabilities_of, details_of, digest_of
from app.api.ollama.model_types import (
    CloudState,
    ListedModel,
    OllamaModels,
    OllamaRunning,
    OllamaStatus,
    OllamaVersion,
    RunningModel,
)
from app.api.ollama.times import ejected_at, from_unix
from app.api.operations import Operation
from app.api.streams import json_response
from app.api.work import EMBEDDING_SUFFIX, Work
from app.core.loaded_model import LoadedModel

SPOKEN = "0.33.0"
"""Version of Ollama whose interface is spoken here; clients ask for it before they use it."""


async def greeting(_: Request) -> Response:
    """What Ollama says at `/`; clients ask there whether anybody listens."""
    return PlainTextResponse("Ollama is running")


class OllamaLists:
    """Tells what there is."""

    def __init__(self, work: Work) -> None:
        self._names = work.names
        self._parts = work.parts

    def operations(self) -> Sequence[Operation]:
        """What is asked where."""
        return (
            Operation("GET", "/", greeting, None, "Says that somebody listens.", documented=False),
            Operation(
                "GET", "/api/version", self.version, None, "Version.", response=OllamaVersion
            ),
            Operation("GET", "/api/status", self.status, "chat", "State.", response=OllamaStatus),
            Operation(
                "GET", "/api/tags", self.all, "chat", "The models there are.", response=OllamaModels
            ),
            Operation(
                "GET", "/api/ps", self.running, "chat", "What is loaded.", response=OllamaRunning
            ),
        )

    async def version(self, _: Request) -> Response:
        """The interface's version."""
        return json_response(OllamaVersion(SPOKEN))

    async def status(self, _: Request) -> Response:
        """Nothing here runs in Ollama's cloud."""
        return json_response(OllamaStatus(CloudState(disabled=True, source="config")))

    async def all(self, _: Request) -> Response:
        """All models that can be used, the newest first."""
        return json_response(OllamaModels(await asyncio.to_thread(self._listed)))

    async def running(self, _: Request) -> Response:
        """All loaded models, the one that stays longest first."""
        return json_response(OllamaRunning(await asyncio.to_thread(self._running)))

    def _listed(self) -> list[ListedModel]:
        models = self._names.usable()
        names = self._names.tags()
        return [
            ListedModel(
                names[model.id],
                names[model.id],
                from_unix(model.added),
                model.disk_size,
                digest_of(model, self._parts.library),
                details_of(model, names),
                capabilities_of(model),
            )
            for model in sorted(models, key=lambda each: -each.added)
        ]

    def _running(self) -> list[RunningModel]:
        names = self._names.tags()
        ready = [each for each in self._parts.runtime.loaded() if each.state == "ready"]
        rows = [self._row(each, names) for each in ready]
        return sorted(rows, key=lambda row: row.expires_at, reverse=True)

    def _row(self, loaded: LoadedModel, names: dict[str, str]) -> RunningModel:
        model, need = loaded.model, loaded.need
        model_id = model.id.removesuffix(EMBEDDING_SUFFIX)
        name = names.get(model_id, model_id)
        ttl = loaded.ttl
        if ttl is None:
            ttl = self._parts.settings.current.engine.idle_minutes * 60.0
        return RunningModel(
            name,
            name,
            need.total if need is not None else model.size,
            digest_of(model, self._parts.library),
            details_of(model, names),
            ejected_at(max(0.0, ttl - loaded.engine.idle_seconds) if ttl else None),
            need.on_gpu if need is not None else 0,
            loaded.info.context_length if loaded.info is not None else 0,
        )
