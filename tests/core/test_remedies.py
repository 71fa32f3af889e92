"""Remedies lead to settings with which the model fits."""

from pathlib import Path

import pytest

from app.core.errors import RemedyKind
from app.core.failure_table import FAILURES
from app.core.hardware import Gpu, MemorySnapshot
from app.core.library_types import LocalModel
from app.core.memory import Fit, estimate, verdict
from app.core.remedies import Way, ways_on
from backends.types import LoadConfig
from tests.core.test_auto_fit import GB, SIZE, llama

PATH = Path("/models/big.gguf")
MODEL = LocalModel(id="big", name="Big", path=PATH, files=(PATH,), size=SIZE)
CARD = Gpu("Card", 8 * GB, 8 * GB)


def ways(
    kinds: tuple[RemedyKind, ...], config: LoadConfig, free: float, *gpus: Gpu
) -> tuple[Way, ...]:
    memory = MemorySnapshot(64 * GB, round(free * GB), gpus)
    return ways_on(kinds, MODEL, llama(), config, memory, ())


def test_a_smaller_context_fits_and_is_the_longest_that_does() -> None:
    config = LoadConfig(context_length=65_536)
    [way] = ways((RemedyKind.SMALLER_CONTEXT,), config, 9)
    memory = MemorySnapshot(64 * GB, 9 * GB)
    assert verdict(estimate(llama(), way.config, SIZE), memory).fit is Fit.FITS
    twice = LoadConfig(context_length=(way.config.context_length or 0) * 2)
    assert verdict(estimate(llama(), twice, SIZE), memory).fit is not Fit.FITS


def test_fewer_layers_are_half_of_those_that_were_there() -> None:
    config = LoadConfig(context_length=8192, gpu_layers=20)
    [fewer, none] = ways((RemedyKind.FEWER_LAYERS, RemedyKind.NO_GPU), config, 16, CARD)
    assert (fewer.config.gpu_layers, none.config.gpu_layers) == (10, 0)
    assert fewer.need < 2 * SIZE
    all_there = LoadConfig(context_length=8192)
    [half] = ways((RemedyKind.FEWER_LAYERS,), all_there, 16, CARD)
    assert half.config.gpu_layers == 16


def test_what_changes_nothing_is_left_out() -> None:
    on_processor = LoadConfig(context_length=8192, gpu_layers=0)
    assert ways((RemedyKind.FEWER_LAYERS, RemedyKind.NO_GPU), on_processor, 16) == ()
    usual = LoadConfig(context_length=8192, threads=7, gpu_layers=33)
    assert ways((RemedyKind.USUAL_SETTINGS,), usual, 16) == ()
    assert ways((RemedyKind.RELOAD, RemedyKind.REPORT), usual, 16) == ()


def test_usual_settings_keep_a_short_context() -> None:
    strange = LoadConfig(context_length=2048, batch_size=64, rope_freq_base=1.0)
    [way] = ways((RemedyKind.USUAL_SETTINGS,), strange, 16)
    assert way.config == LoadConfig(context_length=2048)


@pytest.mark.parametrize("row", FAILURES, ids=lambda row: row.name)
def test_every_remedy_of_the_table_is_understood(row: object) -> None:
    kinds = getattr(row, "remedies", ())
    config = LoadConfig(context_length=65_536, gpu_layers=33, batch_size=64)
    for way in ways(kinds, config, 12, CARD):
        assert way.config != config
        assert way.need > 0
