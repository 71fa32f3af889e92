"""`/api/show`: all that is known of a model."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import structs
from starlette.requests import Request
from starlette.responses import Response

from app.api.body import read_json
from app.api.ollama.answer_types import OllamaMessage
from app.api.ollama.loading import Loading
from app.api.ollama.model_facts import capabilities_of, details_of
from app.api.ollama.model_types import ShownModel, ShowRequest, TensorRow
from app.api.ollama.times import from_unix
from app.api.operations import Operation
from app.api.streams import json_response
from app.api.work import Work
from app.core.errors import AppError
from app.core.gguf import Limits, read_header
from app.core.gguf_types import TENSOR_TYPES, GgufArray, GgufHeader
from app.core.infill import infill_in
from app.core.library_types import LocalModel
from app.core.ollama_recipe import PARAMETERS
from app.core.preset_of_model import own_preset
from app.core.presets import Preset
from app.core.projectors import projector_beside
from backends.types import LoadConfig, SamplingParams

_TOKENS = "tokenizer.ggml.tokens"
_NOT_INFO = ("general.name", "tokenizer.chat_template")
_NAME_WIDTH = 30
_SHORT = 30
"""Values of a list that is told in any case."""


class Show:
    """Tells of a model."""

    def __init__(self, work: Work, loading: Loading) -> None:
        self._work, self._loading = work, loading
        self._parts = work.parts

    def operations(self) -> Sequence[Operation]:
        """What is asked where."""
        return (
            Operation(
                "POST",
                "/api/show",
                self.show,
                "chat",
                "All that is known of a model.",
                request=ShowRequest,
                response=ShownModel,
            ),
        )

    async def show(self, request: Request) -> Response:
        """Tell of the model of that name."""
        asked = await read_json(request, ShowRequest)
        model = self._loading.find(asked.model or asked.name)
        shown = await asyncio.to_thread(self._shown, model, asked)
        return json_response(shown)

    def _shown(self, model: LocalModel, asked: ShowRequest) -> ShownModel:
        names = self._work.names.tags()
        header = self._header(model)
        own = own_preset(model.id, self._parts.presets)
        settings = self._parts.settings.current
        load = settings.models.load.get(model.id, LoadConfig())
        system = asked.system or (own.system_prompt if own is not None else "")
        parameters = parameter_lines(self._work.sampling(model), load)
        template = (header.chat_template if header is not None else None) or ""
        capabilities = capabilities_of(model)
        if header is not None and capabilities != ["embedding"] and infill_in(header):
            capabilities.append("insert")
        return ShownModel(
            modelfile=modelfile(names.get(model.id, model.id), template, system, parameters, own),
            details=details_of(model, names, header.embedding_length if header else None),
            model_info=_info(header, verbose=bool(asked.verbose), model=model),
            modified_at=from_unix(model.added),
            license=(header.text("general.license") if header is not None else None) or "",
            parameters="\n".join(f"{name:<{_NAME_WIDTH}} {value}" for name, value in parameters),
            template=template,
            system=system,
            messages=[OllamaMessage(each.role, each.content) for each in own.messages]
            if own is not None
            else [],
            projector_info=self._projector(model, header),
            tensors=_tensors(header) if header is not None else [],
            capabilities=capabilities,
        )

    def _header(self, model: LocalModel) -> GgufHeader | None:
        try:
            if model.format == "gguf":
                return read_header(model.path, limits=Limits(kept_whole=frozenset({_TOKENS})))
            return None if model.is_remote else self._parts.library.header(model.id)
        except AppError:
            return None  # what the library knows of it is told all the same

    def _projector(self, model: LocalModel, header: GgufHeader | None) -> dict[str, Any]:
        if header is None or model.format != "gguf":
            return {}
        path = projector_beside(model, header)
        try:
            found = read_header(next(each for each in model.files if str(each) == path))
        except (StopIteration, AppError):
            return {}
        return _info(found, verbose=False, model=model)


def parameter_lines(sampling: SamplingParams, load: LoadConfig) -> list[tuple[str, str]]:
    """What is set for a model, under Ollama's names, with its values as a Modelfile has them."""
    lines: list[tuple[str, str]] = []
    for values, standard in ((sampling, SamplingParams()), (load, LoadConfig())):
        for name, value in structs.asdict(values).items():
            known = PARAMETERS.get(name)
            if known is None or value is None or value == getattr(standard, name):
                continue
            many = value if isinstance(value, tuple) else (value,)
            lines += [(known, json.dumps(each, ensure_ascii=False)) for each in many]
    return lines


def modelfile(
    name: str, template: str, system: str, parameters: Sequence[tuple[str, str]], own: Preset | None
) -> str:
    """The model as a Modelfile that another one may begin with."""
    parts = [f"# A model of Corral's, told as a Modelfile\nFROM {name}"]
    if template:
        parts.append(f'TEMPLATE """{template}"""')
    if system:
        parts.append(f'SYSTEM """{system}"""')
    parts += [f"PARAMETER {key} {value}" for key, value in parameters]
    for each in own.messages if own is not None else ():
        parts.append(f'MESSAGE {each.role} """{each.content}"""')
    return "\n".join(parts) + "\n"


def _info(header: GgufHeader | None, *, verbose: bool, model: LocalModel) -> dict[str, Any]:
    """The header's values; long lists are null unless all is asked for."""
    if header is None:
        return {"general.architecture": model.architecture} if model.architecture else {}
    info: dict[str, Any] = {}
    for key, value in header.metadata.items():
        if key in _NOT_INFO:
            continue
        info[key] = _listed(value, verbose=verbose) if isinstance(value, GgufArray) else value
    info.setdefault("general.parameter_count", model.parameters or header.parameter_count)
    return msgspec.to_builtins(info)  # type: ignore[no-any-return]  # it is declared as Any


def _listed(array: GgufArray, *, verbose: bool) -> list[object] | None:
    whole = array.values is not None and (verbose or array.count <= _SHORT)
    return [_text(each) for each in array.values or ()] if whole else None


def _text(value: object) -> object:
    """A token whose bytes are no text is told with marks in their place."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return value


def _tensors(header: GgufHeader) -> list[TensorRow]:
    return [
        TensorRow(
            each.name,
            TENSOR_TYPES[each.type].name if each.type in TENSOR_TYPES else str(each.type),
            list(each.shape),
        )
        for each in header.tensors
    ]
