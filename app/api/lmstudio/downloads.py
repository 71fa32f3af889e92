"""`/api/v1/models/download`: fetching models, and how far that is."""

import asyncio
import logging
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from msgspec import structs
from starlette.requests import Request
from starlette.responses import Response

from app.api.body import read_json
from app.api.errors import ApiError
from app.api.fetching import Fetching
from app.api.lmstudio.model_types import LmStudioDownloadRequest, LmStudioJob
from app.api.operations import Operation
from app.api.streams import json_response
from app.api.work import Work
from app.core.download_state import DownloadItem
from app.core.errors import AppError
from app.core.hub_reference import parse_reference

log = logging.getLogger(__name__)

JOB = "job_"
"""Begins the ids that clients see."""


class LmStudioDownloads:
    """Begins downloads and tells of them."""

    def __init__(self, work: Work) -> None:
        self._fetching = Fetching(work.parts)
        self._done: dict[str, tuple[DownloadItem, float]] = {}
        """What has arrived in this run of the program, and when, by its id."""
        self._mine: set[str] = set()
        work.parts.downloads.finished.connect(self._finished)

    def operations(self) -> Sequence[Operation]:
        """What is asked where."""
        base = "/api/v1/models/download"
        return (
            Operation(
                "POST",
                base,
                self.begin,
                "models",
                "Fetch a model.",
                request=LmStudioDownloadRequest,
                response=LmStudioJob,
            ),
            Operation(
                "GET",
                f"{base}/status/{{job_id}}",
                self.status,
                "models",
                "How far a download is.",
                response=LmStudioJob,
            ),
        )

    async def begin(self, request: Request) -> Response:
        """Begin to fetch a model, or go on with it."""
        asked = await read_json(request, LmStudioDownloadRequest)
        reference = parse_reference(asked.model)
        if reference is None:
            raise ApiError(
                "invalid_request",
                "model: an address of a repository on the hub is expected, or OWNER/NAME.",
                param="model",
            )
        if asked.quantization:
            reference = structs.replace(reference, quantization=asked.quantization)
        wanted = await self._fetching.request(reference)
        item, _ = await asyncio.to_thread(self._fetching.begin, wanted)
        if item is None:
            return json_response(LmStudioJob("already_downloaded"))
        self._mine.add(item.id)
        return json_response(self._job(item))

    async def status(self, request: Request) -> Response:
        """How far a download is."""
        item_id = request.path_params["job_id"].removeprefix(JOB)
        item = self._fetching.item(item_id)
        if item is None and item_id in self._done:
            item = self._done[item_id][0]
        if item is None:
            raise ApiError("not_found", "There is no such download.", param="job_id")
        return json_response(self._job(item))

    def _finished(self, item: DownloadItem) -> None:
        """In a thread of the download manager."""
        self._done[item.id] = (item, time.time())
        if item.id in self._mine:
            try:
                self._fetching.arrived(item)
            except AppError as error:
                log.warning("%s could not be set up: %s", item.request.title, error)

    def _job(self, item: DownloadItem) -> LmStudioJob:
        job = LmStudioJob(
            "downloading",
            JOB + item.id,
            item.total,
            item.done,
            _written(item.added),
        )
        match item.state:
            case "paused" | "failed":
                job.status = item.state
                job.error = item.error.title if item.error is not None else None
            case "done":
                job.status = "completed"
                done = self._done.get(item.id)
                job.completed_at = _written(done[1] if done is not None else item.added)
            case _:
                job.bytes_per_second = item.speed
                if item.eta is not None:
                    end = datetime.now(UTC) + timedelta(seconds=item.eta)
                    job.estimated_completion = _written(end.timestamp())
        return job


def _written(seconds: float) -> str:
    """A moment in Unix seconds, in ISO 8601."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
