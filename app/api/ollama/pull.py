"""`/api/pull` and `/api/push`."""

import contextlib
from collections.abc import AsyncGenerator, Sequence

from starlette.requests import Request
from starlette.responses import Response

from app.api.body import read_json
from app.api.errors import ApiError, api_error
from app.api.fetching import Fetching
from app.api.ollama.answering import NDJSON
from app.api.ollama.errors import error_body
from app.api.ollama.model_types import PullRequest, PushRequest, StepLine
from app.api.operations import Operation
from app.api.streams import (
    StreamedResponse,
    json_response,
    ndjson,
    primed,
    while_connected,
)
from app.api.work import Work
from app.core.download_state import DownloadItem, DownloadRequest
from app.core.hub_reference import Reference, parse_reference
from app.core.ollama_name import plain_name


class Pull:
    """Fetches models, and refuses to publish any."""

    def __init__(self, work: Work) -> None:
        self._fetching = Fetching(work.parts)

    def operations(self) -> Sequence[Operation]:
        """What is asked where."""
        return (
            Operation(
                "POST",
                "/api/pull",
                self.pull,
                "models",
                "Fetch a model of Ollama's registry or of the hub.",
                request=PullRequest,
                response=StepLine,
                stream=StepLine,
            ),
            Operation(
                "POST",
                "/api/push",
                self.push,
                "models",
                "Refused: nothing is published.",
                request=PushRequest,
            ),
        )

    async def pull(self, request: Request) -> Response:
        """Fetch a model."""
        asked = await read_json(request, PullRequest)
        reference = _reference(asked.model or asked.name)
        if asked.stream is False:
            return json_response(await while_connected(request, self._whole(reference)))
        return StreamedResponse(
            await while_connected(request, primed(self._lines(reference))), NDJSON
        )

    async def push(self, request: Request) -> Response:
        """Corral publishes nothing."""
        await read_json(request, PushRequest)
        raise ApiError("unsupported", "Corral does not publish models; use Ollama for that.")

    async def _whole(self, reference: Reference) -> StepLine:
        line = StepLine("")
        async for line in self._steps(reference):  # noqa: B007 - only the last one is told
            pass
        return line

    async def _lines(self, reference: Reference) -> AsyncGenerator[bytes, None]:
        begun = False
        try:
            async with contextlib.aclosing(self._steps(reference)) as steps:
                async for step in steps:
                    yield ndjson(step)
                    begun = True
        except Exception as error:
            if not begun:
                raise
            yield ndjson(error_body(api_error(error)))

    async def _steps(self, reference: Reference) -> AsyncGenerator[StepLine, None]:
        yield StepLine("pulling manifest")
        request = await self._fetching.request(reference)
        async with contextlib.aclosing(self._fetching.follow(request)) as items:
            async for item in items:
                for step in _steps_of(item):
                    yield step
        yield StepLine("verifying sha256 digest")
        yield StepLine("writing manifest")
        yield StepLine("success")


def _reference(name: str) -> Reference:
    """What a client means: a name of Ollama's registry, or of the hub with its host before it."""
    name = name.strip()
    if not name:
        raise ApiError("invalid_request", "model is required", param="model")
    plain = plain_name(name)
    found = Reference(plain.repo) if plain is not None else parse_reference(name)
    if found is None:
        raise ApiError("invalid_request", "invalid model name", param="model")
    return found


def _steps_of(item: DownloadItem) -> list[StepLine]:
    """A line for each file that is under way."""
    request: DownloadRequest = item.request
    done = item.files_done or (0,) * len(request.files)
    return [
        StepLine(
            f"pulling {(file.sha256 or file.path)[:12]}",
            f"sha256:{file.sha256}" if file.sha256 else "",
            file.size,
            have,
        )
        for file, have in zip(request.files, done, strict=True)
        if have < file.size or item.state == "done"
    ]
