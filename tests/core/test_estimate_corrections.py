"""What loads on this computer taught: kept, bounded, and harmless when damaged."""

from pathlib import Path

import msgspec
import pytest

from app.core import estimate_corrections
from app.core.estimate_corrections import (
    NO_CORRECTION,
    Correction,
    EstimateCorrections,
)
from app.core.memory import MemoryEstimate
from backends.types import LoadConfig, MemoryUse

ESTIMATED = MemoryEstimate(weights=1000, kv_cache=400, compute=100, overhead=50)
MEASURED = MemoryUse(weights=1100, kv_cache=300, compute=150)
CONFIG = LoadConfig(context_length=4096)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "estimates.json"


def test_the_next_estimate_is_what_the_last_load_took(file: Path) -> None:
    known = EstimateCorrections(file)
    assert known.of("model", CONFIG) == NO_CORRECTION
    known.learn("model", CONFIG, ESTIMATED, MEASURED)
    for corrections in (known, EstimateCorrections(file)):
        better = corrections.of("model", CONFIG).apply(ESTIMATED)
        assert (better.weights, better.kv_cache, better.compute) == (1100, 300, 150)
        assert better.overhead == ESTIMATED.overhead


def test_it_helps_at_other_lengths_but_not_with_other_models_or_settings(file: Path) -> None:
    known = EstimateCorrections(file)
    known.learn("model", CONFIG, ESTIMATED, MEASURED)
    assert known.of("model", LoadConfig(context_length=512)) != NO_CORRECTION
    assert known.of("other", CONFIG) == NO_CORRECTION
    assert known.of("model", LoadConfig(kv_type="q8_0")) == NO_CORRECTION
    assert known.of("model", LoadConfig(batch_size=64)) == NO_CORRECTION


def test_what_was_learned_with_other_formulas_is_not_applied(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = EstimateCorrections(file)
    known.learn("model", CONFIG, ESTIMATED, MEASURED)
    monkeypatch.setattr(
        estimate_corrections, "ESTIMATE_VERSION", estimate_corrections.ESTIMATE_VERSION + 1
    )
    assert EstimateCorrections(file).of("model", CONFIG) == NO_CORRECTION


def test_the_share_on_cards_changes_in_proportion() -> None:
    split = msgspec.structs.replace(ESTIMATED, on_gpu=ESTIMATED.total // 2)
    better = Correction(weights=2.0).apply(split)
    assert better.total == 2550
    assert better.on_gpu == 1275


def test_measurements_that_make_no_sense_are_left_out() -> None:
    known = EstimateCorrections()
    known.learn("model", CONFIG, ESTIMATED, MemoryUse(0, 400 * 100, -1))
    assert known.of("model", CONFIG) == NO_CORRECTION


def test_only_so_many_are_kept_the_newest_ones(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimate_corrections, "MOST_ENTRIES", 3)
    known = EstimateCorrections(file)
    for name in ("a", "b", "c", "a", "d"):
        known.learn(name, CONFIG, ESTIMATED, MEASURED)
    kept = EstimateCorrections(file)
    found = [name for name in "abcd" if kept.of(name, CONFIG) != NO_CORRECTION]
    assert found == ["a", "c", "d"]


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{", b'{"m x": {"weights": 1e99}}', b'{"m x": {"weights": "1"}}']
)
def test_a_damaged_file_costs_only_what_was_learned(
    file: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    file.parent.mkdir()
    file.write_bytes(content)
    known = EstimateCorrections(file)
    assert known.of("m", CONFIG) == NO_CORRECTION
    assert "not known any more" in caplog.text
    known.learn("m", CONFIG, ESTIMATED, MEASURED)
    assert EstimateCorrections(file).of("m", CONFIG) != NO_CORRECTION


def test_a_folder_that_cannot_be_written_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    known = EstimateCorrections(blocked / "estimates.json")
    known.learn("model", CONFIG, ESTIMATED, MEASURED)
    assert known.of("model", CONFIG) != NO_CORRECTION
    assert "could not be kept" in caplog.text
