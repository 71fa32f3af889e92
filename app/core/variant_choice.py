"""Which variant of a repository is fetched for whoever named it, or named none."""

from app.core.errors import NotFoundError, StorageError
from app.core.hardware import memory_snapshot
from app.core.hub import HubDetail
from app.core.hub_reference import Reference
from app.core.memory import FitVerdict, estimate_from_size, verdict
from app.core.mlx_support import WHY_NOT, runs_mlx
from app.core.variants import Variant, recommended

_CONTEXT = 8192
"""Tokens that a variant is judged with."""


def chosen_variant(detail: HubDetail, wanted: Reference) -> Variant:
    """The variant with that file or of that name, or the one recommended for this computer.

    Raises NotFoundError, or StorageError where none would fit into the memory.
    """
    usable = [each for each in detail.variants if each.format == "gguf" or runs_mlx()]
    names = ", ".join(each.label for each in usable)
    if not usable:
        raise NotFoundError(
            f"{detail.model.repo} holds no model that Corral can run",
            f"It holds an MLX model. {WHY_NOT}"
            if detail.variants
            else "There is no GGUF file in it.",
            "Look for a repository whose name ends in -GGUF.",
        )
    if wanted.file or wanted.quantization:
        found = next((each for each in usable if _is_meant(each, wanted)), None)
        if found is None:
            what = wanted.file or wanted.quantization
            raise NotFoundError(
                f"{detail.model.repo} has no variant {what}", hint=f"There are: {names}."
            )
        return found
    memory = memory_snapshot()

    def fit(variant: Variant) -> FitVerdict:
        return verdict(estimate_from_size(variant.size, None, _CONTEXT), memory)

    chosen = recommended(usable, fit)
    if chosen is None:
        raise StorageError(
            f"No variant of {detail.model.repo} fits into the memory of this computer",
            hint=f"Name one to download it all the same: {names}.",
        )
    return chosen


def _is_meant(variant: Variant, wanted: Reference) -> bool:
    if wanted.file:
        return any(wanted.file == each.path for each in variant.files)
    text = (wanted.quantization or "").lower()
    return text in (variant.label.lower(), variant.quantization.lower())
