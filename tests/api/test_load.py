"""A short sample of `make load`."""

import asyncio

import pytest

from tests.api.serving import Serving
from tests.packaging.scripts import load_script


@pytest.mark.filterwarnings("default::ResourceWarning")
def test_many_clients_are_answered_or_told_to_come_back(alone: Serving) -> None:
    model = alone.scripted(text="word " * 64, tokens_per_second=500)
    load = asyncio.run(load_script("load_api").press(alone.url, model, clients=16, seconds=5))
    assert not load.problems
    assert set(load.statuses) <= {"200", "503", "left"}
    assert load.statuses["200"] > 16
    assert load.statuses["left"] > 0
    loaded = alone.parts.runtime.get(model)
    assert loaded is not None
    alone.ended(lambda record: True)
    assert not any(record.status >= 500 for record in alone.parts.log.records())
