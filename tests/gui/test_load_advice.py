"""Decisions about memory: who makes room, what would fit, ways on after an engine died."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from app.core.engine_errors import death
from app.core.errors import EngineDied
from app.core.estimate_corrections import Correction
from app.core.gguf_types import GgufArray, GgufHeader, MetadataValue
from app.core.hardware import HardwareSurvey, MemorySnapshot
from app.core.library_types import LocalModel
from app.core.memory import Fit, MemoryEstimate, estimate, verdict
from app.core.remedies import advice, rough_estimate
from app.core.room import Held
from app.core.settings import Models, Settings
from app.gui.load_advice import (
    config_for,
    forecast,
    remedies,
    starting_config,
)
from app.gui.message_item import Remedy
from backends.types import LoadConfig

pytestmark = pytest.mark.usefixtures("english")

GB = 10**9
HARDWARE = HardwareSurvey("test", 8, 16, (), 16 * GB)


def header() -> GgufHeader:
    """Llama 3.1 8B: 131,072 bytes of KV cache per token."""
    hyper: dict[str, MetadataValue] = {
        "general.architecture": "llama",
        "llama.block_count": 32,
        "llama.context_length": 131_072,
        "llama.embedding_length": 4096,
        "llama.attention.head_count": 32,
        "llama.attention.head_count_kv": 8,
        "tokenizer.ggml.tokens": GgufArray(type=8, count=128_256, values=None),
    }
    return GgufHeader(
        version=3, metadata=hyper, tensor_count=0, tensors=(), data_offset=0, complete=True
    )


def model(name: str = "Big", size: int = 5 * GB, **values: object) -> LocalModel:
    path = Path("/models") / f"{name}.gguf"
    known = {"id": name, "name": name, "path": path, "files": (path,), "size": size}
    return LocalModel(**{**known, **values})  # type: ignore[arg-type]  # a test's shorthand


def memory(free: float) -> MemorySnapshot:
    return MemorySnapshot(total=16 * GB, available=round(free * GB))


def died(*words: str, status: int = -9) -> EngineDied:
    """For lack of memory unless it says otherwise."""
    return death(status, words)


def ways_on(
    config: LoadConfig,
    free: MemorySnapshot,
    models: Sequence[LocalModel] = (),
    error: EngineDied | None = None,
) -> tuple[Remedy, ...]:
    return remedies(error or died(), model(), header(), config, free, models)


def test_what_fits_ejects_nobody() -> None:
    held = Held("other", "Other", estimate(header(), LoadConfig(), 4 * GB))
    shown = forecast(model(), header(), LoadConfig(context_length=8192), memory(12), [held])
    assert shown.verdict.fit is Fit.FITS
    assert shown.ejected == ()
    assert shown.memory == memory(12)


def test_models_make_room_longest_idle_first_and_no_more_than_needed() -> None:
    config = LoadConfig(context_length=32_768)
    held = [
        Held(name, name, estimate(header(), LoadConfig(context_length=16_384), 4 * GB))
        for name in ("first", "second", "third")
    ]
    need = estimate(header(), config, 5 * GB).total
    shown = forecast(model(), header(), config, memory(need / GB - 3), held)
    assert shown.ejected == ("first", "second")
    assert shown.verdict.fit is not Fit.TOO_LARGE


def test_the_model_itself_gives_its_memory_back_without_being_called_ejected() -> None:
    config = LoadConfig(context_length=32_768)
    own = Held("Big", "Big", estimate(header(), config, 5 * GB))
    alone = forecast(model(), header(), config, memory(6), [])
    again = forecast(model(), header(), config, memory(6), [own])
    assert alone.verdict.fit is Fit.TOO_LARGE
    assert again.verdict.free == 6 * GB + own.returned
    assert again.ejected == ()


def test_mapped_weights_that_counted_as_taken_come_back_with_the_rest() -> None:
    size = estimate(header(), LoadConfig(), 4 * GB)
    held = Held("other", "Other", size, claimed=4 * GB)
    assert held.returned == size.total - size.weights + 4 * GB
    need = estimate(header(), LoadConfig(context_length=8192), 5 * GB).total
    free = (need - 3 * GB) / GB
    shown = forecast(model(), header(), LoadConfig(context_length=8192), memory(free), [held])
    assert shown.ejected == ("Other",)
    assert shown.verdict.fit is not Fit.TOO_LARGE


def test_advice_is_the_longest_context_that_fits() -> None:
    config = LoadConfig(context_length=65_536)
    change = advice(model(), header(), config, memory(9))
    assert change is not None
    fits = verdict(estimate(header(), change.config, 5 * GB), memory(9))
    twice = replace_context(change.config, 2)
    assert fits.fit is Fit.FITS
    assert change.need == fits.need
    assert verdict(estimate(header(), twice, 5 * GB), memory(9)).fit is not Fit.FITS


def replace_context(config: LoadConfig, factor: int) -> LoadConfig:
    assert config.context_length is not None
    return LoadConfig(context_length=config.context_length * factor, kv_type=config.kv_type)


def test_no_advice_where_not_even_the_weights_go_in() -> None:
    assert advice(model(), header(), LoadConfig(context_length=8192), memory(4)) is None


def test_a_quantized_cache_is_advised_where_the_context_alone_is_not_enough() -> None:
    smallest = estimate(header(), LoadConfig(context_length=512), 5 * GB)
    quantized = estimate(header(), LoadConfig(context_length=512, kv_type="q8_0"), 5 * GB)
    between = (smallest.total + quantized.total) / 2 / 0.85
    config = LoadConfig(context_length=8192, flash_attention=False)
    change = advice(model(), header(), config, memory(between / GB))
    assert change is not None
    assert (change.config.kv_type, change.config.flash_attention) == ("q8_0", None)


def test_remedies_change_least_first_and_come_back_by_their_keys() -> None:
    small = model("Small", 2 * GB, quantization="Q4_K_M", parameters=3_000_000_000)
    found = ways_on(LoadConfig(context_length=65_536), memory(10), (model(), small))
    assert [each.button for each in found] == [
        "Reload and continue",
        "Reload and continue",
        "Switch model",
    ]
    assert found[0].label.startswith("Context ")
    assert found[0].label.endswith(" tokens")
    assert found[1].label.endswith("KV type q8_0")
    assert found[2].label == "Small · Q4_K_M"
    first, second, third = (config_for(each.key) for each in found)
    assert first is not None
    assert second is not None
    assert third is not None
    assert first[0] is None
    assert second[0] is None
    assert third == ("Small", LoadConfig())
    assert (second[1].context_length or 0) > (first[1].context_length or 0)
    for each, choice in zip(found[:2], (first, second), strict=True):
        need = estimate(header(), choice[1], 5 * GB)
        assert verdict(need, memory(10)).fit is Fit.FITS
        assert each.needs == f"needs {need.total / GB:.1f} GB"


def test_a_quantized_cache_is_left_out_where_it_gains_nothing() -> None:
    found = ways_on(LoadConfig(context_length=65_536, kv_type="q8_0"), memory(10))
    assert len(found) == 1
    choice = config_for(found[0].key)
    assert choice is not None
    assert choice[1].kv_type == "q8_0"


def test_the_model_to_switch_to_is_the_largest_that_fits_and_can_be_loaded() -> None:
    models = (
        model("Tiny", GB),
        model("Middle", 3 * GB),
        model("Broken", 4 * GB, problem="It is damaged."),
        model("Away", 4 * GB, present=False),
        model("Huge", 40 * GB),
    )
    found = ways_on(LoadConfig(context_length=512), memory(6), models)
    assert found[-1].label == "Middle"


def test_nothing_fits_then_nothing_is_offered() -> None:
    assert ways_on(LoadConfig(context_length=8192), memory(0.2)) == ()


def test_a_crash_is_met_by_the_same_settings_then_by_the_usual_ones() -> None:
    config = LoadConfig(context_length=2048, batch_size=64, gpu_layers=10)
    crash = died("GGML_ASSERT(n > 0) failed", status=-6)
    again, usual = ways_on(config, memory(10), error=crash)
    assert (again.key, again.label) == ("again", "With the same settings")
    assert usual.label == "Usual load settings"
    assert config_for(usual.key) == (None, LoadConfig(context_length=2048))


def test_a_full_graphics_card_is_met_by_fewer_layers_first() -> None:
    full = died("CUDA error: out of memory", status=-6)
    config = LoadConfig(context_length=8192, gpu_layers=20)
    first, *_ = ways_on(config, memory(10), error=full)
    assert first.label == "10 layers on the graphics card"
    lost = died("ErrorDeviceLost", status=-6)
    labels = [each.label for each in ways_on(config, memory(10), error=lost)]
    assert labels == [
        "With the same settings",
        "10 layers on the graphics card",
        "On the processor alone",
    ]


def test_where_only_a_new_load_helps_the_card_offers_its_usual_way() -> None:
    assert ways_on(LoadConfig(context_length=8192), memory(10), error=died(status=-15)) == ()


@pytest.mark.parametrize("key", ["again", "", "{}", '{"config": 3}', "[1]"])
def test_other_keys_are_not_load_settings(key: str) -> None:
    assert config_for(key) is None


def test_a_model_starts_as_it_was_remembered_or_as_suits_this_computer() -> None:
    remembered = LoadConfig(context_length=2048, threads=3)
    settings = Settings(models=Models(load={"Big": remembered}))
    start = starting_config(model(), header(), HARDWARE, settings, memory(14))
    assert (start.context_length, start.threads) == (2048, 3)
    fresh = starting_config(model(), header(), HARDWARE, settings, memory(14), remembered=False)
    assert (fresh.context_length, fresh.threads) == (8192, 7)


def test_a_rough_estimate_takes_the_standard_context() -> None:
    long = rough_estimate(model(parameters=8_000_000_000, context_length=131_072))
    assert long.kv_cache == 131_072 * 8192
    short = rough_estimate(model(parameters=8_000_000_000, context_length=2048))
    assert short.kv_cache == 131_072 * 2048


def test_strict_guard_rails_make_room_until_the_model_fits_well() -> None:
    config = LoadConfig(context_length=8192)
    need = estimate(header(), config, 5 * GB).total
    held = [Held("other", "Other", MemoryEstimate(0, 4 * GB, 0, 0))]
    tight = memory(need / 0.9 / GB)
    assert forecast(model(), header(), config, tight, held).ejected == ()
    assert forecast(model(), header(), config, tight, held, "strict").ejected == ("Other",)
    assert forecast(model(), header(), config, tight, held, "off").ejected == ()


def test_the_forecast_knows_what_earlier_loads_took() -> None:
    config = LoadConfig(context_length=8192)
    bare = forecast(model(), header(), config, memory(12)).need
    taught = forecast(model(), header(), config, memory(12), correction=Correction(kv_cache=2.0))
    assert taught.need.kv_cache == 2 * bare.kv_cache
