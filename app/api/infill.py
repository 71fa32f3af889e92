"""Filling in the middle: a prompt of what stands before and behind the gap."""

from app.api.errors import ApiError
from app.core.loaded_model import LoadedModel


def infill_prompt(loaded: LoadedModel, before: str, behind: str) -> str:
    """The raw prompt that asks for what stands between two texts.

    Raises ApiError where the model was not trained for that: it has no tokens to say so.
    """
    markers = loaded.info.infill if loaded.info is not None else None
    if markers is None:
        raise ApiError(
            "unsupported",
            f"suffix: {loaded.model.name} cannot fill in the middle of a text.",
            param="suffix",
        )
    return f"{markers.prefix}{before}{markers.suffix}{behind}{markers.middle}"
