"""`/api/v1/models`: what there is, loading and unloading."""

import asyncio
import time
from collections.abc import Sequence
from typing import cast

import msgspec
from msgspec import UNSET, structs
from starlette.requests import Request
from starlette.responses import Response

from app.api.body import read_json
from app.api.errors import ApiError
from app.api.lmstudio.model_types import (
    CapabilityRow,
    Instance,
    InstanceConfig,
    Kind,
    LmStudioLoaded,
    LmStudioLoadRequest,
    LmStudioModel,
    LmStudioModels,
    LmStudioUnload,
    QuantizationRow,
    ReasoningOption,
    ReasoningRow,
)
from app.api.operations import Operation
from app.api.streams import json_response, while_connected
from app.api.work import EMBEDDING_SUFFIX, Work
from app.core import quantization
from app.core.library_types import LocalModel
from app.core.load_plan import chosen_config
from app.core.loaded_model import LoadedModel
from backends.types import LoadConfig

_SETTINGS = {
    "context_length": "context_length",
    "eval_batch_size": "batch_size",
    "flash_attention": "flash_attention",
    "offload_kv_cache_to_gpu": "offload_kv",
}
"""Load settings by LM Studio's names."""


class LmStudioLists:
    """Lists, loads and unloads models."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._runtime = work.parts.runtime

    def operations(self) -> Sequence[Operation]:
        """What is asked where."""
        base = "/api/v1/models"
        return (
            Operation(
                "GET", base, self.all, "chat", "The models there are.", response=LmStudioModels
            ),
            Operation(
                "POST",
                f"{base}/load",
                self.load,
                "models",
                "Load a model.",
                request=LmStudioLoadRequest,
                response=LmStudioLoaded,
            ),
            Operation(
                "POST",
                f"{base}/unload",
                self.unload,
                "models",
                "Eject a model.",
                request=LmStudioUnload,
                response=LmStudioUnload,
            ),
        )

    async def all(self, _: Request) -> Response:
        """All models that can be used."""
        loaded = [each for each in self._runtime.loaded() if each.state == "ready"]
        rows = [_row(model, _instances(model, loaded)) for model in self._work.names.usable()]
        return json_response(LmStudioModels(rows))

    async def load(self, request: Request) -> Response:
        """Load a model; one that is loaded otherwise is loaded anew."""
        asked = await read_json(request, LmStudioLoadRequest)
        model = self._work.names.find(asked.model)
        began = time.monotonic()
        if is_embedding(model):
            work = self._work.loaded_for_embeddings(model, ttl=asked.ttl)
        else:
            work = self._work.loaded(model, self._config(model, asked), ttl=asked.ttl)
        loaded = await while_connected(request, work)
        answer = LmStudioLoaded(_kind(model), loaded.model.id, time.monotonic() - began)
        if asked.echo_load_config:
            answer.load_config = _config_of(loaded)
        return json_response(answer)

    def _config(self, model: LocalModel, asked: LmStudioLoadRequest) -> LoadConfig | None:
        """How to load it; None as it is set. Raises ApiError."""
        given = {
            ours: getattr(asked, theirs)
            for theirs, ours in _SETTINGS.items()
            if getattr(asked, theirs) is not None
        }
        if not given:
            return None
        base = chosen_config(model, None, self._work.parts.settings.current)
        try:
            wanted = msgspec.to_builtins(structs.replace(base, **given))
            return msgspec.convert(wanted, LoadConfig)
        except msgspec.ValidationError as error:
            raise ApiError("invalid_request", f"{error}.") from None

    async def unload(self, request: Request) -> Response:
        """Eject a model."""
        asked = await read_json(request, LmStudioUnload)
        name = asked.instance_id
        loaded = self._runtime.get(name)
        if loaded is None:
            loaded = self._runtime.get(self._work.names.find(name).id)
        if loaded is None:
            raise ApiError("model_not_found", f"“{name[:200]}” is not loaded.", param="instance_id")
        await asyncio.to_thread(self._runtime.eject, loaded.model.id)
        return json_response(LmStudioUnload(name))


def is_embedding(model: LocalModel) -> bool:
    """Whether a model is made to embed texts."""
    return "embeddings" in model.capabilities


def _kind(model: LocalModel) -> Kind:
    return "embedding" if is_embedding(model) else "llm"


def _instances(model: LocalModel, loaded: Sequence[LoadedModel]) -> list[Instance]:
    return [
        Instance(each.model.id, _config_of(each))
        for each in loaded
        if each.model.id.removesuffix(EMBEDDING_SUFFIX) == model.id
    ]


def _config_of(loaded: LoadedModel) -> InstanceConfig:
    info, config = loaded.info, loaded.config
    context = info.context_length if info is not None else config.context_length or 0
    if config.embedding:
        return InstanceConfig(context)
    return InstanceConfig(
        context,
        config.batch_size,
        info.slots if info is not None else config.slots,
        UNSET if config.flash_attention is None else config.flash_attention,
        config.offload_kv,
    )


def _row(model: LocalModel, instances: list[Instance]) -> LmStudioModel:
    label = model.quantization
    row = LmStudioModel(
        type=_kind(model),
        publisher=model.publisher,
        key=model.id,
        display_name=model.name,
        quantization=QuantizationRow(label, quantization.bits_per_weight(label)) if label else None,
        size_bytes=model.disk_size,
        params_string=params_of(model.parameters),
        loaded_instances=instances,
        max_context_length=model.context_length or 0,
        format=None if model.format == "remote" else model.format,
    )
    if not is_embedding(model):
        row.architecture = model.architecture or None
        row.capabilities = CapabilityRow(
            "vision" in model.capabilities,
            "tools" in model.capabilities,
            ReasoningRow(cast("list[ReasoningOption]", ["off", "on"]), "on")
            if "reasoning" in model.capabilities
            else UNSET,
        )
        row.description = None
    return row


def params_of(number: int | None) -> str | None:
    """A number of parameters as people write it: "135M", "7B"."""
    if not number:
        return None
    for scale, mark in ((10**9, "B"), (10**6, "M")):
        if number >= scale:
            value = number / scale
            return f"{value:.1f}".removesuffix(".0") + mark if value < 10 else f"{value:.0f}{mark}"
    return str(number)
