"""The benchmark of the memory estimate, with two of its cells."""

from pathlib import Path

import pytest

from backends.types import LoadConfig
from tests.packaging.scripts import load_script

bench = load_script("bench_memory")


@pytest.mark.engine
@pytest.mark.parametrize(
    "config",
    [
        LoadConfig(context_length=2048, threads=1),
        LoadConfig(context_length=4096, kv_type="q8_0", batch_size=128, threads=1),
    ],
)
def test_the_estimate_is_what_a_real_load_takes(starter_file: Path, config: LoadConfig) -> None:
    cell = bench.measure(starter_file, config)
    weights, kv_cache, compute, total = cell.errors
    assert weights <= 0.01
    assert kv_cache <= 0.01
    assert compute <= bench.COMPUTE_GOAL
    assert total <= bench.TOTAL_GOAL
    assert cell.resident > cell.used.weights
    assert cell.wrong_verdicts == 0
