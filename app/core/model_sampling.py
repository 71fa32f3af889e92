"""Sampling values in force: what a preset says, over what a person chose for the model."""

from msgspec import structs

from app.core.settings import Settings
from backends.types import SamplingParams

_STANDARD = SamplingParams()


def sampling_for(
    settings: Settings, model_id: str | None, preset: SamplingParams
) -> SamplingParams:
    """The preset's values; what it leaves at the standard is the model's, where that was chosen."""
    chosen = settings.models.sampling.get(model_id or "")
    if chosen is None:
        return preset
    own = {
        name: value
        for name, value in structs.asdict(preset).items()
        if value != getattr(_STANDARD, name)
    }
    return structs.replace(chosen, **own)
