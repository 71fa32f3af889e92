"""The preset that came with a model: made when it arrived from Ollama's registry, or with it."""

from app.core.presets import Preset, PresetStore

ICON = "box"
"""Of presets that came with a model; together with the model's id it tells them from others."""


def own_preset(model_id: str, presets: PresetStore) -> Preset | None:
    """What the maker of a model wants it to be told and sampled with; None where nobody said."""
    for preset in presets.list():
        if preset.model == model_id and preset.icon == ICON:
            return preset
    return None
