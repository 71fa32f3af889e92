"""What commands ask of downloads: they join the one queue of the running program."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from app.api.body import read_json
from app.api.corral.failing import failure, telling
from app.api.fetching import Fetching
from app.api.operations import Operation
from app.api.streams import StreamedResponse, ndjson, primed, while_connected
from app.api.work import Work
from app.core.download_state import DownloadItem
from app.core.running_wire import BASE, FetchLine, FetchRequest, FetchStep

NDJSON = "application/x-ndjson"


class DownloadOperations:
    """Over the downloads of the program."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._library = work.parts.library
        self._fetching = Fetching(work.parts)

    def operations(self) -> Sequence[Operation]:
        """What is asked where."""
        return (
            Operation(
                "POST",
                f"{BASE}/fetch",
                telling(self._work, self.fetch),
                "admin",  # it may name a folder of this computer
                "Download files; tells how far they are, line by line. Leaving pauses it.",
                request=FetchRequest,
                stream=FetchLine,
            ),
        )

    async def fetch(self, request: Request) -> Response:
        """Download, or go on with what was begun."""
        asked = await read_json(request, FetchRequest)
        root = await asyncio.to_thread(self._root, asked.folder) if asked.folder else None
        source = self._lines(asked, root)
        return StreamedResponse(await while_connected(request, primed(source)), NDJSON)

    def _root(self, folder: str) -> Path:
        """One that was no models folder becomes one. Raises StorageError."""
        own, path = self._library.own_folders, Path(folder)
        return path if path in own.all() else own.add(path)

    async def _lines(self, asked: FetchRequest, root: Path | None) -> AsyncGenerator[bytes, None]:
        begun = False
        try:
            async with contextlib.aclosing(self._fetching.follow(asked.request, root)) as items:
                async for item in items:
                    yield ndjson(_step(item))
                    begun = True
        except Exception as error:
            if not begun:
                raise
            yield ndjson(failure(error))


def _step(item: DownloadItem) -> FetchStep:
    return FetchStep(
        item.state,
        item.done,
        item.total,
        str(item.target),
        item.speed,
        item.eta,
        item.verified,
        item.again,
    )
