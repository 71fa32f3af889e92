"""`/api/blobs`: files that clients upload, to make models of them."""

import asyncio
import contextlib
import hashlib
import re
import shutil
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from starlette.requests import Request
from starlette.responses import Response

from app.api.body import longest_pause
from app.api.errors import ApiError
from app.api.operations import Operation
from app.api.work import Work

OCTETS = "application/octet-stream"
UNUSED_SECONDS = 86_400.0
"""After which a file of which nobody made a model is deleted."""
GIGABYTE = 1_000_000_000
KEPT_FREE = GIGABYTE
"""Bytes of the disk that uploads leave."""
_DIGEST = re.compile(r"sha256[:-]([0-9a-f]{64})")
_AT_ONCE = 1024 * 1024
"""Bytes that are written in one go."""


class Blobs:
    """Takes up files and finds them again. Their names are their digests, nothing else."""

    def __init__(self, work: Work) -> None:
        self._settings = work.parts.settings
        self._folder = work.parts.paths.server_dir / "blobs"

    def operations(self) -> Sequence[Operation]:
        """What is asked where."""
        path = "/api/blobs/{digest}"
        return (
            Operation("HEAD", path, self.look, "models", "Whether a file is here."),
            Operation(
                "POST",
                path,
                self.upload,
                "models",
                "Upload a file.",
                body=OCTETS,
            ),
        )

    def path(self, digest: str) -> Path:
        """Where the file with this digest is, or would be. Raises ApiError for what is none."""
        found = _DIGEST.fullmatch(digest)
        if found is None:
            raise ApiError("invalid_request", "invalid digest format", param="digest")
        return self._folder / f"sha256-{found[1]}"

    async def look(self, request: Request) -> Response:
        """Whether the file is here."""
        path = self.path(request.path_params["digest"])
        if not await asyncio.to_thread(path.is_file):
            raise ApiError("not_found", "blob not found")
        return Response()

    async def upload(self, request: Request) -> Response:
        """Take up the file; its content must have the digest that it is called by."""
        path = self.path(request.path_params["digest"])
        if await asyncio.to_thread(path.is_file):
            return Response()
        limit = self._settings.current.server.upload_limit * GIGABYTE
        declared = request.headers.get("content-length", "")
        if declared.isdigit() and int(declared) > limit:
            raise _too_large()
        await asyncio.to_thread(self._make_room, int(declared) if declared.isdigit() else 0)
        part = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
        try:
            digest = await self._received(request, part, limit)
            if digest != path.name.removeprefix("sha256-"):
                raise ApiError(
                    "invalid_request",
                    f"digest mismatch: the file that came has sha256:{digest}",
                    param="digest",
                )
            await asyncio.to_thread(part.replace, path)
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
        return Response(status_code=201)

    async def _received(self, request: Request, part: Path, limit: int) -> str:
        """Write what comes; its digest."""
        total, digest = 0, hashlib.sha256()
        waiting = bytearray()
        stream = request.stream()
        with part.open("wb") as file:
            while True:
                try:
                    piece = await asyncio.wait_for(anext(stream), longest_pause(request))
                except StopAsyncIteration:
                    break
                except TimeoutError:
                    raise ApiError("timeout", "The file did not come to its end.") from None
                total += len(piece)
                if total > limit:
                    raise _too_large()
                waiting += piece
                if len(waiting) >= _AT_ONCE:
                    await asyncio.to_thread(self._take, file, bytes(waiting), digest)
                    waiting.clear()
            await asyncio.to_thread(self._take, file, bytes(waiting), digest)
        return digest.hexdigest()

    def _take(self, file: BinaryIO, data: bytes, digest: "hashlib._Hash") -> None:
        if shutil.disk_usage(self._folder).free < KEPT_FREE:
            raise _no_room()
        digest.update(data)
        file.write(data)

    def _make_room(self, size: int) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        for old in self._folder.iterdir():
            with contextlib.suppress(OSError):
                if old.stat().st_mtime < time.time() - UNUSED_SECONDS:
                    old.unlink()
        if shutil.disk_usage(self._folder).free < size + KEPT_FREE:
            raise _no_room()


def _too_large() -> ApiError:
    return ApiError("too_large", "The file is larger than Corral's server settings allow.")


def _no_room() -> ApiError:
    return ApiError("too_large", "The disk has no room for the file.", status=507)
