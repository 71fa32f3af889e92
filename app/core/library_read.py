"""Turn the files of a model into its entry in the library: what its header tells."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from app.core import quantization
from app.core.errors import ModelError
from app.core.gguf import read_header
from app.core.gguf_types import GgufHeader
from app.core.gguf_validate import check_header
from app.core.library_beside import OWN
from app.core.library_found import Found
from app.core.library_types import LocalModel
from app.core.mlx_header import read_config
from app.core.model_names import from_text, model_name
from app.core.ollama_name import from_folders
from app.core.other_programs import HUGGING_FACE
from app.core.variants import mlx_label

_NO_MODELS = {"mmproj", "adapter", "imatrix", "vocab"}
_CODE_PROBLEM = "It needs program code of its own, which Corral does not run."


def read_model(found: Found) -> LocalModel | None:
    """The library's entry; None for a GGUF file that is no model, such as a projector.

    A damaged model is listed with its `problem`, so that it can be seen and deleted.
    """
    if found.path.is_dir():
        return _mlx_model(found)
    header: GgufHeader | None = None
    problem = None
    try:
        header = read_header(found.path)
        if header.kind in _NO_MODELS or header.architecture == "clip":
            return None
        check_header(header, found.path)
    except ModelError as error:
        problem = error.message or error.title
    if found.missing:
        problem = f"{len(found.missing)} of its parts are missing, the first is {found.missing[0]}."
    if found.half_named:
        problem = (
            "Its update was broken off: some parts are old, some new. "
            "Resume it in Downloads, or download the model again."
        )
    return _gguf_model(found, header, problem)


def _gguf_model(found: Found, header: GgufHeader | None, problem: str | None) -> LocalModel:
    publisher, repo = _publisher_and_repo(found, found.path.parent)
    stats = [path.stat() for path in found.files]
    label = quantization.from_name(found.path.name) or ""
    if header and not label:
        label = header.quantization
    return LocalModel(
        id=model_id(found),
        name=found.title or _name(found, header),
        path=found.path,
        files=(*found.files, *found.companions),
        size=sum(stat.st_size for stat in stats),
        file_sizes=(
            *(stat.st_size for stat in stats),
            *(path.stat().st_size for path in found.companions),
        ),
        architecture=header.architecture if header else "",
        parameters=_parameters(found, header) if header and not problem else None,
        quantization=label,
        context_length=header.context_length if header else None,
        publisher=publisher or (header.text("general.organization") if header else "") or "",
        repo=repo,
        program=found.program,
        added=max(stat.st_mtime for stat in stats),
        source=found.source,
        read_only=found.source != "corral",
        problem=problem,
        has_chat_template=bool(header and header.chat_template),
        capabilities=_capabilities(found, header) if header else frozenset(),
    )


def model_id(found: Found) -> str:
    """ "publisher/repo/file" in the models folder; elsewhere a name that no other path has."""
    if found.source == "corral":
        return _without_suffix(found.path.relative_to(found.root)).as_posix()
    if found.source == "starter":
        return f"starter/{_without_suffix(found.path).name}"
    key = found.key or str(found.path)
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
    name = found.title or _mlx_name(found) or _without_suffix(found.path).name
    return f"{name}@{digest[:8]}"


def _name(found: Found, header: GgufHeader | None) -> str:
    """A file in a folder whose name says nothing is named as if it lay in one that does."""
    path = found.path
    if found.folder_name:
        path = path.with_name(found.folder_name) / path.name
    return model_name(path, header)


def _mlx_name(found: Found) -> str:
    return found.folder_name if found.path not in found.files else ""


def _without_suffix(path: Path) -> Path:
    return path.with_suffix("") if path.suffix.lower() == ".gguf" else path


def _publisher_and_repo(found: Found, folder: Path) -> tuple[str, str | None]:
    """From the layout publisher/repo/file, which is also the hub's; or from Ollama's registry."""
    if found.repo:
        return found.repo.partition("/")[0], found.repo
    parts = folder.relative_to(found.root).parts if folder.is_relative_to(found.root) else ()
    if name := from_folders(parts):
        return name.publisher, name.repo
    return (parts[0], f"{parts[0]}/{parts[1]}") if len(parts) >= 2 else ("", None)


def _parameters(found: Found, header: GgufHeader) -> int | None:
    others = [read_header(path).parameter_count or 0 for path in found.files[1:]]
    own = header.parameter_count
    return own + sum(others) if own is not None else None


_POOLED = {1, 2, 3}
"""pooling_type mean, cls, last: one vector for a text (llama.h)."""


def _capabilities(found: Found, header: GgufHeader) -> frozenset[str]:
    template = header.chat_template or ""
    can = {
        "tools": "tools" in template,
        "reasoning": "<think>" in template or "enable_thinking" in template,
        "vision": not all(path.name.startswith(OWN) for path in found.companions),
        "embeddings": header.hyper_integer("pooling_type") in _POOLED,
    }
    return frozenset(name for name, known in can.items() if known)


def is_for_others(found: Found) -> bool:
    """Whether these are weights for other libraries, which a cache of the hub holds as well."""
    if found.program != HUGGING_FACE or found.path in found.files:
        return False
    return mlx_label(found.repo or "", read_config(found.path / "config.json")) is None


def _mlx_model(found: Found) -> LocalModel | None:
    config = read_config(found.path / "config.json")
    publisher, repo = _publisher_and_repo(found, found.path)
    if is_for_others(found):
        return None
    settings = config.get("quantization")
    bits = settings.get("bits") if isinstance(settings, Mapping) else None
    context = config.get("max_position_embeddings")
    own_code = any(key in config for key in ("auto_map", "model_file"))
    stats = [path.stat() for path in found.files]
    return LocalModel(
        id=model_id(found),
        name=from_text(found.folder_name or found.path.name),
        path=found.path,
        files=found.files,
        size=sum(stat.st_size for stat in stats),
        file_sizes=tuple(stat.st_size for stat in stats),
        architecture=str(config.get("model_type") or ""),
        quantization=f"{bits}bit" if isinstance(bits, int) else "",
        context_length=context if isinstance(context, int) else None,
        publisher=publisher,
        repo=repo,
        program=found.program,
        added=max(stat.st_mtime for stat in stats),
        source=found.source,
        read_only=found.source != "corral",
        problem=_CODE_PROBLEM if own_code else None,
        has_chat_template=any(path.name.startswith("chat_template.") for path in found.files),
        format="mlx",
    )
