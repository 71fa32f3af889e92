"""What commands ask of the running program itself: its state, requests, settings, its end."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

from starlette.requests import Request
from starlette.responses import Response

from app import __version__
from app.api.body import read_json
from app.api.corral.failing import telling
from app.api.errors import ApiError
from app.api.operations import Operation
from app.api.streams import StreamedResponse, json_response, ndjson
from app.api.work import Work
from app.core.lan import openable
from app.core.loaded_model import LoadedModel
from app.core.request_log import RequestRecord
from app.core.running_wire import BASE, LoadedRow, SettingRequest, Status
from app.core.setting_names import change_setting
from app.core.settings import Server

NDJSON = "application/x-ndjson"


class ProgramOperations:
    """Over the program."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._parts = work.parts

    def operations(self) -> Sequence[Operation]:
        """What is asked where."""
        return (
            Operation("GET", f"{BASE}/status", self.status, "chat", "State.", response=Status),
            Operation(
                "GET",
                f"{BASE}/requests",
                self.requests,
                "admin",
                "What the server was asked, line by line.",
                stream=RequestRecord,
            ),
            Operation(
                "POST",
                f"{BASE}/setting",
                telling(self._work, self.setting),
                "admin",
                "Change a setting.",
                request=SettingRequest,
            ),
            Operation("POST", f"{BASE}/shutdown", self.shutdown, "admin", "End the program."),
        )

    async def status(self, _: Request) -> Response:
        """What is loaded, and by which program."""
        loaded = await asyncio.to_thread(
            lambda: [_row(each) for each in self._parts.runtime.loaded()]
        )
        address = _address(self._parts.settings.current.server)
        return json_response(Status(__version__, self._parts.window, loaded, address))

    async def requests(self, request: Request) -> Response:
        """What was asked; with `?follow=true` also what ends from now on."""
        follow = request.query_params.get("follow", "false") == "true"
        return StreamedResponse(self._requests(follow=follow), NDJSON)

    async def _requests(self, *, follow: bool) -> AsyncGenerator[bytes, None]:
        loop = asyncio.get_running_loop()
        came: asyncio.Queue[RequestRecord] = asyncio.Queue()

        def tell(record: RequestRecord) -> None:
            loop.call_soon_threadsafe(came.put_nowait, record)

        log = self._parts.log
        if follow:
            log.changed.connect(tell)
        try:
            for record in log.records():
                if _is_told(record):
                    yield ndjson(record)
            while follow:
                record = await came.get()
                if _is_told(record):
                    yield ndjson(record)
        finally:
            if follow:
                log.changed.disconnect(tell)

    async def setting(self, request: Request) -> Response:
        """Change a setting and put it in force."""
        asked = await read_json(request, SettingRequest)
        await asyncio.to_thread(change_setting, self._parts.settings, asked.name, asked.value)
        return Response(status_code=204)

    async def shutdown(self, _: Request) -> Response:
        """End the program soon."""
        end = self._parts.shut_down
        if end is None:
            raise ApiError("unsupported", "This program cannot be ended from outside.")
        end()
        return Response(status_code=202)


def _is_told(record: RequestRecord) -> bool:
    """Ended, and no question of one of Corral's own commands."""
    return record.seconds is not None and record.dialect != "corral"


def _address(server: Server) -> str:
    if not server.on:
        return ""
    scheme = "https" if server.certificate else "http"
    host = f"[{server.address}]" if ":" in server.address else server.address
    return openable(f"{scheme}://{host}:{server.port}")[0]


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
