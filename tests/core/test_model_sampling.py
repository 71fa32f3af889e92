"""Sampling of a model: what a person chose for it, under what the preset says."""

from app.core.model_sampling import sampling_for
from app.core.settings import Models, Settings
from backends.types import SamplingParams

STANDARD = SamplingParams()
CHOSEN = SamplingParams(temperature=0.1, top_k=7)
SETTINGS = Settings(models=Models(sampling={"a": CHOSEN}))


def test_what_was_chosen_for_a_model_is_in_force_where_the_preset_says_nothing() -> None:
    assert sampling_for(SETTINGS, "a", STANDARD) == CHOSEN
    assert sampling_for(SETTINGS, "b", STANDARD) == STANDARD
    assert sampling_for(SETTINGS, None, STANDARD) == STANDARD


def test_what_the_preset_says_goes_before_it() -> None:
    preset = SamplingParams(temperature=1.3, min_p=0.2)
    merged = sampling_for(SETTINGS, "a", preset)
    assert (merged.temperature, merged.min_p, merged.top_k) == (1.3, 0.2, 7)
