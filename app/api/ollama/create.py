"""`/api/create`, `/api/copy`, `/api/delete`."""

import asyncio
import os
import shutil
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from app.api.body import read_json
from app.api.errors import ApiError, api_error
from app.api.ollama.answering import NDJSON
from app.api.ollama.blobs import Blobs
from app.api.ollama.errors import error_body
from app.api.ollama.loading import Loading
from app.api.ollama.model_types import CopyRequest, CreateRequest, DeleteRequest, StepLine
from app.api.operations import Operation
from app.api.streams import StreamedResponse, json_response, ndjson, while_connected
from app.api.work import EMBEDDING_SUFFIX, Work
from app.core.errors import AppError
from app.core.gguf_validate import check_model
from app.core.library_types import LocalModel
from app.core.ollama_name import OllamaName, plain_name
from app.core.ollama_recipe import (
    SYSTEM_LIMIT,
    Recipe,
    ToldMessage,
    with_messages,
    with_parameters,
)
from app.core.own_models import NameTaken, OwnModels
from app.core.safe_names import safe_segment

UPLOADED = "uploaded"
"""Folder below the models folder for models that were made of uploaded files."""


class Manage:
    """Makes models of others, and deletes them."""

    def __init__(self, work: Work, loading: Loading, blobs: Blobs) -> None:
        self._work, self._loading, self._blobs = work, loading, blobs
        parts = work.parts
        self._library, self._runtime = parts.library, parts.runtime
        self._own = OwnModels(parts.library, parts.presets, parts.settings)
        self._one_at_a_time = asyncio.Lock()

    def operations(self) -> Sequence[Operation]:
        """What is asked where."""
        return (
            Operation(
                "POST",
                "/api/create",
                self.create,
                "models",
                "Make a model of another one, or of an uploaded file.",
                request=CreateRequest,
                response=StepLine,
                stream=StepLine,
            ),
            Operation(
                "POST",
                "/api/copy",
                self.copy,
                "models",
                "Give a model a further name.",
                request=CopyRequest,
            ),
            Operation(
                "DELETE",
                "/api/delete",
                self.delete,
                "models",
                "Delete a model.",
                request=DeleteRequest,
            ),
        )

    async def create(self, request: Request) -> Response:
        """Make a model."""
        asked = await read_json(request, CreateRequest)
        name = _valid(asked.model or asked.name, "invalid model name")
        _refuse_unsupported(asked)
        recipe = _recipe(name, asked)
        base = self._loading.find(asked.from_) if asked.from_ else None
        if base is None and not asked.files:
            raise ApiError("invalid_request", "neither 'from' or 'files' was specified")
        if asked.template and base is not None:
            await self._check_template(base, asked.template)
        if asked.stream is False:
            await while_connected(request, self._made(name, base, asked, recipe))
            return json_response(StepLine("success"))
        return StreamedResponse(self._steps(name, base, asked, recipe), NDJSON)

    async def _steps(
        self, name: OllamaName, base: LocalModel | None, asked: CreateRequest, recipe: Recipe
    ) -> AsyncGenerator[bytes, None]:
        what = "using existing layer" if base is not None else "checking the uploaded file"
        yield ndjson(StepLine(what))
        try:
            await self._made(name, base, asked, recipe)
        except Exception as error:  # noqa: BLE001 - the last line tells of it
            yield ndjson(error_body(api_error(error)))
            return
        if recipe.left_out:
            yield ndjson(StepLine(f"not taken: {', '.join(recipe.left_out)}"))
        yield ndjson(StepLine("writing manifest"))
        yield ndjson(StepLine("success"))

    async def _made(
        self, name: OllamaName, base: LocalModel | None, asked: CreateRequest, recipe: Recipe
    ) -> LocalModel:
        async with self._one_at_a_time:
            if base is not None:
                return await self._created(name, base, recipe)
            files = asked.files or {}
            base = await asyncio.to_thread(self._uploaded, name, files)
            try:
                made = await self._created(name, base, recipe)
            except BaseException:
                await asyncio.to_thread(self._own.delete, base)
                raise
            for digest in files.values():  # it lies in the models folder now
                await asyncio.to_thread(self._blobs.path(digest).unlink, missing_ok=True)
            return made

    async def _created(self, name: OllamaName, base: LocalModel, recipe: Recipe) -> LocalModel:
        try:
            return await asyncio.to_thread(self._own.create, _written(name), base, recipe)
        except NameTaken as error:
            raise ApiError("invalid_request", f"{error.title}.", param="model") from error

    def _uploaded(self, name: OllamaName, files: dict[str, str]) -> LocalModel:
        """Take an uploaded file into the models folder. Raises ApiError or AppError."""
        if len(files) != 1:
            raise ApiError("unsupported", "A model is made of one GGUF file here.", param="files")
        [digest] = files.values()
        blob = self._blobs.path(digest)
        if not blob.is_file():
            raise ApiError("not_found", "blob not found", status=400)
        try:
            check_model(blob)
        except AppError as error:
            raise ApiError("invalid_request", f"{error.message or error.title}") from error
        target = self._library.folder / UPLOADED / safe_segment(name.model)
        target = target / safe_segment(f"{name.stem}-{digest[-12:]}", ".gguf")
        _linked(blob, target)
        return self._library.register([target])

    async def _check_template(self, base: LocalModel, template: str) -> None:
        try:
            header = await asyncio.to_thread(self._library.header, base.id)
            own = header.chat_template
        except AppError:
            own = None
        if template != own:
            raise ApiError(
                "unsupported",
                "template: a model answers with its own template only; leave it out",
                param="template",
            )

    async def copy(self, request: Request) -> Response:
        """Give a model a further name."""
        asked = await read_json(request, CopyRequest)
        name = _valid(asked.destination, f"destination “{asked.destination[:100]}” is invalid")
        base = self._loading.find(asked.source)
        async with self._one_at_a_time:
            await self._created(name, base, Recipe(name.short))
        return Response()

    async def delete(self, request: Request) -> Response:
        """Delete a model for good; one of another program's is only taken off the list."""
        asked = await read_json(request, DeleteRequest)
        model = self._loading.find(asked.model or asked.name, exactly=True)
        async with self._one_at_a_time:
            await asyncio.to_thread(self._delete, model)
        return Response()

    def _delete(self, model: LocalModel) -> None:
        for model_id in (model.id, model.id + EMBEDDING_SUFFIX):
            self._runtime.eject(model_id)
        self._own.delete(model)
        base = next((m for m in self._library.models() if m.id == model.variant_of), None)
        if base is not None and self._is_uploaded(base):
            users = [m for m in self._library.models() if m.variant_of == base.id]
            if not users:  # nobody knows the file by another name
                self._own.delete(base)

    def _is_uploaded(self, model: LocalModel) -> bool:
        return (self._library.folder / UPLOADED).absolute() in model.path.absolute().parents


