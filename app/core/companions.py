"""Files that can be loaded beside a model: which ones there are, and which ones fit."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from msgspec import structs

from app.core.draft_memory import read_draft
from app.core.draft_models import draft_models
from app.core.errors import ModelError
from app.core.gguf import read_header
from app.core.gguf_types import GgufHeader
from app.core.library_types import LocalModel
from app.core.own_adapters import own_drafts
from app.core.projectors import projector_beside, projectors_beside
from backends.types import LoadConfig

_ADAPTER_FILES = ("adapter_config.json", "adapters.safetensors")


@dataclass(frozen=True)
class Companions:
    """What can be loaded beside a model on this computer."""

    drafts: tuple[LocalModel, ...] = ()
    """Models that can guess ahead for it."""
    projectors: tuple[str, ...] = ()
    """Paths of the projectors beside it that fit."""
    projector: str = ""
    """The one that is taken where nobody chose."""


NO_COMPANIONS = Companions()


def companions_of(
    model: LocalModel, header: GgufHeader, models: Sequence[LocalModel]
) -> Companions:
    """Look for them among the `models` of the library and beside the file.

    Reads files, the headers of draft models too, so that estimates with them need not.
    """
    drafts = draft_models(model, header, (*own_drafts(model), *models))
    for draft in drafts:
        read_draft(draft.path)
    if model.format == "mlx":
        return Companions(drafts)
    beside = tuple(str(path) for path in projectors_beside(model, header))
    return Companions(drafts, beside, projector_beside(model, header))


def with_projector(config: LoadConfig, companions: Companions) -> LoadConfig:
    """`config` with the projector that will be taken where nobody chose one."""
    if config.projector is not None:
        return config
    return structs.replace(config, projector=companions.projector)


def check_adapter(path: Path, model: GgufHeader) -> None:
    """Refuse a file that is no LoRA adapter for a GGUF model with this header.

    Raises ModelError. The engine checks the tensors too, when it loads them.
    """
    try:
        own = read_header(path)
    except ModelError as error:
        _no_adapter(path, error)
    if own.kind != "adapter" or own.text("adapter.type") != "lora":
        _no_adapter(path)
    if own.architecture != model.architecture:
        raise ModelError(
            f"{path.name} belongs to another model",
            f"It was made for the architecture “{own.architecture or 'unknown'}”, this model has "
            f"“{model.architecture}”.",
            "Choose an adapter that was made for this model.",
        )


def _no_adapter(path: Path, cause: ModelError | None = None) -> NoReturn:
    raise ModelError(
        f"{path.name} is not a LoRA adapter",
        "Adapters are GGUF files that say so in their header.",
        "Choose the GGUF file of an adapter.",
    ) from cause


def check_mlx_adapter(folder: Path) -> None:
    """Refuse a folder that holds no LoRA adapter for MLX. Raises ModelError."""
    if not all((folder / name).is_file() for name in _ADAPTER_FILES):
        raise ModelError(
            f"{folder.name} is not a LoRA adapter for MLX",
            f"That is a folder with {' and '.join(_ADAPTER_FILES)}.",
            "Choose such a folder.",
        )