def _valid(text: str, problem: str) -> OllamaName:
    name = plain_name(text)
    if name is None:
        raise ApiError("invalid_request", problem, param="model")
    return name


def _written(name: OllamaName) -> str:
    """What the library calls it."""
    return name.short.removesuffix(":latest")


def _refuse_unsupported(asked: CreateRequest) -> None:
    for param, given, why in (
        ("quantize", asked.quantize or asked.quantization, "Models are not quantized here."),
        ("adapters", asked.adapters, "Adapters are set up in Corral, not uploaded."),
    ):
        if given:
            raise ApiError("unsupported", f"{param}: {why}", param=param)


def _recipe(name: OllamaName, asked: CreateRequest) -> Recipe:
    """What the request says of the model. Raises ApiError."""
    recipe = Recipe(name.short, system_prompt=asked.system or "")
    if len(recipe.system_prompt) > SYSTEM_LIMIT:
        raise ApiError("too_large", "system: The text is too long.", param="system", status=400)
    recipe = with_parameters(recipe, asked.parameters or {})
    told = []
    for each in asked.messages or ():
        role = each.role.lower()
        if role not in ("system", "user", "assistant"):
            raise ApiError(
                "invalid_request",
                "messages: a role must be one of system, user, assistant",
                param="messages",
            )
        told.append(ToldMessage(role, each.content or ""))  # type: ignore[arg-type]  # checked above
    return with_messages(recipe, tuple(told))


def _linked(source: Path, target: Path) -> None:
    """`target` with the content of `source`: the same bytes where the disk can do that."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        return
    try:
        os.link(source, target)
    except OSError:
        part = target.with_name(f"{target.name}.part")
        shutil.copyfile(source, part)
        part.replace(target)
